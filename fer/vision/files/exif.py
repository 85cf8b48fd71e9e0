"""The two EXIF values that matter for a photo: how it must be turned, and when it was taken.

Pillow reads every entry, each of which may point at the same megabytes; this reads the few numbers on the way to these.
"""

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

import cv2
import numpy as np

from fer.arrays import Image

UPRIGHT: Final = 1
# In front of a block, except in PNG and some WebP and AVIF files.
_NAME: Final = b"Exif\0\0"
_ORDERS: Final = {b"II*\0": "<", b"MM\0*": ">"}
_ORIENTATION, _DETAILS, _TAKEN = 0x0112, 0x8769, 0x9003
_TEXT, _SHORT, _LONG = 2, 3, 4
_MAX_ENTRIES: Final = 1000
_FORM: Final = "%Y:%m:%d %H:%M:%S"
_LENGTH: Final = len("2026:11:29 12:34:56")
_ROTATIONS: Final = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True)
class Exif:
    """What a photo's EXIF block says.

    Attributes:
        orientation: 1..8; 1 (upright) if it doesn't say so.
        taken: when the photo was taken, by its camera's clock and without a time zone; None if it doesn't say so.
    """

    orientation: int = UPRIGHT
    taken: datetime | None = None

    def or_else(self, other: Self) -> "Exif":
        """Return these values, where they say nothing those of another block of the same file."""
        return Exif(
            other.orientation if self.orientation == UPRIGHT else self.orientation,
            other.taken if self.taken is None else self.taken,
        )


NO_EXIF: Final = Exif()


def exif_of(block: bytes) -> Exif:
    """Return what an EXIF block says; what is missing or damaged in it says nothing.

    Args:
        block: with or without 'Exif' in front; or a TIFF, which has the same form.
    """
    block = block.removeprefix(_NAME)
    order = _ORDERS.get(block[:4])
    if order is None:
        return NO_EXIF
    return Exif(_orientation(block, order), _taken(block, order))


def _orientation(block: bytes, order: str) -> int:
    with suppress(struct.error):  # the block is cut short: it says nothing about turning
        for tag, kind, count, at in _entries(block, order, _number(block, f"{order}L", 4)):
            if (tag, kind, count) == (_ORIENTATION, _SHORT, 1):
                value = _number(block, f"{order}H", at)
                return value if 1 <= value <= 8 else UPRIGHT
    return UPRIGHT


def _taken(block: bytes, order: str) -> datetime | None:
    with suppress(struct.error, ValueError):  # ValueError: a clock that was never set, '0000:00:00 00:00:00'
        first = _number(block, f"{order}L", 4)
        for details in _pointed_at(block, order, first, _DETAILS, _LONG):
            for at in _pointed_at(block, order, details, _TAKEN, _TEXT):
                text = block[at : at + _LENGTH].decode("ascii")
                # A text that is cut short could be another date.
                return datetime.strptime(text, _FORM) if len(text) == _LENGTH else None
    return None


def _pointed_at(block: bytes, order: str, directory: int, wanted: int, kind: int) -> list[int]:
    """Return the place that an entry of a directory points at, if there is such an entry."""
    found = ((entry[1], entry[3]) for entry in _entries(block, order, directory) if entry[0] == wanted)
    return [_number(block, f"{order}L", at) for found_kind, at in found if found_kind == kind][:1]


def _entries(block: bytes, order: str, directory: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield tag, kind, count and the place of the value of each entry of a directory."""
    for number in range(min(_number(block, f"{order}H", directory), _MAX_ENTRIES)):
        at = directory + 2 + 12 * number
        tag, kind, count = struct.unpack_from(f"{order}HHL", block, at)
        yield tag, kind, count, at + 8


def _number(block: bytes, form: str, at: int) -> int:
    (value,) = struct.unpack_from(form, block, at)
    return int(value)


def turned_upright(image_bgr: Image, orientation: int) -> Image:
    """Return an image as its EXIF orientation (1..8) wants it shown."""
    if orientation in _ROTATIONS:
        return np.asarray(cv2.rotate(image_bgr, _ROTATIONS[orientation]), np.uint8)
    if orientation in (5, 7):
        image_bgr = np.asarray(cv2.transpose(image_bgr), np.uint8)
    flip = {2: 1, 4: 0, 7: -1}.get(orientation)
    return image_bgr if flip is None else np.asarray(cv2.flip(image_bgr, flip), np.uint8)
