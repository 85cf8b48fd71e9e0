"""Open any file as a tree of files: a table, an archive, a compressed file, or an archive within an archive."""

import bz2
import errno
import gzip
import lzma
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import IO, Any, Final, cast

from fer.datasets.readers import budget as limits
from fer.datasets.readers.budget import Budget, check_ratio, too_many_files
from fer.datasets.readers.kinds import (
    BZIP2,
    COMPRESSED,
    GZIP,
    START_BYTES,
    TAR,
    XZ,
    ZIP,
    is_archive_name,
    kind_of,
    starts_like_archive,
    suffix_of,
)
from fer.datasets.readers.tars import TarTree
from fer.datasets.readers.trees import READ_ERRORS, Entry, Tree, UploadTree
from fer.datasets.readers.zips import ZipTree
from fer.datasets.readings import Progress, silent
from fer.errors import DatasetError
from fer.text import MB

MAX_DEPTH: Final = 2
TABLE_SUFFIXES: Final = (".csv", ".tsv", ".tab", ".txt", ".lst", ".jsonl")
_IN_MEMORY_BYTES: Final = 16 * MB
_BLOCK_BYTES: Final = MB
_OPENERS: Final[dict[str, Callable[[IO[bytes]], Any]]] = {
    GZIP: lambda file: gzip.GzipFile(fileobj=file, mode="rb"),
    BZIP2: bz2.BZ2File,
    XZ: lzma.LZMAFile,
}
_UNPACKED_SUFFIXES: Final = {".tgz": ".tar", ".tbz2": ".tar", ".txz": ".tar"}


def open_file(
    file: IO[bytes], name: str, progress: Progress = silent, budget: Budget | None = None, depth: int = 1
) -> Tree:
    """Return a file as a tree: the files of an archive, or the file itself.

    Args:
        file: the bytes; it can seek, and stays open while the tree is read.
        name: the file's name, for messages.
        progress: called while the file is decompressed, with a share of 0.
        budget: what may be unpacked; None for a budget of its own.
        depth: 1 for a file that a user gives, 2 for an archive within it.

    Raises:
        DatasetError: it is damaged, isn't read, or goes beyond the limits.
    """
    budget = budget or Budget(name)
    kind = kind_of(name, file)
    if kind in COMPRESSED:
        file, name = _decompressed(file, name, kind, budget, progress), _name_inside(name)
        kind = kind_of(name, file)
        if kind in COMPRESSED or kind == ZIP:
            return open_file(file, name, progress, budget, _deeper(depth, name))
    if kind == ZIP:
        return with_archives(ZipTree(file, name, budget), budget, progress, depth)
    if kind == TAR:
        return with_archives(TarTree(file, name, budget), budget, progress, depth)
    return UploadTree({name: file}, name)


def with_archives(tree: Tree, budget: Budget, progress: Progress = silent, depth: int = 1) -> Tree:
    """Return a tree in which the archives among its files are open as well.

    Raises:
        DatasetError: there are too many archives, one lies too deep, or one can't be read.
    """
    archives = [entry for entry in tree.entries() if is_archive_name(entry.path.name) or is_packed_table(tree, entry)]
    if not archives:
        return tree
    inner: dict[PurePosixPath, Tree] = {}
    for entry in archives:
        budget.take_archive()
        inside = f"{entry.path.name} in {tree.name}"
        with _opened(tree, entry, inside) as packed:
            file = _spooled(packed, inside, entry.size, budget, progress)
        inner[entry.path] = open_file(file, entry.path.name, progress, budget, _deeper(depth, inside))
    return NestedTree(tree, inner)


def is_packed_table(tree: Tree, entry: Entry) -> bool:
    """Return whether a file that is called a table is an archive, as some unpackers leave 'fer2013.csv'."""
    if suffix_of(entry.path.name) not in TABLE_SUFFIXES:
        return False
    try:
        with tree.open(entry.path) as file:
            return starts_like_archive(file.read(START_BYTES))
    except READ_ERRORS:
        return False


class NestedTree:
    """The files of a tree and of the archives in it; an archive's name without its suffix stands for a folder."""

    def __init__(self, outer: Tree, inner: dict[PurePosixPath, Tree]) -> None:
        self.name = outer.name
        self._places: dict[PurePosixPath, tuple[Tree, PurePosixPath]] = {}
        self._entries: list[Entry] = []
        for entry in outer.entries():
            if entry.path not in inner:
                self._add(entry, entry.path, outer)
        for path, tree in inner.items():
            for entry in tree.entries():
                self._add(entry, self._place(path, tree) / entry.path, tree)
        if len(self._entries) > limits.MAX_ENTRIES:
            raise too_many_files(self.name)

    def entries(self) -> list[Entry]:
        """Return every file, sorted by path."""
        return sorted(self._entries, key=lambda entry: entry.path.parts)

    def open(self, path: PurePosixPath) -> AbstractContextManager[IO[bytes]]:
        """Open one file.

        Raises:
            OSError: it can't be read.
        """
        tree, inside = self._places[path]
        return tree.open(inside)

    def _add(self, entry: Entry, path: PurePosixPath, tree: Tree) -> None:
        self._places[path] = (tree, entry.path)
        self._entries.append(Entry(path, entry.size))

    @staticmethod
    def _place(path: PurePosixPath, tree: Tree) -> PurePosixPath:
        # A compressed table lies where the archive lies.
        return path.parent if isinstance(tree, UploadTree) else path.parent / path.name.split(".")[0]


def _deeper(depth: int, name: str) -> int:
    if depth >= MAX_DEPTH:
        raise DatasetError(f"{name} is an archive too deep within archives; unpack it, and import what it holds.")
    return depth + 1


def _opened(tree: Tree, entry: Entry, name: str) -> AbstractContextManager[IO[bytes]]:
    try:
        return tree.open(entry.path)
    except READ_ERRORS as error:
        raise DatasetError(f"{name} can't be read ({error}); pack it again.") from error


def _decompressed(file: IO[bytes], name: str, kind: str, budget: Budget, progress: Progress) -> IO[bytes]:
    size = file.seek(0, 2)
    file.seek(0)
    return _spooled(cast(IO[bytes], _OPENERS[kind](file)), name, size, budget, progress)


def _spooled(stream: IO[bytes], name: str, packed: int, budget: Budget, progress: Progress) -> IO[bytes]:
    """Return the bytes of a stream as a file that can seek: in memory if there are few, else in a nameless file."""
    # Closed, and thereby deleted, when the tree that reads it goes away.
    target = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115
    n_bytes = 0
    try:
        while block := stream.read(_BLOCK_BYTES):
            n_bytes += len(block)
            budget.take(len(block))
            check_ratio(n_bytes, packed, f"{name} is")
            target.write(block)
            progress(0.0, f"Unpacking {name}")
    except (*READ_ERRORS, tarfile.TarError) as error:
        target.close()
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            place = tempfile.gettempdir()
            raise DatasetError(
                f"{name} can't be unpacked, because the disk with {place} is full; free some space there and try again."
            ) from error
        raise DatasetError(f"{name} is damaged or cut short ({error}); download it again.") from error
    except BaseException:
        target.close()
        raise
    target.seek(0)
    return cast(IO[bytes], target)


def _name_inside(name: str) -> str:
    stem, _, suffix = name.rpartition(".")
    return f"{stem}{_UNPACKED_SUFFIXES.get(f'.{suffix.lower()}', '')}" if stem else name
