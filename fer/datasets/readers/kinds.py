"""Recognise what a file is by its first bytes, whatever it is called."""

import io
from typing import IO, Final

from fer.datasets.readers.lines import as_utf8
from fer.errors import DatasetError
from fer.vision.files.formats import format_of

ZIP, TAR, GZIP, BZIP2, XZ, PARQUET, TEXT = "zip", "tar", "gzip", "bzip2", "xz", "parquet", "text"
COMPRESSED: Final = frozenset({GZIP, BZIP2, XZ})
ARCHIVES: Final = COMPRESSED | {ZIP, TAR}

_STARTS: Final = (
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"\x1f\x8b", GZIP),
    (b"BZh", BZIP2),
    (b"\xfd7zXZ\0", XZ),
    (b"PAR1", PARQUET),
)
_TAR_MARK: Final = (257, b"ustar")
START_BYTES: Final = 512
_UNPACK: Final = "which isn't read; unpack it, and import the folder or file in it"
_ONE_IMAGE: Final = "a single image; give a folder with a subfolder of images per class"
_ARROW: Final = "an Arrow file, which isn't read; save the dataset by to_parquet"
_PART: Final = "a part of a dataset; import the folder or archive that holds it and the images"
# What people have instead, and what to do with it.
_REFUSED: Final = (
    (b"7z\xbc\xaf\x27\x1c", f"a 7z archive, {_UNPACK}"),
    (b"Rar!\x1a\x07", f"a RAR archive, {_UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"packed with zstd, {_UNPACK}"),
    (b"\x04\x22\x4d\x18", f"packed with lz4, {_UNPACK}"),
    (b"\x5d\0\0", f"packed with lzma, {_UNPACK}"),
    (b"LZIP", f"packed with lzip, {_UNPACK}"),
    (b"\x1f\x9d", f"packed with compress, {_UNPACK}"),
    (b"MSCF", f"a cabinet of Windows, {_UNPACK}"),
    (b"ARROW1", _ARROW),
    (b"\xff\xff\xff\xff", _ARROW),
    (b"MATLAB ", "a MATLAB file, which isn't read; save its images and labels as npz"),
    (b"version https://git-lfs", "a pointer of Git LFS instead of the file; run 'git lfs pull', and import again"),
    (b"RIFF", "a film or sound, and not labelled faces"),
    (b"\x1a\x45\xdf\xa3", "a film, and not labelled faces"),
    (b"\x89HDF\r\n", "an HDF5 file, which isn't read; save its images and labels as npz"),
    (b"\x93NUMPY", "one numpy array; save images and labels together, by numpy.savez"),
    (b"\x80\x02", "a pickle, which can run code and isn't read; save images and labels as npz"),
    (b"\x80\x03", "a pickle, which can run code and isn't read; save images and labels as npz"),
    (b"\x80\x04", "a pickle, which can run code and isn't read; save images and labels as npz"),
    (b"\x80\x05", "a pickle, which can run code and isn't read; save images and labels as npz"),
    (b"%PDF", "a PDF, which holds no labelled faces"),
    (b"SQLite format 3\0", "an SQLite database, which isn't read; export its table as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Office file, which isn't read; save it as CSV"),
)
_SUFFIXES: Final = {
    ".zip": ZIP,
    ".npz": ZIP,
    ".tar": TAR,
    ".gz": GZIP,
    ".tgz": GZIP,
    ".bz2": BZIP2,
    ".xz": XZ,
    ".parquet": PARQUET,
}
_REFUSED_SUFFIXES: Final = {".7z": f"a 7z archive, {_UNPACK}", ".rar": f"a RAR archive, {_UNPACK}"}
_NOT_ARCHIVES: Final = {
    ".tfrecord": "a TFRecord, which isn't read; save its images and labels as npz",
    ".xml": _PART,
    ".yaml": _PART,
    ".yml": _PART,
    ".names": _PART,
    ".json": "a JSON file, and neither COCO's nor JSON lines; save it as a CSV or as one of these",
}
_WEB_PAGE: Final = "a web page, as sites send to those who haven't signed in; sign in, and download the file itself"


def suffix_of(name: str) -> str:
    """Return the last suffix of a name in small letters: '.gz'."""
    return f".{name.rpartition('.')[2].lower()}" if "." in name else ""


def is_archive_name(name: str) -> bool:
    """Return whether a file in an archive or folder is itself an archive, by its name."""
    suffix = suffix_of(name)
    return suffix in _REFUSED_SUFFIXES or (_SUFFIXES.get(suffix) in ARCHIVES and suffix != ".npz")


def starts_like_archive(start: bytes) -> bool:
    """Return whether the first bytes of a file are those of an archive."""
    return _known_start(start) in ARCHIVES


def _known_start(start: bytes) -> str | None:
    place, mark = _TAR_MARK
    if start[place : place + len(mark)] == mark:
        return TAR
    return next((kind for sign, kind in _STARTS if start.startswith(sign)), None)


def _refused(name: str, start: bytes) -> str | None:
    """Return what a file is and what to do with it, if it is something known that isn't read."""
    suffix = suffix_of(name)
    if not start and suffix in (*_SUFFIXES, *_NOT_ARCHIVES):
        return "empty; copy or download it again"
    # A table may begin with 'P1' as well.
    if format_of(start) not in (None, "PPM"):
        return _ONE_IMAGE
    if why := next((why for mark, why in _REFUSED if start.startswith(mark)), None):
        return why
    text = as_utf8(io.BytesIO(start)).read().lstrip(b" \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return _WEB_PAGE
    if start[4:8] == b"ftyp":
        return "a film, and not labelled faces"
    # JSON lines are a table.
    is_lines = suffix == ".json" and text.startswith(b'{"')
    return None if is_lines else _NOT_ARCHIVES.get(suffix)


def kind_of(name: str, file: IO[bytes]) -> str:
    """Return what a file is, by its content; by its name if the content is unknown, so that damage is reported as such.

    Args:
        name: the file's name.
        file: its bytes; it can seek, and is left at its start.

    Raises:
        DatasetError: it is something known that isn't read.
    """
    file.seek(0)
    start = file.read(START_BYTES)
    file.seek(0)
    if (why := _refused(name, start)) is not None:
        raise DatasetError(f"{name} is {why}.")
    if (known := _known_start(start)) is not None:
        return known
    suffix = suffix_of(name)
    if suffix in _REFUSED_SUFFIXES:
        raise DatasetError(f"{name} is {_REFUSED_SUFFIXES[suffix]}.")
    return _SUFFIXES.get(suffix, TEXT)
