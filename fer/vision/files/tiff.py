"""TIFF: its first directory, checked before a library believes it."""

import struct
from dataclasses import dataclass
from typing import Final

from fer.errors import ImageError
from fer.vision.files.exif import UPRIGHT
from fer.vision.files.parts import PILLOW_BYTES, Essentials, TooMuchWorkError

_WIDTH, _HEIGHT, _BITS, _ORIENTATION, _STRIPS = 256, 257, 258, 274, 273
_SAMPLES, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _SAMPLE_FORMAT = 277, 322, 323, 324, 339
_FLOATING_POINT: Final = 3
# EXIF, GPS and interoperability: directories of their own, which Pillow reads in full.
_SUB_DIRECTORIES: Final = (34665, 34853, 40965)
_UNKNOWN_TAG: Final = 65_535
# Bytes of a value by its type's number.
_SIZES: Final = {
    **dict.fromkeys((1, 2, 6, 7), 1),
    **dict.fromkeys((3, 8), 2),
    **dict.fromkeys((4, 9, 11, 13), 4),
    **dict.fromkeys((5, 10, 12, 16, 17, 18), 8),
}
_MAX_ENTRIES: Final = 1000
# A row each, in the highest pictures there are.
_MAX_STRIPS: Final = 100_000
_MAX_TILE_PIXELS: Final = 2**24
# Pillow's RGB; the library holds a strip next to it, which may be the whole picture. Deep pictures are copied again.
_RGB_BYTES: Final = 4.0


@dataclass(frozen=True)
class _Entry:
    at: int
    count: int
    value: int


def essentials(data: bytes) -> Essentials:
    """Return a TIFF with its first directory alone, and what that says about decoding.

    Raises:
        ImageError: the directory lies outside the file, or is larger than it.
    """
    entries, end = _first_directory(data)

    def value(tag: int, default: int) -> int:
        return entries[tag].value if tag in entries else default

    n_parts = max(entries[tag].count if tag in entries else 0 for tag in (_STRIPS, _TILES))
    if n_parts > _MAX_STRIPS:
        raise TooMuchWorkError(f"it consists of {n_parts:,} strips")
    if value(_TILE_WIDTH, 0) * value(_TILE_HEIGHT, 0) > _MAX_TILE_PIXELS:
        raise TooMuchWorkError("one of its tiles is larger than most pictures")
    n_samples, bits = value(_SAMPLES, 1), value(_BITS, 1)
    deep = bits > 8 or value(_SAMPLE_FORMAT, 1) == _FLOATING_POINT
    raw = max(1, n_samples) * max(8, bits) / 8
    orientation = value(_ORIENTATION, UPRIGHT)
    return Essentials(
        _with_one_directory(data, entries, end),
        orientation if 1 <= orientation <= 8 else UPRIGHT,
        bytes_per_pixel=max(PILLOW_BYTES, 3 * raw if deep else raw + _RGB_BYTES),
        opencv_size=(value(_WIDTH, 0), value(_HEIGHT, 0)) if deep and n_samples > 1 else None,
    )


def _with_one_directory(data: bytes, entries: dict[int, _Entry], end: int) -> bytes:
    """Cut the directories off that the first one leads to: Pillow walks through thousands of them, or in a circle."""
    changed = bytearray(data)
    for tag in _SUB_DIRECTORIES:
        if tag in entries:
            changed[entries[tag].at : entries[tag].at + 2] = _UNKNOWN_TAG.to_bytes(2, "big")
    n_bytes = 8 if _is_big(data) else 4
    changed[end : end + n_bytes] = bytes(n_bytes)
    return bytes(changed[: len(data)])


def _is_big(data: bytes) -> bool:
    return data[2:4] in (b"+\0", b"\0+")


def _first_directory(data: bytes) -> tuple[dict[int, _Entry], int]:
    """Return the entries of the first directory by their tag, and where the last one ends."""
    order = "<" if data[:2] == b"II" else ">"
    big = _is_big(data)
    head, entry, inline = (f"{order}Q", f"{order}HHQ8s", 8) if big else (f"{order}H", f"{order}HHL4s", 4)
    found: dict[int, _Entry] = {}
    try:
        (start,) = struct.unpack_from(f"{order}{'Q' if big else 'L'}", data, 8 if big else 4)
        (n_entries,) = struct.unpack_from(head, data, start)
        if n_entries > _MAX_ENTRIES:
            raise TooMuchWorkError(f"its directory has {n_entries:,} entries")
        n_bytes, at = 0, start + struct.calcsize(head)
        for _ in range(n_entries):
            tag, kind, count, field = struct.unpack_from(entry, data, at)
            size = count * _SIZES.get(kind, 1)
            n_bytes += size
            found.setdefault(tag, _Entry(at, count, _first_value(data, order, kind, field, size, inline)))
            at += struct.calcsize(entry)
    except (struct.error, OverflowError) as error:
        raise ImageError(
            "This TIFF file is damaged: its directory lies outside the file. Save it again as JPEG or PNG."
        ) from error
    # Entries may share their bytes, and a library copies them for each: megabytes become gigabytes.
    if n_bytes > len(data) + _MAX_ENTRIES:
        raise TooMuchWorkError("its directory claims more bytes than the file has")
    return found, at


def _first_value(data: bytes, order: str, kind: int, field: bytes, size: int, inline: int) -> int:
    """Return the first value of an entry, 0 if it is no whole number."""
    letter = {1: "B", 3: "H", 4: "L", 16: "Q"}.get(kind)
    if letter is None or size == 0:
        return 0
    if size > inline:
        (place,) = struct.unpack(f"{order}{'Q' if inline == 8 else 'L'}", field)
        return int(struct.unpack_from(f"{order}{letter}", data, place)[0])
    return int(struct.unpack_from(f"{order}{letter}", field)[0])
