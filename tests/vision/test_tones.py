import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fer.errors import ImageError
from fer.text import MB
from fer.vision.images import decode_picture
from fer.vision.tones import eight_bits
from tests.support.builders import encoded, portrait_bgr

SOME = settings(max_examples=60, deadline=None)
GREY = cv2.cvtColor(portrait_bgr()[::4, ::4], cv2.COLOR_BGR2GRAY)


def assert_alike(image: np.ndarray, extreme: np.ndarray) -> None:
    """Compare with the portrait, except for the extreme values."""
    difference = np.abs(image.astype(int) - GREY)
    assert difference[~extreme].max() <= 1, difference[~extreme].max()


@SOME
@given(
    white=st.sampled_from([1.0, 255.0, 1023.0, 4095.0, 65535.0]),
    times=st.one_of(st.floats(1.0001, 1e6), st.just(np.inf)),
    share=st.floats(0, 0.03),
    seed=st.integers(0, 9),
)
def test_a_few_values_over_white_change_nothing(white: float, times: float, share: float, seed: int) -> None:
    values = (GREY / 255 * white).astype(np.float32)
    extreme = np.random.default_rng(seed).random(values.shape) < share
    extreme[0, 0] = True
    values[extreme] = np.float32(white * times)
    image, note = eight_bits(values)
    assert_alike(image, extreme)
    assert (image[extreme] == 255).all()
    assert note and f"to {white:,.0f} (white)" in note


@pytest.mark.parametrize("gap", [np.nan, -np.inf, -3.0])
def test_gaps_are_black(gap: float) -> None:
    values = (GREY / 255).astype(np.float32)
    values[10:20] = gap
    image, _ = eight_bits(values)
    assert (image[10:20] == 0).all()
    assert_alike(image, np.broadcast_to((np.arange(128) // 10 == 1)[:, None], image.shape))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("hot", [False, True])
def test_bits_in_use_are_recognised(dtype: type, bits: int, hot: bool) -> None:
    values = np.round(GREY / 255 * (2**bits - 1)).astype(dtype)
    extreme = np.zeros(GREY.shape, bool)
    if hot:
        extreme[3, 3:9] = True
        values[extreme] = 65_535
    image, note = eight_bits(values)
    assert_alike(image, extreme)
    assert (note is None) == (bits == 16)
    assert note is None or f"only {bits} seem" in note


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_files_of_sixteen_bits(suffix: str, channels: int, bits: int) -> None:
    bgr = portrait_bgr()[::4, ::4] if channels > 1 else GREY[..., None]
    values = np.round(bgr / 255 * (2**bits - 1)).astype(np.uint16)
    if channels == 4:
        values = np.dstack([values, np.full(GREY.shape, 2**bits - 1, np.uint16)])
    picture = decode_picture(cv2.imencode(suffix, values)[1].tobytes())
    assert np.abs(picture.image_bgr.astype(int) - bgr).max() <= 1
    assert (picture.note is None) == (bits == 16)


def test_a_large_ppm_of_sixteen_bits_is_read() -> None:
    bgr = portrait_bgr()
    data = cv2.imencode(".ppm", bgr.astype(np.uint16) * 257)[1].tobytes()
    assert data.startswith(b"P6") and len(data) > MB
    picture = decode_picture(data)
    np.testing.assert_array_equal(picture.image_bgr, bgr)
    assert picture.note is None
    with pytest.raises(ImageError, match="cut short"):
        decode_picture(data[:-9])


@pytest.mark.parametrize("kind", [b"P6 %d 9 65535\n", b"PF %d 9 -1\n"])
def test_a_size_that_no_image_has_gives_a_short_sentence(kind: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        decode_picture(kind % 10**1000 + bytes(99))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("suffix", [".tiff", ".pfm"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("white", [1, 255])
def test_files_of_floating_point(suffix: str, channels: int, white: int) -> None:
    bgr = portrait_bgr()[::4, ::4] if channels > 1 else GREY[..., None]
    values = (bgr / 255 * white).astype(np.float32)
    values[0, 0] = 7 * white
    picture = decode_picture(cv2.imencode(suffix, values)[1].tobytes())
    assert np.abs(picture.image_bgr.astype(int) - bgr)[1:].max() <= 1
    assert picture.note == f"The file has floating-point values; they were read as 0 (black) to {white} (white)."


def test_nothing_is_assumed_of_eight_bits() -> None:
    assert decode_picture(encoded(Image.fromarray(GREY))).note is None


@pytest.mark.parametrize("dtype", [np.float32, np.uint16, np.int32])
def test_a_black_picture_stays_black(dtype: type) -> None:
    image, _ = eight_bits(np.zeros((9, 9), dtype))
    assert not image.any()
