"""Files below a root: in a folder, an archive, or an upload."""

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

from fer.datasets.readers import budget as limits
from fer.errors import DatasetError

# What reading raises on a file that is damaged, cut short or packed by an unknown method.
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
# Of each image AffectNet has, besides its class, its valence, its arousal and its landmarks: a million files.
_UNREAD_ENDS: Final = ("_val.npy", "_aro.npy", "_lnd.npy")
_SYSTEM_NAMES: Final = frozenset({"__MACOSX", "Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon\r", "$RECYCLE.BIN"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A file: its path below the root, and its size in bytes."""

    path: PurePosixPath
    size: int


class Tree(Protocol):
    """Files below a root."""

    name: str

    def entries(self) -> list[Entry]:
        """Return every file that a reader may need, sorted by path."""

    def open(self, path: PurePosixPath) -> AbstractContextManager[IO[bytes]]:
        """Open one file while the context lasts.

        Raises:
            OSError: it can't be read.
        """


def is_system_file(path: PurePosixPath) -> bool:
    """Return whether an operating system left a file, such as `__MACOSX`, `.DS_Store` or `._a.png`."""
    return any(part in _SYSTEM_NAMES or part.startswith(".") for part in path.parts)


def is_never_read(path: PurePosixPath) -> bool:
    """Return whether no reader needs a file, so that it doesn't count: the system's own, and measures of AffectNet."""
    is_measure = path.parent.name == "annotations" and path.name.endswith(_UNREAD_ENDS)
    return is_measure or is_system_file(path)


class FolderTree:
    """The files of a folder. Links are followed only if they stay inside it."""

    def __init__(self, root: Path, name: str | None = None) -> None:
        self.root = root.resolve()
        self.name = name or root.name

    def entries(self) -> list[Entry]:
        """Return every file that a reader may need, sorted by path.

        Raises:
            DatasetError: there are too many, or a folder can't be read.
        """
        found: list[Entry] = []
        pending = [self.root]
        while pending:
            folder = pending.pop()
            try:
                items = list(os.scandir(folder))
            except OSError as error:
                raise DatasetError(f"{folder} can't be read ({error.strerror}); check its permissions.") from error
            for item in items:
                path = PurePosixPath(Path(item.path).relative_to(self.root).as_posix())
                if is_never_read(path):
                    continue
                if item.is_dir(follow_symlinks=False):
                    pending.append(Path(item.path))
                elif item.is_file() and self._is_inside(item):
                    found.append(Entry(path, item.stat().st_size))
            if len(found) > limits.MAX_FOLDER_ENTRIES:
                raise DatasetError(
                    f"{self.name} holds more than {limits.MAX_FOLDER_ENTRIES:,} files; choose the dataset's own "
                    f"folder, or move out of it what is neither an image nor a label."
                )
        return sorted(found, key=lambda entry: entry.path.parts)

    def _is_inside(self, item: os.DirEntry[str]) -> bool:
        return not item.is_symlink() or Path(item.path).resolve().is_relative_to(self.root)

    def open(self, path: PurePosixPath) -> IO[bytes]:
        """Open one file.

        Raises:
            OSError: it can't be read.
        """
        return (self.root / path).open("rb")


class UploadTree:
    """Uploaded files, by name."""

    def __init__(self, files: Mapping[str, IO[bytes]], name: str) -> None:
        self.name = name
        self._files = {PurePosixPath(Path(key).name): file for key, file in files.items()}

    def entries(self) -> list[Entry]:
        """Return every file, sorted by name."""
        return [Entry(path, file.seek(0, io.SEEK_END)) for path, file in sorted(self._files.items())]

    def open(self, path: PurePosixPath) -> AbstractContextManager[IO[bytes]]:
        """Open one file at its start; the upload stays open."""
        file = self._files[path]
        file.seek(0)
        return nullcontext(file)
