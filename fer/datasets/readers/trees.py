"""Files below a root, whether in a folder or in an archive: what a reader of datasets needs of either."""

import io
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final, Protocol

from fer.errors import DatasetError

MAX_ENTRIES: Final = 250_000
# What files, zipfile and its decompressors raise on what is damaged, cut short or packed by a method unknown here.
READ_ERRORS: Final = (
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    IndexError,
)
_SYSTEM_NAMES: Final = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini", "$RECYCLE.BIN"})


@dataclass(frozen=True)
class Entry:
    """A file: its path below the root, and its size in bytes."""

    path: PurePosixPath
    size: int


class Tree(Protocol):
    """Files below a root."""

    name: str

    def entries(self) -> list[Entry]:
        """Every file that is not the system's own, sorted by path."""

    def open(self, path: PurePosixPath) -> AbstractContextManager[IO[bytes]]:
        """The bytes of one file, while the context lasts.

        Raises:
            OSError: it cannot be read.
        """


def is_system_file(path: PurePosixPath) -> bool:
    """Whether a file is left by an operating system, not put there by a person: `__MACOSX`, `.DS_Store`, `._a.png`."""
    return any(part in _SYSTEM_NAMES or part.startswith(".") for part in path.parts)


class FolderTree:
    """The files of a folder. Links are followed only if they stay inside it."""

    def __init__(self, root: Path, name: str | None = None) -> None:
        self.root = root.resolve()
        self.name = name or root.name

    def entries(self) -> list[Entry]:
        """Every file that is not the system's own, sorted by path.

        Raises:
            DatasetError: there are far too many, or a folder cannot be read.
        """
        found: list[Entry] = []
        pending = [self.root]
        while pending:
            folder = pending.pop()
            try:
                items = list(os.scandir(folder))
            except OSError as error:
                raise DatasetError(f"{folder} cannot be read ({error.strerror}); check its permissions.") from error
            for item in items:
                path = PurePosixPath(Path(item.path).relative_to(self.root).as_posix())
                if is_system_file(path):
                    continue
                if item.is_dir(follow_symlinks=False):
                    pending.append(Path(item.path))
                elif item.is_file() and self._is_inside(item):
                    found.append(Entry(path, item.stat().st_size))
            if len(found) > MAX_ENTRIES:
                raise DatasetError(f"{self.name} holds more than {MAX_ENTRIES:,} files; name the dataset's own folder.")
        return sorted(found, key=lambda entry: entry.path.parts)

    def _is_inside(self, item: os.DirEntry[str]) -> bool:
        return not item.is_symlink() or Path(item.path).resolve().is_relative_to(self.root)

    def open(self, path: PurePosixPath) -> IO[bytes]:
        """The bytes of one file.

        Raises:
            OSError: it cannot be read.
        """
        return (self.root / path).open("rb")


class UploadTree:
    """Files that a browser sent, side by side, by name."""

    def __init__(self, files: Mapping[str, IO[bytes]], name: str) -> None:
        self.name = name
        self._files = {PurePosixPath(Path(key).name): file for key, file in files.items()}

    def entries(self) -> list[Entry]:
        """Every file, sorted by name."""
        return [Entry(path, file.seek(0, io.SEEK_END)) for path, file in sorted(self._files.items())]

    def open(self, path: PurePosixPath) -> AbstractContextManager[IO[bytes]]:
        """The bytes of one file, from their start; the upload stays open."""
        file = self._files[path]
        file.seek(0)
        return nullcontext(file)
