"""PNG: the chunks that decoding needs. Of an animation this is the picture shown where animations aren't supported."""

import struct
import zlib
from typing import Final

from fer.vision.files.exif import NO_EXIF, exif_of
from fer.vision.files.parts import PILLOW_BYTES, DamagedError, Essentials, counted_parts

_SIGNATURE_BYTES, _HEADER_BYTES = 8, 33
_GREY: Final = 0
_CRITICAL: Final = (b"IHDR", b"PLTE", b"IDAT")
_END: Final = b"\0\0\0\0IEND\xaeB`\x82"
# Colours of 16 bits, which OpenCV holds twice while it decodes: three channels, and four.
_DEEP_BYTES, _DEEP_ALPHA_BYTES = 12.0, 16.0
_ALPHA: Final = 4


def essentials(data: bytes) -> Essentials:
    """Return a PNG with its header, palette, transparency and pixels.

    Raises:
        DamagedError: one of these has a wrong checksum.
        TooMuchWorkError: it consists of too many chunks.
    """
    parts = [data[:_SIGNATURE_BYTES]]
    exif, at, whole, transparent = NO_EXIF, _SIGNATURE_BYTES, True, False
    for _ in counted_parts():
        if at + 12 > len(data):
            break
        length = int.from_bytes(data[at : at + 4], "big")
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if kind == b"IEND":
            break
        if kind in _CRITICAL:
            parts.append(data[at:end])
            whole = end <= len(data)
            if whole and zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
                raise DamagedError
        elif kind == b"tRNS":
            transparent = True
            parts.append(chunk(kind, data[at + 8 : at + 8 + length]))
        elif kind == b"eXIf":
            exif = exif_of(data[at + 8 : at + 8 + length])
        at = end
    if whole:
        parts.append(_END)
    width, height, bits, colors = struct.unpack_from(">LLBB", data.ljust(_HEADER_BYTES, b"\0"), 16)
    # Deep grey takes no more than Pillow's colours.
    deep = bits == 16 and colors != _GREY
    deep_bytes = _DEEP_ALPHA_BYTES if transparent or colors & _ALPHA else _DEEP_BYTES
    return Essentials(
        b"".join(parts),
        exif,
        bytes_per_pixel=deep_bytes if deep else PILLOW_BYTES,
        opencv_size=(width, height) if deep else None,
    )


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))
