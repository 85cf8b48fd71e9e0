"""The date of a photo is found in each format that has one, and no block, however odd, ends the search in an error."""

import struct
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fer.vision.files import jpeg
from fer.vision.files.exif import NO_EXIF, UPRIGHT, Exif, exif_of
from fer.vision.images import decode_picture
from tests.support.builders import encoded
from tests.support.pictures import PICTURES

MOMENT = datetime(2019, 7, 14, 18, 3, 59)
WIDE = Image.new("RGB", (16, 8))


def exif(text: str | None = "2019:07:14 18:03:59") -> bytes:
    block = Image.Exif()
    block[0x0112] = 6
    if text is not None:
        block.get_ifd(0x8769)[0x9003] = text
    return block.tobytes()


def block_of(order: str, *, orientation: int = 3, text: bytes = b"2019:07:14 18:03:59\0", kind: int = 2) -> bytes:
    """Return a block with a directory of two entries, one in the directory of details, and the date behind it."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}L", 8)
    first = struct.pack(f"{order}HHHLHHHHLLL", 2, 0x0112, 3, 1, orientation, 0, 0x8769, 4, 1, 38, 0)
    details = struct.pack(f"{order}HHHLLL", 1, 0x9003, kind, len(text), 56, 0)
    return head + first + details + text


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_date_is_read_from_each_format(kind: str) -> None:
    picture = decode_picture(encoded(WIDE, kind, exif=exif()))
    assert picture.taken == MOMENT
    # The same block says how to turn it.
    assert picture.image_bgr.shape == (16, 8, 3)


def test_the_date_is_read_from_heic_and_from_deep_pictures() -> None:
    assert decode_picture((PICTURES / "dated.heic").read_bytes()).taken == MOMENT
    deep = decode_picture(encoded(Image.fromarray(np.full((8, 16), 40_000, np.uint16)), "PNG", exif=exif()))
    assert deep.taken == MOMENT and deep.image_bgr.shape == (16, 8, 3)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "PPM", "JPEG"])
def test_a_photo_without_a_block_has_no_date(kind: str) -> None:
    assert decode_picture(encoded(WIDE, kind)).taken is None


@pytest.mark.parametrize("text", [None, "0000:00:00 00:00:00", "    :  :     :  :  ", "2019", "2019:13:01 00:00:00"])
def test_a_photo_without_a_proper_date_has_none(text: str | None) -> None:
    assert decode_picture(encoded(WIDE, "JPEG", exif=exif(text))).taken is None


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", [b"", b"Exif\0\0"])
def test_both_byte_orders_are_read(order: str, name: bytes) -> None:
    assert exif_of(name + block_of(order)) == Exif(3, MOMENT)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"orientation": 0}, Exif(UPRIGHT, MOMENT)),
        ({"orientation": 9}, Exif(UPRIGHT, MOMENT)),
        ({"kind": 4}, Exif(3)),
        ({"text": b"\xff" * 20}, Exif(3)),
        ({"text": b"2019:07:14 18:03"}, Exif(3)),
    ],
)
def test_a_value_that_makes_no_sense_leaves_the_other_one(values: dict[str, Any], expected: Exif) -> None:
    assert exif_of(block_of("<", **values)) == expected


def test_what_the_first_block_leaves_open_the_second_one_says() -> None:
    plain = encoded(WIDE, "JPEG")
    blocks = (block_of("<", orientation=UPRIGHT), block_of(">", orientation=6, text=b"2001:01:01 00:00:00\0"))
    segments = [b"Exif\0\0" + block for block in blocks]
    data = plain[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(one) + 2) + one for one in segments) + plain[2:]
    picture = decode_picture(data)
    assert picture.taken == MOMENT and picture.image_bgr.shape == (16, 8, 3)


def test_a_block_that_is_cut_short_or_damaged_says_nothing_wrong() -> None:
    whole = block_of("<")
    for end in range(len(whole)):
        cut = exif_of(whole[:end])
        assert cut.orientation in (UPRIGHT, 3) and cut.taken in (None, MOMENT)
    assert exif_of(b"") == exif_of(b"Exif\0\0") == exif_of(b"II*\0") == NO_EXIF
    random = np.random.default_rng(7)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[int(random.integers(4, len(whole)))] = int(random.integers(256))
        assert 1 <= exif_of(bytes(damaged)).orientation <= 8


def test_only_the_first_blocks_of_a_jpeg_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    monkeypatch.setattr(jpeg, "exif_of", lambda block: seen.append(block) or exif_of(block))
    segment = b"\xff\xe1" + struct.pack(">H", 10) + b"Exif\0\0\0\0"
    data = encoded(Image.new("L", (40, 30)), "JPEG")
    picture = decode_picture(data[:2] + 1000 * segment + data[2:])
    assert picture.image_bgr.shape[:2] == (30, 40) and len(seen) == 8
