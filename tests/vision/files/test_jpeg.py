import io

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from fer.errors import ImageError
from fer.vision.files import jpeg
from fer.vision.images import decode
from tests.support.builders import encoded, portrait_bgr

FEW = settings(max_examples=25, deadline=None)
MODES = st.sampled_from(["RGB", "L", "CMYK"])

PROGRESSIVE = b"\xff\xc2"


def portrait(side: int = 160, mode: str = "RGB") -> Image.Image:
    return Image.fromarray(portrait_bgr()[..., ::-1]).resize((side, side - 13)).convert(mode)


@st.composite
def jpegs(draw: st.DrawFn, modes: st.SearchStrategy[str] = MODES) -> bytes:
    """Return a portrait as a JPEG, in one of the variants that cameras and programs write."""
    options = {
        "quality": draw(st.integers(20, 95)),
        "progressive": draw(st.booleans()),
        "optimize": draw(st.booleans()),
        "subsampling": draw(st.sampled_from([0, 1, 2])),
        "restart_marker_blocks": draw(st.sampled_from([0, 1, 7])),
    }
    return encoded(portrait(draw(st.integers(40, 170)), draw(modes)), "JPEG", **options)


@FEW
@given(data=jpegs())
def test_only_the_end_mark_is_missing(data: bytes) -> None:
    assert data.endswith(b"\xff\xd9")
    expected = decode(data)
    for cut in (data[:-1], data[:-2]):
        np.testing.assert_array_equal(decode(cut), expected)


@FEW
@given(data=jpegs(), share=st.floats(0.1, 0.99))
def test_more_than_the_end_mark_is_missing(data: bytes, share: float) -> None:
    scan = data.index(b"\xff\xda")
    kept = len(data) - 2 - max(16, round(share * (len(data) - scan)))
    with pytest.raises(ImageError, match="damaged or cut short"):
        decode(data[: max(scan, kept)])


@FEW
@given(data=jpegs(st.sampled_from(["RGB", "L"])), share=st.floats(0.1, 0.9))
def test_pixels_are_missing_in_front_of_the_end_mark(data: bytes, share: float) -> None:
    # A progressive JPEG without its last scans is a whole picture with less detail.
    assume(PROGRESSIVE not in data)
    scan = data.index(b"\xff\xda") + 14
    kept = len(data) - 2 - max(16, round(share * (len(data) - scan)))
    with pytest.raises(ImageError, match="damaged or cut short"):
        decode(data[: max(scan, kept)].rstrip(b"\xff") + b"\xff\xd9")


@pytest.mark.parametrize("stray", [b"abc", b"\0" * 100])
def test_stray_bytes_in_front_of_the_end_mark_cost_no_picture(stray: bytes) -> None:
    data = encoded(portrait(), "JPEG")
    np.testing.assert_array_equal(decode(data[:-2] + stray + b"\xff\xd9"), decode(data))


def test_scans_are_counted_and_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(portrait(), "JPEG", progressive=True)
    head = data.rindex(b"\xff\xda")
    n_scans = jpeg.essentials(data).n_passes
    assert n_scans == 10
    many = data[:head] + data[head:-2] * 600 + b"\xff\xd9"
    assert jpeg.essentials(many).n_passes == 609
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("decoded"))
    with pytest.raises(ImageError, match="609 scans"):
        decode(many)


def test_scans_of_a_thumbnail_do_not_count() -> None:
    thumbnail = encoded(portrait(48), "JPEG", progressive=True)
    data = encoded(portrait(), "JPEG")
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    assert jpeg.essentials(data[:2] + segment + data[2:]).n_passes == 1


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(b"\xff\xfe\xff\xff" + bytes(65_533), id="comment"),
        pytest.param(b"\xff\xe2\xff\xffICC_PROFILE\0\x01\x02" + bytes(65_519), id="half a colour profile"),
        pytest.param(b"\xff\xe1\x00\x10Exif\0\0garbage!", id="broken EXIF"),
        pytest.param(b"\xff\xed\x00\x08Photos", id="broken Photoshop data"),
        pytest.param(b"\xff\xff\xff\xff", id="fill bytes"),
    ],
)
def test_metadata_are_skipped(extra: bytes) -> None:
    data = encoded(portrait(), "JPEG")
    many = data[:2] + extra * 30 + data[2:]
    np.testing.assert_array_equal(decode(many), decode(data))
    assert len(jpeg.essentials(many).data) <= len(data)


def test_millions_of_segments_are_refused() -> None:
    data = encoded(portrait(), "JPEG")
    with pytest.raises(ImageError, match="parts"):
        decode(data[:2] + b"\xff\xfe\0\2" * 60_000 + data[2:])


def test_a_phones_second_picture_is_left_out() -> None:
    stream = io.BytesIO()
    first, second = portrait(), Image.new("RGB", (50, 50), "red")
    first.save(stream, "MPO", save_all=True, append_images=[second])
    np.testing.assert_array_equal(decode(stream.getvalue()), decode(encoded(first, "JPEG")))


def test_memory_depends_on_how_colours_are_coded() -> None:
    def bytes_per_pixel(**options: object) -> float:
        return jpeg.essentials(encoded(portrait(), "JPEG", **options)).bytes_per_pixel

    assert bytes_per_pixel() == 7
    assert bytes_per_pixel(progressive=True, subsampling=2) == 7
    assert bytes_per_pixel(progressive=True, subsampling=0) == 10
