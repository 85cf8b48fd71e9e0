import pytest
from PIL import Image

from fer.vision.files.formats import HEAD_BYTES, format_of, other_format_of
from tests.support.builders import encoded
from tests.support.pictures import PICTURES


@pytest.mark.parametrize(
    ("pillow_format", "expected"),
    [
        *((name, name) for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")),
        ("MPO", "JPEG"),
    ],
)
def test_an_image_is_recognised_by_its_first_bytes(pillow_format: str, expected: str) -> None:
    assert format_of(encoded(Image.new("RGB", (8, 8)), pillow_format)[:HEAD_BYTES]) == expected


def test_heic_is_recognised_by_its_brands() -> None:
    assert format_of((PICTURES / "portrait.heic").read_bytes()[:HEAD_BYTES]) == "HEIF"
    assert format_of(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic") == "HEIF"
    assert format_of(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif") == "AVIF"
    assert format_of(b"\0\0\0\x18ftypisom\0\0\0\0isommp41") is None, "a video"


@pytest.mark.parametrize(
    "head",
    [b"", b"P5", b"P5lease read", b"P7\n1 1\n", b"BMW is a car maker", b"RIFF\0\0\0\0WAVE", b"plain text", bytes(64)],
)
def test_other_bytes_are_not_an_image(head: bytes) -> None:
    assert format_of(head) is None


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"%PDF-1.7", "PDF"),
        (b"\xef\xbb\xbf\n  <svg xmlns=''>", "SVG"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"PK\x03\x04", "ZIP"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "Camera raw"),
        (b"FUJIFILMCCD-RAW 0201", "Camera raw"),
        (b"IIRO\x08\0\0\0", "Camera raw"),
        (b"IIU\0\x18\0\0\0", "Camera raw"),
        (b"text", None),
    ],
)
def test_unsupported_formats_are_named(head: bytes, name: str | None) -> None:
    assert other_format_of(head) == name
