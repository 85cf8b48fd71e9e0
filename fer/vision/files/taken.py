"""When a photo was taken, by the EXIF block in its file. Only the few numbers on the way to the date are read."""

import struct
from datetime import datetime
from typing import Final

# In front of the block: in JPEG and HEIC, in PNG, and with a length behind it in WebP.
_MARKS: Final = ((b"Exif\0\0", 0), (b"eXIf", 0), (b"EXIF", 4))
_ORDERS: Final = {b"II*\0": "<", b"MM\0*": ">"}
_DETAILS, _TAKEN = 0x8769, 0x9003
_LONG, _TEXT = 4, 2
_FORM: Final = "%Y:%m:%d %H:%M:%S"
_LENGTH: Final = len("2026:11:29 12:34:56")
_MAX_ENTRIES: Final = 1000


def date_taken(data: bytes) -> datetime | None:
    """Return when a photo was taken, by its camera's clock and without a time zone; None if it doesn't say so.

    Args:
        data: a JPEG, HEIC, PNG or WebP. Others, and AVIF, keep their date elsewhere.
    """
    for mark, n_between in _MARKS:
        at = data.find(mark)
        while at >= 0:
            start = at + len(mark) + n_between
            if data[start : start + 4] in _ORDERS:
                return _date_in(memoryview(data)[start:])
            at = data.find(mark, at + 1)
    return None


def _date_in(block: memoryview) -> datetime | None:
    order = _ORDERS[bytes(block[:4])]
    try:
        (first,) = struct.unpack_from(f"{order}L", block, 4)
        details = _value(block, order, first, _DETAILS, _LONG)
        at = None if details is None else _value(block, order, details, _TAKEN, _TEXT)
        text = b"" if at is None else bytes(block[at : at + _LENGTH])
        return datetime.strptime(text.decode("ascii"), _FORM) if len(text) == _LENGTH else None
    except (struct.error, ValueError):  # cut short, or a clock that was never set: '0000:00:00 00:00:00'
        return None


def _value(block: memoryview, order: str, directory: int, wanted: int, kind: int) -> int | None:
    """Return the number in an entry of a directory, or None if the directory has no such entry."""
    (n_entries,) = struct.unpack_from(f"{order}H", block, directory)
    for number in range(min(n_entries, _MAX_ENTRIES)):
        tag, found, _, value = struct.unpack_from(f"{order}HHLL", block, directory + 2 + 12 * number)
        if tag == wanted:
            return int(value) if found == kind else None
    return None
