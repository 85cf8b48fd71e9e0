"""GIF, BMP and PPM: formats with little around their pixels."""

import re
from collections.abc import Iterator
from typing import Final

from fer.errors import ImageError
from fer.text import MB
from fer.vision.files.parts import Essentials, TooMuchWorkError, counted_parts

_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B
_GRAPHIC_CONTROL: Final = 0xF9
# Blocks have at most 255 bytes: the largest GIF has 120,000.
_MAX_GIF_BLOCKS: Final = 150_000
# Pillow decodes these in Python, about a million values per second.
_SLOW_BYTES: Final = MB
_BMP_RUN_LENGTHS: Final = (1, 2)
_PPM_HEADER: Final = re.compile(
    rb"P(?P<kind>[1-6fF])(?:\s|#[^\n]*\n)+(?P<width>\d{1,9})(?:\s|#[^\n]*\n)+(?P<height>\d{1,9})"
    rb"(?:(?:\s|#[^\n]*\n)+(?P<most>[-+\d.eE]+))?\s"
)
_PPM_HEADER_BYTES: Final = 4096
# Three values of 2 or 4 bytes, and the 3 bytes of the result.
_DEEP_BYTES: Final = 9.0
_FLOAT_BYTES: Final = 15.0


def gif_essentials(data: bytes) -> Essentials:
    """Return a GIF with its first frame."""
    at = 13 + _table_bytes(data[10:11])
    parts, counter = [data[:at]], counted_parts(_MAX_GIF_BLOCKS)
    control = b""
    while at < len(data) and data[at] != _TRAILER:
        next(counter)
        start, mark = at, data[at]
        if mark == _EXTENSION:
            at = _after_blocks(data, at + 2, counter)
            if data[start + 1 : start + 2] == bytes([_GRAPHIC_CONTROL]):
                control = data[start:at]
        elif mark == _IMAGE:
            at = _after_blocks(data, at + 11 + _table_bytes(data[at + 9 : at + 10]), counter)
            parts += [control, data[start:at]]
            break
        else:
            at += 1
    return Essentials(b"".join(parts) + b";")


def _table_bytes(flags: bytes) -> int:
    """Return the size of the colour table that these flags announce."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _after_blocks(data: bytes, at: int, counter: Iterator[int]) -> int:
    """Return where a chain of blocks ends."""
    while at < len(data) and data[at]:
        next(counter)
        at += 1 + data[at]
    return at + 1


def bmp_essentials(data: bytes) -> Essentials:
    """Return a bitmap as it is."""
    if int.from_bytes(data[30:34], "little") in _BMP_RUN_LENGTHS and len(data) > _SLOW_BYTES:
        raise TooMuchWorkError("its run-length coding is decoded slowly")
    return Essentials(data)


def ppm_essentials(data: bytes) -> Essentials:
    """Return a Netpbm file as it is.

    Raises:
        ImageError: it has no proper header.
        TooMuchWorkError: it would be decoded number by number.
    """
    header = _PPM_HEADER.match(data[:_PPM_HEADER_BYTES])
    if header is None:
        raise ImageError("This isn't a readable image: its header has no size. Save it as JPEG or PNG and try again.")
    kind, most = header["kind"], header["most"]
    if kind == b"F" or (kind, most) == (b"6", b"65535"):
        # Pillow cuts 16 bits of colour down to 8, number by number, and reads no colours in floating point.
        size = int(header["width"]), int(header["height"])
        return Essentials(data, bytes_per_pixel=_FLOAT_BYTES if kind == b"F" else _DEEP_BYTES, opencv_size=size)
    fast = kind in (b"4", b"f") or (kind in (b"5", b"6") and most == b"255") or (kind, most) == (b"5", b"65535")
    if not fast and len(data) > _SLOW_BYTES:
        raise TooMuchWorkError("its numbers are decoded one by one")
    return Essentials(data)
