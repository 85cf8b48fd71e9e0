"""The date of a photo is found in each format that has one, and no block, however odd, ends the search in an error."""

import io
from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from fer.vision.files.taken import date_taken

MOMENT = datetime(2019, 7, 14, 18, 3, 59)


def photo(kind: str, text: str | None = "2019:07:14 18:03:59") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    if text is not None:
        exif.get_ifd(0x8769)[0x9003] = text
    stream = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(stream, kind, exif=exif)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_date_is_found(kind: str) -> None:
    assert date_taken(photo(kind)) == MOMENT


@pytest.mark.parametrize("text", [None, "0000:00:00 00:00:00", "    :  :     :  :  ", "2019", "2019:13:01 00:00:00"])
def test_a_photo_without_a_date_has_none(text: str | None) -> None:
    assert date_taken(photo("JPEG", text)) is None


def test_the_marks_may_be_elsewhere_too() -> None:
    assert date_taken(b"Exif\0\0 is a word, EXIF, eXIf. " + photo("JPEG")) == MOMENT
    jpeg = photo("JPEG")
    # As HEIC has it: somewhere in the file, in front of its pixels.
    assert date_taken(b"\0\0\0\x18ftypheic" + b"\0\0\0\6" + jpeg[jpeg.index(b"Exif") :]) == MOMENT
    assert date_taken(b"") is None and date_taken(b"Exif\0\0") is None


def test_a_block_that_is_cut_short_or_damaged_says_nothing() -> None:
    whole = photo("JPEG")
    block = whole.index(b"Exif\0\0")
    for end in range(block, block + 100):
        assert date_taken(whole[:end]) in (None, MOMENT)
    random = np.random.default_rng(7)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[block + int(random.integers(6, 80))] = int(random.integers(256))
        date_taken(bytes(damaged))
