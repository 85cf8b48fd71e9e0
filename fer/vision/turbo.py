"""JPEG by libjpeg-turbo, straight into BGR: a third of Pillow's time for a large photo, and it tells of damage."""

from typing import Final

import numpy as np
import simplejpeg

from fer.arrays import Image
from fer.vision.files.parts import DamagedError

# In libjpeg's message if the data end before the pixels do, in a row of blocks or where the next one should start (0xd9
# is the end mark). Other damage, such as stray bytes, costs no picture.
_PIXELS_MISSING: Final = ("premature end", "found marker 0xd9 instead")
_FOUR_INKS: Final = ("CMYK", "YCCK")


def turbo_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a JPEG, or None if `decode_turbo` can't decode it: four inks, or unusual sampling."""
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(data, strict=False)
    except ValueError:
        return None
    return None if colors in _FOUR_INKS else (int(width), int(height))


def decode_turbo(data: bytes) -> Image:
    """Return the pixels of a JPEG, (H, W, 3) BGR uint8.

    Raises:
        DamagedError: pixels are missing.
        ValueError: it can't be decoded.
    """
    try:
        return np.asarray(simplejpeg.decode_jpeg(data, "BGR"), np.uint8)
    except ValueError as error:
        if any(words in str(error).lower() for words in _PIXELS_MISSING):
            raise DamagedError from error
    return np.asarray(simplejpeg.decode_jpeg(data, "BGR", strict=False), np.uint8)
