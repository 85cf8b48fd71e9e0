"""Read zip files.

The size of the directory, the number of files and their declared sizes are checked before any name is used. While
reading, no file and no archive may give more bytes than it declared.
"""

import stat
import struct
import zipfile
from typing import IO, Final

from fer.datasets.readers import budget as limits
from fer.datasets.readers.budget import Budget, check_ratio, too_many_files
from fer.datasets.readers.members import ArchiveTree
from fer.datasets.readers.trees import READ_ERRORS
from fer.errors import DatasetError, shortened
from fer.text import MB

# 35,887 files with long names take 5 MB; Python holds about ten times this for as long as the archive is open.
MAX_DIRECTORY_BYTES: Final = 16 * MB
_END_RECORD: Final = struct.Struct("<4s4H2LH")
_END64_LOCATOR: Final = struct.Struct("<4sLQL")
_END64_RECORD: Final = struct.Struct("<4sQ2H2L4Q")
_ENCRYPTED: Final = 0x1
_IS_UTF8: Final = 0x800


class ZipTree(ArchiveTree[zipfile.ZipInfo]):
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
        super().__init__(name, budget)
        try:
            n_declared = _check_directory(file, name)
            self._archive = zipfile.ZipFile(file)
        except READ_ERRORS as error:
            raise _damaged(name) from error
        infos = self._archive.infolist()
        # zipfile stops where the directory ends, even if files are missing; old packers count modulo 65,536.
        if len(infos) % 2**16 != n_declared % 2**16:
            raise DatasetError(f"{name} declares {n_declared:,} files and lists {len(infos):,}; download it again.")
        for info in infos:
            self._check(info)
            self._add(info, _written_name(info), info.file_size, is_file=not info.is_dir())

    def _open(self, member: zipfile.ZipInfo) -> IO[bytes]:
        # zipfile returns at most file_size bytes of a member, whatever its data hold.
        return self._archive.open(member)

    def _check(self, info: zipfile.ZipInfo) -> None:
        if stat.S_ISLNK(info.external_attr >> 16):
            raise self._refusal(info.filename, "a link")
        if info.flag_bits & _ENCRYPTED:
            raise DatasetError(f"{self.name} is encrypted; unpack it, and pack it again without a password.")
        check_ratio(info.file_size, info.compress_size, f"{self.name} holds '{shortened(info.filename)}',")


def _written_name(info: zipfile.ZipInfo) -> str:
    """Return the whole name of a member. macOS writes UTF-8 and doesn't say so, and zipfile takes it for cp437."""
    # zipfile cuts filename at a NUL, and keeps the whole in orig_filename.
    name = info.orig_filename
    if info.flag_bits & _IS_UTF8:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _damaged(name: str) -> DatasetError:
    return DatasetError(f"{name} isn't a zip or is cut short; download it again.")


def _check_directory(file: IO[bytes], name: str) -> int:
    """Return how many files the directory declares; refuse millions before zipfile makes an object for each."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_RECORD.size - 2**16))
    tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) - place < _END_RECORD.size:
        raise _damaged(name)
    n_entries, n_bytes = _END_RECORD.unpack_from(tail, place)[4:6]
    locator = place - _END64_LOCATOR.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        file.seek(_END64_LOCATOR.unpack_from(tail, locator)[2])
        record = file.read(_END64_RECORD.size)
        if len(record) < _END64_RECORD.size:
            raise _damaged(name)
        n_entries, n_bytes = _END64_RECORD.unpack(record)[7:9]
    if n_entries > limits.MAX_ENTRIES or n_bytes > MAX_DIRECTORY_BYTES:
        raise too_many_files(name)
    file.seek(0)
    return int(n_entries)
