"""Put a comment into a picture's file, where viewers and `exiftool` show it; the pixels stay as they are."""

import struct
import zlib
from typing import Final

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8"
_JPEG_COMMENT: Final = b"\xff\xfe"
# What a JPEG's comment may hold, with the two bytes of its length.
_MOST_BYTES: Final = 65_533
# Signature, length, type, thirteen bytes and checksum of the first chunk.
_PNG_HEADER_BYTES: Final = 33


def with_comment(picture: bytes, text: str) -> bytes:
    """Return a JPEG or PNG file with a comment in UTF-8, cut off after 65 kB; other files are returned as they are."""
    comment = text.encode()[:_MOST_BYTES].decode(errors="ignore").encode()
    if picture.startswith(_JPEG):
        # JFIF wants its own segment first.
        place = len(_JPEG)
        if picture[place : place + 2] == b"\xff\xe0":
            place += 2 + struct.unpack(">H", picture[place + 2 : place + 4])[0]
        segment = _JPEG_COMMENT + struct.pack(">H", len(comment) + 2) + comment
        return picture[:place] + segment + picture[place:]
    if picture.startswith(_PNG):
        # Keyword, not compressed, no language, no translated keyword, and the text.
        chunk = b"iTXt" + b"Comment\0\0\0\0\0" + comment
        packed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        return picture[:_PNG_HEADER_BYTES] + packed + picture[_PNG_HEADER_BYTES:]
    return picture
