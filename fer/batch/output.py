"""The folder of a batch's results, on a disk or behind fsspec: a reader never sees half of a file."""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, Protocol

from fer.batch.inputs import filesystem, is_url
from fer.errors import BatchError, OutputError
from fer.storage.files import remove_parts, rename, replacing

FACES, FILES, ANNOTATED, SUPERSEDED = "faces", "files", "annotated", "superseded"
MANIFEST: Final = "manifest.json"
_NO_FOLDER: Final = (errno.ENOTDIR, errno.EEXIST, errno.EISDIR)
_NO_RIGHT: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
_PREFIX, _SUFFIX = "part-", ".parquet"


def part_name(kind: str, task: str) -> str:
    """Return the name of a task's part below the folder, such as 'faces/part-0a1b.parquet'."""
    return f"{kind}/{_PREFIX}{task}{_SUFFIX}"


def _task_of(file_name: str) -> str | None:
    """Return the task that a part belongs to, or None if this isn't the name of a part."""
    if file_name.startswith(_PREFIX) and file_name.endswith(_SUFFIX):
        return file_name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
    return None


class Output(Protocol):
    """A folder of results. Names are relative to it, with '/'. What can't be done raises an OSError."""

    where: str

    def prepare(self) -> None:
        """Make the folders, and remove what killed writers have left."""

    def tasks_with(self, kind: str) -> set[str]:
        """Return the tasks that have a part of this kind, whether it is valid or not."""

    def writing(self, name: str, *, only_new: bool = False) -> Any:
        """Return a context manager for a binary stream whose content becomes the file when the block ends.

        Args:
            name: the file.
            only_new: keep a file that exists already, if the file system can tell.
        """

    def reading(self, name: str) -> IO[bytes]:
        """Open a file, seekable."""

    def put(self, name: str, source: Path) -> None:
        """Copy a finished file from this machine here."""

    def supersede(self, name: str) -> None:
        """Move a file that no longer counts below 'superseded'."""


class LocalOutput:
    """A folder on a disk that all workers share."""

    def __init__(self, folder: Path) -> None:
        self.where = str(folder.absolute())
        self._folder = folder.absolute()

    def prepare(self) -> None:
        """See `Output.prepare`."""
        for kind in (FACES, FILES):
            (self._folder / kind).mkdir(parents=True, exist_ok=True)
            remove_parts(self._folder / kind)

    def tasks_with(self, kind: str) -> set[str]:
        """See `Output.tasks_with`."""
        with suppress(FileNotFoundError):
            names = os.listdir(self._folder / kind)  # noqa: PTH208 - a Path for each of 100,000 parts takes seconds
            return {task for name in names if (task := _task_of(name))}
        return set()

    @contextmanager
    def writing(self, name: str, *, only_new: bool = False) -> Iterator[IO[bytes]]:
        """See `Output.writing`. A rename replaces a file of the same name, which has the same content."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable=True) as stream:
            yield stream

    def reading(self, name: str) -> IO[bytes]:
        """See `Output.reading`."""
        return (self._folder / name).open("rb")

    def put(self, name: str, source: Path) -> None:
        """See `Output.put`."""
        with self.writing(name) as target, source.open("rb") as stream:
            shutil.copyfileobj(stream, target)

    def supersede(self, name: str) -> None:
        """See `Output.supersede`."""
        target = self._folder / SUPERSEDED / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            rename(self._folder / name, target)


class RemoteOutput:
    """A folder behind fsspec. Object stores have no rename, but a file appears there whole or not at all."""

    def __init__(self, url: str) -> None:
        self.where = url.rstrip("/")
        self._files, folder = filesystem(self.where)
        self._folder = folder.rstrip("/")

    def prepare(self) -> None:
        """See `Output.prepare`. Object stores have neither folders nor unfinished files."""
        with suppress(FileExistsError, NotImplementedError):
            self._files.makedirs(self._folder, exist_ok=True)

    def tasks_with(self, kind: str) -> set[str]:
        """See `Output.tasks_with`."""
        # Another machine may have written since the last look.
        self._files.invalidate_cache()
        try:
            names = self._files.ls(f"{self._folder}/{kind}", detail=False)
        except FileNotFoundError:
            return set()
        return {task for name in names if (task := _task_of(name.rpartition("/")[2]))}

    @contextmanager
    def writing(self, name: str, *, only_new: bool = False) -> Iterator[IO[bytes]]:
        """See `Output.writing`."""
        with tempfile.TemporaryDirectory(prefix="fer-batch-") as folder:
            file = Path(folder) / "part"
            with file.open("xb") as stream:
                yield stream
            self._upload(name, file, only_new)

    def _upload(self, name: str, file: Path, only_new: bool) -> None:
        target = f"{self._folder}/{name}"
        with suppress(FileExistsError, NotImplementedError):
            self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
        if only_new:
            # A conditional write: the store keeps the first of two attempts. fsspec calls it mode 'create'.
            with suppress(FileExistsError):
                self._files.put_file(str(file), target, mode="create")
        else:
            self._files.put_file(str(file), target)

    def reading(self, name: str) -> IO[bytes]:
        """See `Output.reading`."""
        stream: IO[bytes] = self._files.open(f"{self._folder}/{name}", "rb")
        return stream

    def put(self, name: str, source: Path) -> None:
        """See `Output.put`."""
        self._upload(name, source, only_new=False)

    def supersede(self, name: str) -> None:
        """See `Output.supersede`."""
        target = f"{self._folder}/{SUPERSEDED}/{name}"
        with suppress(FileExistsError, NotImplementedError):
            self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
        with suppress(FileNotFoundError):
            self._files.mv(f"{self._folder}/{name}", target)


def open_output(where: str) -> Output:
    """Return the folder of results at a path or URL; nothing is made yet.

    Raises:
        BatchError: the URL can't be opened, or the path is a file.
    """
    if is_url(where) and not where.startswith("file://"):
        return RemoteOutput(where)
    folder = Path(filesystem(where)[1] if is_url(where) else where)
    if folder.exists() and not folder.is_dir():
        raise BatchError(f"'{where}' is a file; name a folder for the results.")
    return LocalOutput(folder)


def write_manifest(output: Output, values: dict[str, Any]) -> None:
    """Replace the manifest.

    Raises:
        OutputError: it can't be written.
    """
    try:
        with output.writing(MANIFEST) as stream:
            stream.write((json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise cannot_write(output, error) from error


def read_manifest(output: Output) -> dict[str, Any]:
    """Return the manifest, or {} if there is none yet.

    Raises:
        BatchError: it is damaged.
    """
    try:
        with output.reading(MANIFEST) as stream:
            values = json.loads(stream.read())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BatchError(
            f"{output.where}/{MANIFEST} can't be read ({error}). Delete it, or choose another folder."
        ) from error
    return values if isinstance(values, dict) else {}


def cannot_write(output: Output, error: OSError) -> OutputError:
    """Return the error for results that can't be written."""
    return OutputError(
        f"{output.where} can't be written: {error.strerror or error}. {_advice(error)} Then start the batch again: it "
        "continues where it stopped."
    )


def no_room(folder: str, error: OSError) -> OutputError:
    """Return the error for a folder of temporary files that can't be written."""
    return OutputError(
        f"The folder for temporary files, {folder}, can't be written: {error.strerror or error}. Free some space "
        "there, or set TMPDIR to a folder on a larger disk. Then start the batch again: it continues where it stopped."
    )


def _advice(error: OSError) -> str:
    if error.errno in _NO_FOLDER:
        return "A part of this path is a file, so name another folder."
    if error.errno in _NO_RIGHT:
        return "Check your rights to it, or name another folder."
    return "Free some space or check the disk."
