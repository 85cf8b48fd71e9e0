"""WebP: its pixels and transparency, and how it must be turned. Of an animation, the first frame becomes a still."""

import struct
from collections.abc import Iterator
from typing import Final

from fer.vision.files.exif import NO_EXIF, exif_of
from fer.vision.files.parts import DamagedError, Essentials, counted_parts

_FILE_HEADER, _FRAME_HEADER = 12, 16
_EXIF_BYTES: Final = 65_536
_HAS_ALPHA: Final = 0x10
# A lossless or transparent picture is decoded to four channels, next to as many or to the result.
_PLAIN_BYTES, _LARGE_BYTES = 6.0, 8.0


def essentials(data: bytes) -> Essentials:
    """Return a WebP with one frame and no metadata."""
    exif, picture, size = NO_EXIF, b"", b""
    for kind, content in _chunks(data, _FILE_HEADER):
        if kind == b"VP8X":
            size = size or content[4:10]
        elif kind == b"EXIF":
            exif = exif_of(content[:_EXIF_BYTES])
        elif kind == b"ANMF" and not picture:
            size = content[6:12]
            picture = _picture(content, _FRAME_HEADER)
    picture = picture or _picture(data, _FILE_HEADER)
    large = picture[:4] in (b"ALPH", b"VP8L")
    if large and size:
        picture = _chunk(b"VP8X", bytes([_HAS_ALPHA, 0, 0, 0]) + size) + picture
    if not picture:
        raise DamagedError
    return Essentials(
        b"RIFF" + struct.pack("<L", 4 + len(picture)) + b"WEBP" + picture,
        exif,
        bytes_per_pixel=_LARGE_BYTES if large else _PLAIN_BYTES,
        opencv_size=_size(picture),
    )


def _picture(data: bytes, start: int) -> bytes:
    """Return the chunks of one frame: its pixels, with its transparency in front."""
    alpha = b""
    for kind, content in _chunks(data, start):
        if kind == b"ALPH":
            alpha = _chunk(kind, content)
        elif kind in (b"VP8 ", b"VP8L"):
            return (alpha if kind == b"VP8 " else b"") + _chunk(kind, content)
    return b""


def _size(picture: bytes) -> tuple[int, int]:
    """Return (width, height) from the header of a frame: of its canvas, of lossy or of lossless pixels."""
    kind, head = picture[:4], picture[8:18].ljust(10, b"\0")
    if kind == b"VP8X":
        return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF


def _chunks(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    for _ in counted_parts():
        if at + 8 > len(data):
            return
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<L", len(content)) + content + b"\0" * (len(content) % 2)
