import io

import cv2
import numpy as np
import pytest
from PIL import Image

from fer.vision import images
from fer.vision.images import decode
from fer.vision.turbo import decode_turbo, turbo_size
from tests.support.builders import encoded, portrait_bgr

PORTRAIT = Image.fromarray(portrait_bgr()[..., ::-1])


@pytest.mark.parametrize("sampling", ["411", "420", "422", "440", "444"])
@pytest.mark.parametrize("progressive", [0, 1])
def test_the_pixels_are_those_of_other_decoders(sampling: str, progressive: int) -> None:
    factor = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}")
    options = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive]
    data = cv2.imencode(".jpg", portrait_bgr(), options)[1].tobytes()
    assert turbo_size(data) == (512, 512)
    np.testing.assert_array_equal(decode_turbo(data), cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))


def test_a_photo_is_decoded_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "decode_turbo", lambda data: np.full((1, 1, 3), 7, np.uint8))
    assert decode(encoded(PORTRAIT, "JPEG")).tolist() == [[[7, 7, 7]]]


def test_grey_becomes_bgr() -> None:
    data = encoded(PORTRAIT.convert("L"), "JPEG")
    grey = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(decode(data), np.dstack([grey] * 3))


@pytest.mark.parametrize("subsampling", [0, 1])
def test_four_inks_are_left_to_pillow(subsampling: int) -> None:
    data = encoded(PORTRAIT.convert("CMYK"), "JPEG", quality=95, subsampling=subsampling)
    assert turbo_size(data) is None
    assert np.abs(decode(data).astype(int) - portrait_bgr()).mean() < 6


@pytest.mark.parametrize("orientation", [3, 6])
def test_exif_turns_a_photo(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    plain, tagged = decode(encoded(PORTRAIT, "JPEG")), decode(encoded(PORTRAIT, "JPEG", exif=exif))
    np.testing.assert_array_equal(tagged, np.rot90(plain, {3: 2, 6: -1}[orientation]))
