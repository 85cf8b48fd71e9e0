"""Read tar files in place, under the limits of zip files."""

import tarfile
from collections import defaultdict
from pathlib import PurePosixPath
from typing import IO, Any, Final

from fer.datasets.readers import budget as limits
from fer.datasets.readers.budget import Budget, check_path, too_large
from fer.datasets.readers.trees import MAX_ENTRIES, READ_ERRORS, Entry, is_system_file
from fer.errors import DatasetError, shortened

# Of a header that extends the next one, such as a long name; tarfile reads it into memory.
_MAX_EXTENSION_BYTES: Final = 2**20
_EXTENSIONS: Final = frozenset(
    {
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    }
)


class _Member(tarfile.TarInfo):
    """A member whose header can neither send the reader backwards nor fill the memory."""

    def _block(self, count: int) -> int:
        if count < 0:  # CVE-2025-8194: tarfile would read the same header for ever
            raise tarfile.HeaderError("negative size")
        return int(super()._block(count))  # type: ignore[misc]

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.type in _EXTENSIONS and not 0 <= self.size <= _MAX_EXTENSION_BYTES:
            raise tarfile.HeaderError("a header is too long")
        return super()._proc_member(archive)  # type: ignore[misc]


class TarTree:
    """The files of a tar that isn't compressed.

    Args:
        file: the archive's bytes; it can seek, and stays open while the files are read.
        name: for messages.
        budget: what may be unpacked; None for a budget of its own.

    Raises:
        DatasetError: it isn't a tar or is cut short, or holds what a dataset doesn't: links, devices, paths that lead
            out of it, far too many files or bytes.
    """

    def __init__(self, file: IO[bytes], name: str, budget: Budget | None = None) -> None:
        self.name = name
        self._budget = budget or Budget(name)
        self._members: dict[PurePosixPath, list[tarfile.TarInfo]] = defaultdict(list)
        try:
            file.seek(0)
            self._archive = tarfile.open(  # noqa: SIM115 - stays open while the files are read
                fileobj=file, mode="r:", tarinfo=_Member, errorlevel=2
            )
            self._read_members(file)
        except (*READ_ERRORS, tarfile.TarError) as error:
            raise DatasetError(f"{name} isn't a tar or is cut short; download it again.") from error

    def entries(self) -> list[Entry]:
        """Return every file that isn't the system's own, sorted by path; files of the same name are one entry each."""
        found = [Entry(path, member.size) for path, members in self._members.items() for member in members]
        return sorted(found, key=lambda entry: entry.path.parts)

    def open(self, path: PurePosixPath) -> IO[bytes]:
        """Open one file.

        Raises:
            DatasetError: the archive would give more bytes than a dataset has.
            OSError: the file can't be read, or shares its name with another.
        """
        member, *others = self._members[path]
        if others:
            raise OSError(f"the archive holds {1 + len(others)} files of this name")
        self._budget.take(member.size)
        try:
            file = self._archive.extractfile(member)
        except (*READ_ERRORS, tarfile.TarError) as error:
            raise OSError(str(error)) from error
        if file is None:
            raise OSError("it isn't a file")
        return file

    def _read_members(self, file: IO[bytes]) -> None:
        n_bytes = 0
        for number, member in enumerate(self._archive):
            if number >= MAX_ENTRIES:
                raise DatasetError(f"{self.name} holds more than {MAX_ENTRIES:,} files; it isn't read.")
            _check_member(member, self.name)
            n_bytes += member.size
            if n_bytes > limits.MAX_TOTAL_BYTES:
                raise too_large(self.name)
            path = PurePosixPath(member.name.replace("\\", "/"))
            if member.isfile() and not is_system_file(path):
                self._members[path].append(member)
        # tarfile takes a header that it can't read for the end; the true end is a block of zeros.
        file.seek(self._archive.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("the end is missing")


def _check_member(member: tarfile.TarInfo, name: str) -> None:
    check_path(member.name, name)
    inside = f"{name} holds '{shortened(member.name)}'"
    if member.issym() or member.islnk():
        raise DatasetError(f"{inside}, a link; pack the files themselves, and try again.")
    if member.issparse() or not (member.isfile() or member.isdir()):
        raise DatasetError(f"{inside}, which isn't a plain file; pack the files themselves, and try again.")
