"""Choose the files to analyse: named files as they are, and every image in folders and below them."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fer.text import counted
from fer.vision.files.formats import SUFFIXES
from fer.vision.images import is_picture


@dataclass(frozen=True)
class Gathered:
    """The files that were found.

    Attributes:
        files: to analyse, each once, in the order of the paths given; within a folder by name.
        failures: folders that could not be searched or hold no image, with one sentence each.
        left_out: number of files in folders that have neither an image's name nor its content.
    """

    files: tuple[Path, ...]
    failures: tuple[tuple[Path, str], ...]
    left_out: int


def gather(paths: Iterable[Path], skip: Path | None = None) -> Gathered:
    """Find the images under some paths.

    Args:
        paths: files, which are taken as they are, and folders, which are searched to the bottom; what is hidden in
            them, and folders that are links, are passed by.
        skip: a folder that is not searched where it lies in one of `paths`: what was written there is no source.
    """
    search = _Search(skip.resolve() if skip else None)
    for path in paths:
        if stat.S_ISDIR(_mode(path)):
            search.folder(path)
        else:
            search.files.setdefault(path)
    return Gathered(tuple(search.files), tuple(search.failures), search.left_out)


def _mode(path: Path) -> int:
    """Return type and rights of a path's target; 0 if that is unknown, so that reading the file tells why."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return 0


class _Search:
    def __init__(self, skip: Path | None) -> None:
        self.files: dict[Path, None] = {}
        self.failures: list[tuple[Path, str]] = []
        self.left_out = 0
        self._skip = skip

    def folder(self, top: Path) -> None:
        before, left_out_before, failed_before = len(self.files), self.left_out, len(self.failures)
        known = 0
        for folder, folders, names in os.walk(top, onerror=self._unreadable):
            here = Path(folder)
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".") and not (self._skip and (here / name).resolve() == self._skip)
            )
            for name in sorted(names):
                file = here / name
                # Opening something that isn't a plain file, such as a pipe, could block forever.
                mode = _mode(file)
                if name.startswith(".") or (mode and not stat.S_ISREG(mode)):
                    continue
                if file.suffix.lower() in SUFFIXES or is_picture(file):
                    known += file in self.files
                    self.files.setdefault(file)
                else:
                    self.left_out += 1
        if len(self.files) == before and not known and len(self.failures) == failed_before:
            left_out = self.left_out - left_out_before
            others = f", only {counted(left_out, 'other file')}" if left_out else ""
            self.failures.append((top, f"There is no image in this folder{others}; choose another one."))

    def _unreadable(self, error: OSError) -> None:
        self.failures.append(
            (Path(error.filename), f"The folder cannot be read ({error.strerror}); check your rights to it.")
        )
