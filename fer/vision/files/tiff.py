"""TIFF: its first directory, checked before a library believes it."""

import struct
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.errors import ImageError
from fer.vision.files.exif import UPRIGHT, exif_of
from fer.vision.files.parts import PILLOW_BYTES, CameraRawError, Essentials, TooMuchWorkError

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _ORIENTATION, _STRIPS = 256, 257, 258, 259, 274, 273
_STRIP_SIZES, _TILE_SIZES = 279, 325
_PHOTOMETRIC, _DIRECTORIES, _DNG_VERSION = 262, 330, 50706
_SAMPLES, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _SAMPLE_FORMAT = 277, 322, 323, 324, 339
_FLOATING_POINT: Final = 3
_JPEG: Final = 7
# Photometric interpretations of what a sensor saw: a colour filter array, and its colours before they are developed.
_SENSOR: Final = (32803, 34892)
# Directories below the first one; raw files have up to five.
_MAX_DIRECTORIES: Final = 16
_START_OF_SCAN: Final = b"\xff\xda"
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
# How numpy names the types of whole numbers.
_WHOLE_NUMBERS: Final = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
# Larger than any file; the sum of two is still an int64.
_FAR: Final = np.uint64(2**62)
_MAX_ENTRIES: Final = 1000
# A row each, in the highest pictures there are.
_MAX_STRIPS: Final = 100_000
# A dozen each, if they are progressive JPEGs.
_MAX_SCANS: Final = 12 * _MAX_STRIPS
_MAX_TILE_PIXELS: Final = 2**24
# Pillow's RGB; the library holds a strip next to it, which may be the whole picture. Deep pictures are copied again.
_RGB_BYTES: Final = 4.0


@dataclass(frozen=True)
class _Entry:
    """Where an entry of a directory lies in the file, and where its values do."""

    at: int
    kind: int
    count: int
    values_at: int


@dataclass(frozen=True)
class _Directory:
    """The first directory of a file, its entries by their tag, and where the last one ends."""

    data: bytes
    order: str
    entries: dict[int, _Entry]
    end: int

    def values(self, tag: int) -> npt.NDArray[np.int64]:
        """Return the values of an entry, (count,); none if there is no such entry or they are no whole numbers.

        Raises:
            struct.error: they lie outside the file.
        """
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in _WHOLE_NUMBERS:
            return np.empty(0, np.int64)
        if entry.values_at + entry.count * _SIZES[entry.kind] > len(self.data):
            raise struct.error
        values = np.frombuffer(self.data, self.order + _WHOLE_NUMBERS[entry.kind], entry.count, entry.values_at)
        return np.minimum(values.astype(np.uint64), _FAR).astype(np.int64)

    def value(self, tag: int, default: int) -> int:
        """Return the first value of an entry; the default if there is no such entry, 0 if it is no whole number."""
        return int(next(iter(self.values(tag)[:1]), 0)) if tag in self.entries else default


def essentials(data: bytes) -> Essentials:
    """Return a TIFF with its first directory alone, and what that says about decoding.

    Raises:
        ImageError: the directory lies outside the file, or is larger than it.
        CameraRawError: it is a camera's raw file, whose first directory has a thumbnail at best.
        TooMuchWorkError: it consists of too many strips, tiles or scans.
    """
    try:
        directory = _first_directory(data)
        if _is_camera_raw(directory):
            raise CameraRawError
        return _described(directory)
    except (struct.error, OverflowError) as error:
        raise ImageError(
            "This TIFF file is damaged: its directory lies outside the file. Save it again as JPEG or PNG."
        ) from error


def _described(directory: _Directory) -> Essentials:
    value = directory.value
    n_parts = max(directory.entries[tag].count if tag in directory.entries else 0 for tag in (_STRIPS, _TILES))
    if n_parts > _MAX_STRIPS:
        raise TooMuchWorkError(f"it consists of {n_parts:,} strips")
    if value(_TILE_WIDTH, 0) * value(_TILE_HEIGHT, 0) > _MAX_TILE_PIXELS:
        raise TooMuchWorkError("one of its tiles is larger than most pictures")
    n_samples, bits = value(_SAMPLES, 1), value(_BITS, 1)
    deep = bits > 8 or value(_SAMPLE_FORMAT, 1) == _FLOATING_POINT
    raw = max(1, n_samples) * max(8, bits) / 8
    orientation = value(_ORIENTATION, UPRIGHT)
    return Essentials(
        _with_one_directory(directory),
        replace(exif_of(directory.data), orientation=orientation if 1 <= orientation <= 8 else UPRIGHT),
        n_passes=_most_scans(directory) if value(_COMPRESSION, 0) == _JPEG else 1,
        bytes_per_pixel=max(PILLOW_BYTES, 3 * raw if deep else raw + _RGB_BYTES),
        opencv_size=(value(_WIDTH, 0), value(_HEIGHT, 0)) if deep and n_samples > 1 else None,
    )


def _most_scans(directory: _Directory) -> int:
    """Return how many scans the JPEG of one strip or tile has at most. Several strips may share one JPEG."""
    if (count := directory.data.count(_START_OF_SCAN)) > _MAX_SCANS:
        raise TooMuchWorkError(f"it has {count:,} scans")
    content = np.frombuffer(directory.data, np.uint8)
    marks = np.flatnonzero((content[:-1] == _START_OF_SCAN[0]) & (content[1:] == _START_OF_SCAN[1]))
    most = 1
    for offsets_tag, sizes_tag in ((_STRIPS, _STRIP_SIZES), (_TILES, _TILE_SIZES)):
        starts, stated = directory.values(offsets_tag), directory.values(sizes_tag)
        # A strip without a size may reach to the end of the file.
        sizes = np.full(len(starts), len(content))
        sizes[: len(stated)] = np.where(stated > 0, stated, len(content))[: len(starts)]
        n_scans = np.searchsorted(marks, starts + sizes) - np.searchsorted(marks, starts)
        most = max(most, int(n_scans.max(initial=0)))
    return most


def _is_camera_raw(first: _Directory) -> bool:
    """Tell whether a file has a sensor's picture: in its first directory, or in those that this one names."""
    if first.data[8:10] == b"CR" or _DNG_VERSION in first.entries:  # Canon's CR2 says so in its head
        return True
    directories = [first]
    for start in first.values(_DIRECTORIES)[:_MAX_DIRECTORIES]:
        try:
            directories.append(_directory(first.data, int(start)))
        except (struct.error, OverflowError, TooMuchWorkError):
            continue  # damaged, and not needed for the picture
    return any(directory.value(_PHOTOMETRIC, 0) in _SENSOR for directory in directories)


def _with_one_directory(directory: _Directory) -> bytes:
    """Cut the directories off that the first one leads to: Pillow walks through thousands of them, or in a circle."""
    changed = bytearray(directory.data)
    for tag in _SUB_DIRECTORIES:
        if tag in directory.entries:
            at = directory.entries[tag].at
            changed[at : at + 2] = _UNKNOWN_TAG.to_bytes(2, "big")
    n_bytes = 8 if _is_big(directory.data) else 4
    changed[directory.end : directory.end + n_bytes] = bytes(n_bytes)
    return bytes(changed[: len(directory.data)])


def _is_big(data: bytes) -> bool:
    return data[2:4] in (b"+\0", b"\0+")


def _first_directory(data: bytes) -> _Directory:
    """Return the first directory; raise what `_directory` raises."""
    (start,) = struct.unpack_from(_formats(data)[2], data, 8 if _is_big(data) else 4)
    return _directory(data, start)


def _formats(data: bytes) -> tuple[str, str, str]:
    """Return the formats of a directory's head, of the start of an entry, and of a place in the file."""
    order = "<" if data[:2] == b"II" else ">"
    if _is_big(data):
        return f"{order}Q", f"{order}HHQ", f"{order}Q"
    return f"{order}H", f"{order}HHL", f"{order}L"


def _directory(data: bytes, start: int) -> _Directory:
    """Return the directory that starts at a place.

    Raises:
        struct.error: it lies outside the file.
        TooMuchWorkError: it is larger than the file, or has too many entries.
    """
    head, entry, place = _formats(data)
    found: dict[int, _Entry] = {}
    (n_entries,) = struct.unpack_from(head, data, start)
    if n_entries > _MAX_ENTRIES:
        raise TooMuchWorkError(f"its directory has {n_entries:,} entries")
    n_bytes, at = 0, start + struct.calcsize(head)
    for _ in range(n_entries):
        tag, kind, count = struct.unpack_from(entry, data, at)
        field_at, size = at + struct.calcsize(entry), count * _SIZES.get(kind, 1)
        # Values that fit into the field are there; else it says where they are.
        (elsewhere,) = struct.unpack_from(place, data, field_at)
        found.setdefault(tag, _Entry(at, kind, count, field_at if size <= struct.calcsize(place) else elsewhere))
        n_bytes += size
        at = field_at + struct.calcsize(place)
    # Entries may share their bytes, and a library copies them for each: megabytes become gigabytes.
    if n_bytes > len(data) + _MAX_ENTRIES:
        raise TooMuchWorkError("its directory claims more bytes than the file has")
    return _Directory(data, head[0], found, at)
