"""Zip files from strangers: read in place and never unpacked, so that nothing can be written outside of staging.

What is checked before a name is believed: the size of the directory, the number of files, their declared sizes. What
is checked while reading: that no file and no archive gives more bytes than it declared.
"""

import stat
import struct
import zipfile
from collections import defaultdict
from pathlib import PurePosixPath
from typing import IO, Final

from fer.datasets.readers.trees import MAX_ENTRIES, READ_ERRORS, Entry, is_system_file
from fer.errors import DatasetError, shortened

MAX_TOTAL_BYTES: Final = 4 * 2**30
# 35,887 files with long names take 5 MB; Python holds about ten times this for as long as the archive is open.
MAX_DIRECTORY_BYTES: Final = 16 * 2**20
# Text of a CSV shrinks to a quarter; deflate's own limit, which bombs come near, is 1,032.
MAX_RATIO: Final = 200
_RATIO_MATTERS_BYTES: Final = 2**20
_ARCHIVE_SUFFIXES: Final = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_END_RECORD: Final = struct.Struct("<4s4H2LH")
_END64_LOCATOR: Final = struct.Struct("<4sLQL")
_END64_RECORD: Final = struct.Struct("<4sQ2H2L4Q")


class ZipTree:
    """The files of a zip.

    Args:
        file: the archive's bytes; it can seek, and stays open for as long as the files are read.
        name: for people.

    Raises:
        DatasetError: it is no zip, is cut short or encrypted, or holds what a dataset does not: links, paths that
            lead out of it, other archives, far too many files or bytes.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.name = name
        self._left = MAX_TOTAL_BYTES
        self._infos: dict[PurePosixPath, list[zipfile.ZipInfo]] = defaultdict(list)
        try:
            n_declared = _check_directory(file, name)
            self._archive = zipfile.ZipFile(file)
            for info in self._files(n_declared):
                self._infos[_path_of(info)].append(info)
        except READ_ERRORS as error:
            raise DatasetError(f"{name} is no zip or is cut short; download it again.") from error

    def entries(self) -> list[Entry]:
        """Every file that is not the system's own, sorted by path; those of one name are one entry each."""
        found = [Entry(path, info.file_size) for path, infos in self._infos.items() for info in infos]
        return sorted(found, key=lambda entry: entry.path.parts)

    def open(self, path: PurePosixPath) -> IO[bytes]:
        """The bytes of one file.

        Raises:
            DatasetError: the archive would give more bytes than a dataset has.
            OSError: it cannot be read, or shares its name, so that nobody knows which is meant.
        """
        info, *others = self._infos[path]
        if others:
            raise OSError(f"the archive holds {1 + len(others)} files of this name")
        self._left -= info.file_size
        if self._left < 0:
            raise DatasetError(f"{self.name} would unpack to more than {MAX_TOTAL_BYTES // 2**30} GB; it is not read.")
        try:
            # zipfile gives no more than file_size bytes of a member, whatever its data hold.
            return self._archive.open(info)
        except READ_ERRORS as error:
            raise OSError(str(error)) from error

    def _files(self, n_declared: int) -> list[zipfile.ZipInfo]:
        infos = self._archive.infolist()
        if len(infos) > MAX_ENTRIES:
            raise DatasetError(f"{self.name} holds {len(infos):,} files, more than {MAX_ENTRIES:,}; it is not read.")
        # zipfile stops where the directory ends, and takes part of one for all of it; old packers count to 65,535.
        if len(infos) % 2**16 != n_declared % 2**16:
            raise DatasetError(
                f"{self.name} declares {n_declared:,} files and lists {len(infos):,}; download it again."
            )
        for info in infos:
            _check_member(info, self.name)
        if sum(info.file_size for info in infos) > MAX_TOTAL_BYTES:
            raise DatasetError(f"{self.name} would unpack to more than {MAX_TOTAL_BYTES // 2**30} GB; it is not read.")
        return [info for info in infos if not info.is_dir() and not is_system_file(_path_of(info))]


def _path_of(info: zipfile.ZipInfo) -> PurePosixPath:
    # Some packers on Windows write backslashes, against the format's rules.
    return PurePosixPath(info.filename.replace("\\", "/"))


def _check_member(info: zipfile.ZipInfo, name: str) -> None:
    # zipfile cuts filename at a NUL and keeps what was written in orig_filename.
    written = info.orig_filename.replace("\\", "/")
    inside = f"{name} holds '{shortened(info.filename)}'"
    if written.startswith("/") or ".." in written.split("/") or written[1:2] == ":" or "\0" in written:
        raise DatasetError(f"{inside}, a path that leads out of it; such an archive is not read.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise DatasetError(f"{inside}, a link; pack the files themselves and try again.")
    if info.flag_bits & 0x1:
        raise DatasetError(f"{name} is encrypted; unpack it and pack it again without a password.")
    if PurePosixPath(written).suffix.lower() in _ARCHIVE_SUFFIXES:
        raise DatasetError(f"{inside}, an archive within the archive; unpack it and import what it holds.")
    if info.file_size > _RATIO_MATTERS_BYTES and info.file_size > MAX_RATIO * max(info.compress_size, 1):
        raise DatasetError(f"{inside}, packed {info.file_size // max(info.compress_size, 1):,} times: no dataset is.")


def _check_directory(file: IO[bytes], name: str) -> int:
    """Refuse a directory of millions of entries before zipfile makes an object of each; how many it declares."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_RECORD.size - 2**16))
    tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) - place < _END_RECORD.size:
        raise DatasetError(f"{name} is no zip or is cut short; download it again.")
    n_entries, n_bytes = _END_RECORD.unpack_from(tail, place)[4:6]
    locator = place - _END64_LOCATOR.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        file.seek(_END64_LOCATOR.unpack_from(tail, locator)[2])
        record = file.read(_END64_RECORD.size)
        if len(record) < _END64_RECORD.size:
            raise DatasetError(f"{name} is no zip or is cut short; download it again.")
        n_entries, n_bytes = _END64_RECORD.unpack(record)[7:9]
    if n_entries > MAX_ENTRIES or n_bytes > MAX_DIRECTORY_BYTES:
        raise DatasetError(f"{name} holds {n_entries:,} files, more than {MAX_ENTRIES:,}; it is not read.")
    file.seek(0)
    return int(n_entries)
