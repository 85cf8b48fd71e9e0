"""Read tar files in place, under the limits of zip files."""

import tarfile
from typing import IO, Any, Final

from fer.datasets.readers.budget import Budget
from fer.datasets.readers.members import ArchiveTree
from fer.datasets.readers.trees import READ_ERRORS
from fer.errors import DatasetError
from fer.text import MB

# Of a header that extends the next one, such as a long name; tarfile reads it into memory.
_MAX_EXTENSION_BYTES: Final = MB
# Of zeros after the end: GNU tar writes up to 20 blocks, and a block factor can be larger.
_MAX_PADDING_BLOCKS: Final = 10_000
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


class TarTree(ArchiveTree[tarfile.TarInfo]):
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
        super().__init__(name, budget)
        try:
            file.seek(0)
            self._archive = tarfile.open(  # noqa: SIM115 - stays open while the files are read
                fileobj=file, mode="r:", tarinfo=_Member, errorlevel=2
            )
            for member in self._archive:
                self._check(member)
                self._add(member, member.name, member.size, is_file=member.isfile())
            file.seek(self._archive.offset)
            _check_end(file, name)
        except (*READ_ERRORS, tarfile.TarError) as error:
            raise DatasetError(f"{name} isn't a tar or is cut short; download it again.") from error

    def _open(self, member: tarfile.TarInfo) -> IO[bytes]:
        try:
            file = self._archive.extractfile(member)
        except tarfile.TarError as error:
            raise OSError(str(error)) from error
        if file is None:
            raise OSError("it isn't a file")
        return file

    def _check(self, member: tarfile.TarInfo) -> None:
        if member.issym() or member.islnk():
            raise self._refusal(member.name, "a link")
        if member.issparse() or not (member.isfile() or member.isdir()):
            raise self._refusal(member.name, "which isn't a plain file")


def _check_end(file: IO[bytes], name: str) -> None:
    """Refuse a tar that doesn't end where tarfile stopped, or that another one follows, whose files would be lost.

    tarfile takes a header that it can't read for the end; the true end is a block of zeros.
    """
    if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("the end is missing")
    for _ in range(_MAX_PADDING_BLOCKS):
        block = file.read(tarfile.BLOCKSIZE)
        if block and not any(block):
            continue
        if block[257:262] == b"ustar":
            raise DatasetError(f"{name} holds several archives, one after another; unpack them, and import the folder.")
        return
