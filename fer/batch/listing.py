"""Find the photos and videos of a batch: files, folders, globs, lists of them, and fsspec URLs."""

import glob
import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from fsspec.implementations.local import LocalFileSystem

from fer.batch.inputs import UNKNOWN_SIZE, Input, filesystem, fixed_part, is_inside, is_url, path_digest
from fer.batch.own_results import OwnResults, plain_url, real_path
from fer.batch.settings import Inputs
from fer.errors import BatchError
from fer.text import counted
from fer.video.limits import SUFFIXES as VIDEO_SUFFIXES
from fer.vision.files.formats import SUFFIXES
from fer.vision.images import is_picture

# What object stores and file systems call the value that changes with a file's content, the best first.
_STAMPS: Final = (
    *("ETag", "etag", "md5Hash", "md5", "generation", "mtime", "LastModified", "last_modified", "updated", "created"),
)
_OUTSIDE: Final = "This link leads out of the allowed folders, so it isn't followed."
_MOMENTS: Final = ("mtime", "LastModified", "last_modified", "updated", "created")


class Listing:
    """The files of a batch, each once, to be iterated once: in the order of the inputs, and by name within a folder.

    Hidden files and folders are left out, and so are folders that are links. What is named directly is taken as it is.

    Attributes:
        failures: inputs that can't be searched or have no photo or video, with one sentence each.
        left_out: number of files in folders that are neither photos nor videos.

    Args:
        inputs: where to look.
        skip: the folder or URL of the results, which is left out. Below inputs that are in it, only what a batch has
            written there is left out.
        roots: the folders that everything has to be in, of `os.path.realpath`; None allows all. A link that leads out
            is a failure.
    """

    def __init__(self, inputs: Inputs, skip: str | None = None, roots: Sequence[str] | None = None) -> None:
        self._inputs = inputs
        self._roots = roots
        self._results = OwnResults(skip)
        self._seen: set[int] = set()
        self.failures: list[tuple[str, str]] = []
        self.left_out = 0

    def __iter__(self) -> Iterator[Input]:
        for text in self._all_named():
            try:
                yield from self._once(self._found(text))
            except BatchError as error:
                self.failures.append((text, str(error)))

    def _all_named(self) -> Iterator[str]:
        yield from self._inputs.named
        for file in self._inputs.lists:
            try:
                with Path(file).open("rb") as lines:
                    for line in lines:
                        if name := os.fsdecode(line).strip():
                            yield name
            except OSError as error:
                self.failures.append((file, f"The list can't be read ({error.strerror}); check its name."))

    def _once(self, found: Iterable[Input]) -> Iterator[Input]:
        for one in found:
            digest = path_digest(one.path)
            if digest not in self._seen:
                self._seen.add(digest)
                yield one

    def _found(self, text: str) -> Iterator[Input]:
        if is_url(text):
            if self._roots is not None:
                raise BatchError("Only folders of this machine are allowed here.")
            yield from self._behind_url(text)
        else:
            yield from self._on_disk(text)

    def _on_disk(self, text: str) -> Iterator[Input]:
        path = os.path.abspath(text)  # noqa: PTH100 - resolving would rename what is behind links
        if not glob.has_magic(path) or os.path.lexists(path):
            yield from self._named(path)
            return
        names = sorted(glob.iglob(path, recursive=True))  # noqa: PTH207 - the pattern is absolute
        if not names:
            raise BatchError("No file matches this pattern; check it, and put it in quotes.")
        is_result = self._results.excluding(real_path(fixed_part(path)))
        for folder, group in itertools.groupby(names, _folder_of):
            # Once per folder: it takes as long as all else together.
            real = real_path(folder)
            for name in group:
                if is_result(f"{real}/{name[len(folder) + 1 :]}"):
                    continue
                try:
                    yield from self._named(name)
                except BatchError as error:  # one of several folders
                    self.failures.append((name, str(error)))

    def _leads_out(self, path: str) -> bool:
        return self._roots is not None and not is_inside(path, self._roots)

    def _named(self, path: str) -> Iterator[Input]:
        if self._leads_out(path):
            raise BatchError(_OUTSIDE)
        try:
            status = Path(path).stat()
        except (OSError, ValueError):  # reading it tells why
            yield Input(path, UNKNOWN_SIZE, "missing")
            return
        if stat.S_ISDIR(status.st_mode):
            yield from self._below(path)
        else:
            yield _input_of(path, status)

    def _below(self, top: str) -> Iterator[Input]:
        n_found, left_out, n_failures, folders = 0, self.left_out, len(self.failures), [top]
        is_result = self._results.excluding(real_path(top))
        while folders:
            files, inner = self._scan(folders.pop(), is_result)
            folders += reversed(inner)
            n_found += len(files)
            yield from files
        if not n_found and len(self.failures) == n_failures:
            left_out = self.left_out - left_out
            others = f", only {counted(left_out, 'other file')}" if left_out else ""
            raise BatchError(f"There is no photo or video in this folder{others}; choose another one.")

    def _scan(self, folder: str, is_result: Callable[[str], bool]) -> tuple[list[Input], list[str]]:
        """Return the photos and videos in a folder, and the folders in it, by name."""
        files, folders = [], []
        try:
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if not is_result(real_path(entry.path)):
                            folders.append(entry.path)
                    elif (found := self._file(entry)) is not None:
                        files.append(found)
        except OSError as error:
            self.failures.append((folder, f"The folder can't be read ({error.strerror}); check your rights to it."))
        return files, folders

    def _file(self, entry: os.DirEntry[str]) -> Input | None:
        if entry.is_symlink() and self._leads_out(entry.path):
            self.failures.append((entry.path, _OUTSIDE))
            return None
        try:
            status = entry.stat()
        except OSError:  # a link to nowhere, or deleted meanwhile: reading it tells why
            return Input(entry.path, UNKNOWN_SIZE, "missing") if _is_named_like_media(entry.name) else None
        if not stat.S_ISREG(status.st_mode):
            return None
        if _is_named_like_media(entry.name) or is_picture(Path(entry.path)):
            return _input_of(entry.path, status)
        self.left_out += 1
        return None

    def _behind_url(self, url: str) -> Iterator[Input]:
        files, path = filesystem(url)
        if isinstance(files, LocalFileSystem):
            yield from self._on_disk(path)
            return
        try:
            found = _remote_files(files, path)
        except FileNotFoundError as error:
            raise BatchError("There is nothing at this address; check it.") from error
        except Exception as error:  # each file system has exceptions of its own
            raise BatchError(f"It can't be listed ({type(error).__name__}: {error}); check your access.") from error
        n_found = 0
        is_result = self._results.excluding(plain_url(files, fixed_part(path)))
        for name, about in sorted(found.items()):
            if is_result(plain_url(files, name)):
                continue
            if name == path or _is_named_like_media(name):
                n_found += 1
                yield _remote_input(files.unstrip_protocol(name), about)
            else:
                self.left_out += 1
        if not n_found:
            raise BatchError("There is no photo or video at this address; choose another one.")


def _folder_of(path: str) -> str:
    return path.rpartition(os.sep)[0]


def _remote_files(files: Any, path: str) -> dict[str, dict[str, Any]]:
    if glob.has_magic(path):
        found = files.glob(path, detail=True)
        return {name: about for name, about in found.items() if about.get("type") != "directory"}
    if files.isdir(path):
        return dict(files.find(path, detail=True))
    return {path: files.info(path)}


def _remote_input(url: str, about: dict[str, Any]) -> Input:
    stamp = next((str(about[name]) for name in _STAMPS if about.get(name) is not None), "unknown")
    moment = next((about[name] for name in _MOMENTS if about.get(name) is not None), None)
    size = about.get("size")
    return Input(url, UNKNOWN_SIZE if size is None else int(size), stamp, _seconds(moment))


def _seconds(moment: Any) -> float | None:
    if isinstance(moment, datetime):
        return moment.timestamp()
    return float(moment) if isinstance(moment, int | float) else None


def _input_of(path: str, status: os.stat_result) -> Input:
    return Input(path, status.st_size, str(status.st_mtime_ns), status.st_mtime)


def _is_named_like_media(name: str) -> bool:
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a Path for each of a million names takes seconds
    return suffix in SUFFIXES or suffix in VIDEO_SUFFIXES
