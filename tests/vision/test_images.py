import io
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fer.errors import ImageError
from fer.text import MB
from fer.vision import images
from fer.vision.images import decode, encode_jpeg, encode_png
from tests.support.builders import encoded, portrait_bgr
from tests.support.pictures import PICTURES

# Four quarters, so that every orientation looks different: (row, column) of a pixel in each, and its colour.
RED, GREEN, BLUE, GRAY = (200, 30, 20), (20, 180, 40), (30, 40, 190), (120, 120, 120)


def quarters(width: int = 64, height: int = 48) -> Image.Image:
    """Return an RGB image: red and green over blue and grey."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, GRAY
    return Image.fromarray(pixels)


def corners(image_bgr: np.ndarray) -> list[tuple[int, ...]]:
    """Return the RGB of each quarter's middle: left top, right top, left bottom, right bottom."""
    height, width = image_bgr.shape[:2]
    places = [(height // 4, width // 4), (height // 4, 3 * width // 4), (3 * height // 4, width // 4)]
    return [tuple(int(v) for v in image_bgr[place][::-1]) for place in [*places, (3 * height // 4, 3 * width // 4)]]


def assert_colors(found: list[tuple[int, int, int]], expected: list[tuple[int, int, int]], tolerance: int) -> None:
    assert np.abs(np.array(found) - np.array(expected)).max() <= tolerance, found


@pytest.mark.parametrize(
    ("file_format", "tolerance"),
    [("PNG", 0), ("BMP", 0), ("TIFF", 0), ("PPM", 0), ("JPEG", 4), ("WEBP", 12), ("AVIF", 8), ("GIF", 2)],
)
def test_every_format_is_decoded_as_bgr(file_format: str, tolerance: int) -> None:
    image = decode(encoded(quarters(), file_format))
    assert image.shape == (48, 64, 3) and image.dtype == np.uint8 and image.flags.c_contiguous
    assert_colors(corners(image), [RED, GREEN, BLUE, GRAY], tolerance)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK", "YCbCr"])
def test_modes_of_color_keep_their_brightness(mode: str) -> None:
    file_format = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    source = quarters().convert(mode, dither=Image.Dither.NONE) if mode == "1" else quarters().convert(mode)
    image = decode(encoded(source, file_format))
    assert image.shape == (48, 64, 3)
    assert_colors(corners(image), corners(np.asarray(source.convert("RGB"))[..., ::-1]), 3)


def test_a_cmyk_jpeg_is_not_inverted() -> None:
    data = encoded(quarters().convert("CMYK"), "JPEG", quality=95)
    assert_colors(corners(decode(data)), [RED, GREEN, BLUE, GRAY], 10)


@pytest.mark.parametrize("alpha", [0, 64, 255])
def test_transparent_pixels_become_white(alpha: int) -> None:
    picture = quarters()
    picture.putalpha(alpha)
    expected = [tuple(round(v * alpha / 255 + 255 - alpha) for v in color) for color in (RED, GREEN, BLUE, GRAY)]
    assert_colors(corners(decode(encoded(picture))), expected, 1)


@pytest.mark.parametrize("mode", ["P", "RGB", "L"])
def test_a_transparent_color_is_white(mode: str) -> None:
    picture = quarters().quantize(4) if mode == "P" else quarters().convert(mode)
    key = picture.getpixel((0, 0))
    image = decode(encoded(picture, transparency=key))
    assert corners(image)[0] == (255, 255, 255)
    assert corners(image)[3] == (120, 120, 120)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("top", [255, 100])
def test_sixteen_bits_are_scaled_by_their_white(suffix: str, top: int) -> None:
    """A dark image of 16 bits stays dark: its white is 65535, whatever its brightest pixel is."""
    gray = np.tile(np.linspace(0, top * 257, 64).astype(np.uint16), (48, 1))
    for pixels in (gray, np.dstack([gray] * 3)):
        image = decode(cv2.imencode(suffix, pixels)[1].tobytes())
        assert np.abs(image[0, :, 0].astype(float) - np.linspace(0, top, 64)).max() <= 1


def test_floating_point_is_scaled_and_gaps_are_black() -> None:
    gray = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    gray[0, 1] = np.nan
    image = decode(encoded(Image.fromarray(gray), "TIFF"))
    assert image[0, 0, 0] == 0 and image[0, 1, 0] == 0 and image[-1, -1, 0] == 255
    assert image[4, 0, 0] == round(255 * 32 / 63)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [RED, GREEN, BLUE, GRAY]),
        (2, [GREEN, RED, GRAY, BLUE]),
        (3, [GRAY, BLUE, GREEN, RED]),
        (4, [BLUE, GRAY, RED, GREEN]),
        (5, [RED, BLUE, GREEN, GRAY]),
        (6, [BLUE, RED, GRAY, GREEN]),
        (7, [GRAY, GREEN, BLUE, RED]),
        (8, [GREEN, GRAY, RED, BLUE]),
    ],
)
def test_exif_orientation_is_applied(file_format: str, orientation: int, expected: list[tuple[int, int, int]]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decode(encoded(quarters(), file_format, exif=exif))
    assert image.shape == ((48, 64, 3) if orientation < 5 else (64, 48, 3))
    assert_colors(corners(image), expected, 12)


@pytest.mark.parametrize("name", ["portrait.heic", "turned.heic"])
def test_a_phones_heic_is_read_and_turned(name: str) -> None:
    image = decode((PICTURES / name).read_bytes())
    expected = cv2.resize(portrait_bgr()[:256, 96:352], (256, 256))
    assert image.shape == expected.shape and image.flags.writeable
    assert np.abs(image.astype(int) - expected).mean() < 6


@pytest.mark.filterwarnings(r"ignore::UserWarning:PIL\.")
def test_with_broken_exif_data_an_image_is_read_unturned() -> None:
    data = encoded(quarters(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"garbage" * 9)
    assert_colors(corners(decode(data)), [RED, GREEN, BLUE, GRAY], 4)


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_read(file_format: str) -> None:
    frames = [Image.new("RGB", (64, 48), color) for color in (GREEN, BLUE)]
    data = encoded(quarters(), file_format, save_all=True, append_images=frames)
    assert_colors(corners(decode(data)), [RED, GREEN, BLUE, GRAY], 12)


def test_strips_of_a_tall_image_join_exactly() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (700, 5, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(pixels)))[..., ::-1], pixels[..., :3])


def bomb(width: int, height: int) -> bytes:
    """Return a PNG with a large declared size and little content."""
    data = bytearray(encoded(Image.new("L", (1, 1))))
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


REFUSED = {
    "empty": (b"", "empty"),
    "text": (b"no picture", "isn't a readable image"),
    "html": (b"<!doctype html><p>404", "isn't a readable image"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG files cannot be read"),
    "heic without content": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(50), "damaged or cut short"),
    "pdf": (b"%PDF-1.7\n", "PDF files cannot be read"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "isn't a readable image"),
    "png cut short": (encoded(quarters())[:-40], "damaged or cut short"),
    "jpeg cut short": (encoded(quarters(), "JPEG")[:-80], "damaged or cut short"),
    "header alone": (encoded(quarters())[:30], "damaged or cut short"),
    "too many pixels": (bomb(65_000, 1_000), "more than 64 million"),
    "far too many pixels": (bomb(2_000_000_000, 2_000_000_000), "more than 64 million"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_unreadable_image_is_refused_with_a_sentence(name: str) -> None:
    data, sentence = REFUSED[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module=r"PIL\.")
        with pytest.raises(ImageError, match=sentence) as caught:
            decode(data)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and ";" in text, "what happened; what to do"


FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "HEIF")


def example(file_format: str) -> bytes:
    return (PICTURES / "portrait.heic").read_bytes() if file_format == "HEIF" else encoded(quarters(), file_format)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    file_format=st.sampled_from(FORMATS),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.binary(min_size=1, max_size=4)), max_size=4),
    kept=st.floats(0.2, 1),
)
def test_a_damaged_file_gives_an_image_or_a_sentence(
    file_format: str, changes: list[tuple[float, bytes]], kept: float
) -> None:
    data = bytearray(example(file_format))
    for place, content in changes:
        # Mostly near the start, where the structure is.
        at = int(place**3 * len(data))
        data[at : at + len(content)] = content
    try:
        image = decode(bytes(data[: round(kept * len(data))]))
    except ImageError as error:
        assert str(error).endswith(".")
    else:
        assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_file_that_misses_its_last_tenth_is_refused(file_format: str, kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    data = example("HEIF") if file_format == "HEIF" else encoded(Image.fromarray(noise), file_format)
    with pytest.raises(ImageError, match="damaged or cut short"):
        decode(data[: round(kept * len(data))])


def test_limits_are_checked_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("decoded")

    data = bomb(8_001, 8_000)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    with pytest.raises(ImageError, match="8001 x 8000 pixels"):
        decode(data)
    monkeypatch.setattr(images, "MAX_BYTES", MB)
    with pytest.raises(ImageError, match=r"2\.1 MB; at most 1 MB"):
        decode(bytes(int(2.05 * MB)))


def test_damage_is_reported_by_the_error_and_not_on_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "broken.tif"
    data = bytearray(encoded(quarters(), "TIFF"))
    at = data.index(b"\x15\x01\x03\x00")  # samples per pixel
    data[at + 8 : at + 10] = b"\x00\x08"
    file.write_bytes(data)
    large = tmp_path / "large.png"
    large.write_bytes(bomb(12_000, 10_000))
    code = (
        "import sys; from fer.errors import ImageError; from fer.vision.images import decode\n"
        "for name in sys.argv[1:]:\n"
        "    try: decode(open(name, 'rb').read())\n"
        "    except ImageError: continue\n"
        "    raise SystemExit(name)"
    )
    done = subprocess.run([sys.executable, "-c", code, file, large], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_reading_a_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "me.png"
    file.write_bytes(b"12345")
    assert images.read(file) == b"12345"
    monkeypatch.setattr(images, "MAX_BYTES", 4)
    with pytest.raises(ImageError, match="at most"):
        images.read(file)
    with pytest.raises(ImageError, match="No such file"):
        images.read(tmp_path / "gone.png")
    with pytest.raises(ImageError, match="cannot be read"):
        images.read(tmp_path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="Windows has no such file")
def test_reading_an_endless_file_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 4)
    with pytest.raises(ImageError, match="at most"):
        images.read(Path("/dev/zero"))


def test_an_image_is_recognised_by_its_content(tmp_path: Path) -> None:
    for name, data, expected in [
        ("a", encoded(quarters()), True),
        ("b.png", b"text", False),
        ("c", bomb(9**9, 9), True),
    ]:
        (tmp_path / name).write_bytes(data)
        assert images.is_picture(tmp_path / name) is expected, name
    assert images.is_picture(tmp_path) is False


def test_encoded_images_can_be_decoded() -> None:
    image = decode(encoded(quarters()))
    np.testing.assert_array_equal(decode(encode_png(image)), image)
    jpeg = encode_jpeg(image)
    assert Image.open(io.BytesIO(jpeg)).format == "JPEG"
    assert_colors(corners(decode(jpeg)), [RED, GREEN, BLUE, GRAY], 4)
    assert len(encode_jpeg(image, quality=10)) < len(jpeg)
    gray = image[..., 0].copy()
    np.testing.assert_array_equal(decode(encode_png(gray))[..., 1], gray)
