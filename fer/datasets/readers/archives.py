"""Read zip files in place: nothing is unpacked into a folder, so nothing can be written where it shouldn't.

The size of the directory, the number of files and their declared sizes are checked before any name is used. While
reading, no file and no archive may give more bytes than it declared.
"""

import stat
import struct
import zipfile
from collections import defaultdict
from pathlib import PurePosixPath
from typing import IO, Final

from fer.datasets.readers import budget as limits
from fer.datasets.readers.budget import Budget, check_path, check_ratio, too_large
from fer.datasets.readers.trees import MAX_ENTRIES, READ_ERRORS, Entry, is_system_file
from fer.errors import DatasetError, shortened

# 35,887 files with long names take 5 MB; Python holds about ten times this for as long as the archive is open.
MAX_DIRECTORY_BYTES: Final = 16 * 2**20
_END_RECORD: Final = struct.Struct("<4s4H2LH")
_END64_LOCATOR: Final = struct.Struct("<4sLQL")
_END64_RECORD: Final = struct.Struct("<4sQ2H2L4Q")


class ZipTree:
    """The files of a zip.

    Args:
        file: the archive's bytes; it can seek, and stays open while the files are read.
        name: for messages.
        budget: what may be unpacked; None for a budget of its own.

    Raises:
        DatasetError: it isn't a zip, is cut short or encrypted, or holds what a dataset doesn't: links, paths that
            lead out of it, far too many files or bytes.
    """

    def __init__(self, file: IO[bytes], name: str, budget: Budget | None = None) -> None:
        self.name = name
        self._budget = budget or Budget(name)
        self._infos: dict[PurePosixPath, list[zipfile.ZipInfo]] = defaultdict(list)
        try:
            n_declared = _check_directory(file, name)
            self._archive = zipfile.ZipFile(file)
            for info in self._files(n_declared):
                self._infos[_path_of(info)].append(info)
        except READ_ERRORS as error:
            raise DatasetError(f"{name} isn't a zip or is cut short; download it again.") from error

    def entries(self) -> list[Entry]:
        """Return every file that isn't the system's own, sorted by path; files of the same name are one entry each."""
        found = [Entry(path, info.file_size) for path, infos in self._infos.items() for info in infos]
        return sorted(found, key=lambda entry: entry.path.parts)

    def open(self, path: PurePosixPath) -> IO[bytes]:
        """Open one file.

        Raises:
            DatasetError: the archive would give more bytes than a dataset has.
            OSError: the file can't be read, or shares its name with another, so that it isn't clear which is meant.
        """
        info, *others = self._infos[path]
        if others:
            raise OSError(f"the archive holds {1 + len(others)} files of this name")
        self._budget.take(info.file_size)
        try:
            # zipfile returns at most file_size bytes of a member, whatever its data hold.
            return self._archive.open(info)
        except READ_ERRORS as error:
            raise OSError(str(error)) from error

    def _files(self, n_declared: int) -> list[zipfile.ZipInfo]:
        infos = self._archive.infolist()
        if len(infos) > MAX_ENTRIES:
            raise DatasetError(f"{self.name} holds {len(infos):,} files, more than {MAX_ENTRIES:,}; it isn't read.")
        # zipfile stops where the directory ends, even if files are missing; old packers count modulo 65,536.
        if len(infos) % 2**16 != n_declared % 2**16:
            raise DatasetError(
                f"{self.name} declares {n_declared:,} files and lists {len(infos):,}; download it again."
            )
        for info in infos:
            _check_member(info, self.name)
        if sum(info.file_size for info in infos) > limits.MAX_TOTAL_BYTES:
            raise too_large(self.name)
        return [info for info in infos if not info.is_dir() and not is_system_file(_path_of(info))]


def _path_of(info: zipfile.ZipInfo) -> PurePosixPath:
    # Some packers on Windows write backslashes, although the format forbids them.
    return PurePosixPath(info.filename.replace("\\", "/"))


def _check_member(info: zipfile.ZipInfo, name: str) -> None:
    inside = f"{name} holds '{shortened(info.filename)}'"
    # zipfile cuts filename at a NUL, and keeps the whole in orig_filename.
    check_path(info.orig_filename, name)
    if stat.S_ISLNK(info.external_attr >> 16):
        raise DatasetError(f"{inside}, a link; pack the files themselves, and try again.")
    if info.flag_bits & 0x1:
        raise DatasetError(f"{name} is encrypted; unpack it, and pack it again without a password.")
    check_ratio(info.file_size, info.compress_size, f"{inside},")


def _check_directory(file: IO[bytes], name: str) -> int:
    """Return how many files the directory declares; refuse millions before zipfile makes an object for each."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_RECORD.size - 2**16))
    tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) - place < _END_RECORD.size:
        raise DatasetError(f"{name} isn't a zip or is cut short; download it again.")
    n_entries, n_bytes = _END_RECORD.unpack_from(tail, place)[4:6]
    locator = place - _END64_LOCATOR.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        file.seek(_END64_LOCATOR.unpack_from(tail, locator)[2])
        record = file.read(_END64_RECORD.size)
        if len(record) < _END64_RECORD.size:
            raise DatasetError(f"{name} isn't a zip or is cut short; download it again.")
        n_entries, n_bytes = _END64_RECORD.unpack(record)[7:9]
    if n_entries > MAX_ENTRIES or n_bytes > MAX_DIRECTORY_BYTES:
        raise DatasetError(f"{name} holds {n_entries:,} files, more than {MAX_ENTRIES:,}; it isn't read.")
    file.seek(0)
    return int(n_entries)
