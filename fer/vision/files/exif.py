"""The one EXIF value that matters for a picture: how it must be turned.

Pillow reads every entry, each of which may point at the same megabytes; this reads one number.
"""

import struct
from typing import Final

import cv2
import numpy as np

from fer.arrays import Image

UPRIGHT: Final = 1
_ORIENTATION: Final = 0x0112
_SHORT: Final = 3
_MAX_ENTRIES: Final = 1000
_ROTATIONS: Final = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}


def orientation_of(exif: bytes) -> int:
    """Return the orientation in 1..8 of an EXIF block, with or without 'Exif' in front; 1 if there is none."""
    if exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return UPRIGHT
    try:
        (start,) = struct.unpack_from(f"{order}L", exif, 4)
        (n_entries,) = struct.unpack_from(f"{order}H", exif, start)
        for number in range(min(n_entries, _MAX_ENTRIES)):
            tag, kind, count, value = struct.unpack_from(f"{order}HHLH", exif, start + 2 + 12 * number)
            if tag == _ORIENTATION and kind == _SHORT and count == 1:
                return value if 1 <= value <= 8 else UPRIGHT
    except struct.error:  # the block is cut short: it says nothing about turning
        pass
    return UPRIGHT


def turned_upright(image_bgr: Image, orientation: int) -> Image:
    """Return an image as its EXIF orientation (1..8) wants it shown."""
    if orientation in _ROTATIONS:
        return np.asarray(cv2.rotate(image_bgr, _ROTATIONS[orientation]), np.uint8)
    if orientation in (5, 7):
        image_bgr = np.asarray(cv2.transpose(image_bgr), np.uint8)
    flip = {2: 1, 4: 0, 7: -1}.get(orientation)
    return image_bgr if flip is None else np.asarray(cv2.flip(image_bgr, flip), np.uint8)
