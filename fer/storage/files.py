"""Write files so that a reader never sees half of one, and tell whether a file has changed."""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from fer.storage.open_files import open_plain, retry_while_open
from fer.storage.schema import read_object
from fer.storage.values import ValuesError

# The suffix of a file or folder that is still being written.
PART: Final = ".part"
_MOST_ATTEMPTS: Final = 20


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[IO[bytes]]:
    """Yield a binary stream whose content replaces a file when the block ends; a reader sees the old file or the new.

    Args:
        path: the file.
        durable: wait until the disk has the file and its folder's entry, so that it survives a power cut.

    Raises:
        OSError: the file can't be written. The old file stays and nothing else is left, also if the block raises.
    """
    # Two tabs may write the same file at once, so each has a part of its own.
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}{PART}")
    try:
        with part.open("xb") as stream:
            yield stream
            if durable:
                flush(stream)
        retry_while_open(lambda: part.replace(path))
        if durable:
            sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Replace a file by UTF-8 text, as `replacing` does.

    Another process may call `remove_parts` at that moment, for example because it starts a run while this one changes
    the model in use. Then the text is written again.

    Raises:
        OSError: as `replacing`.
    """
    data = text.encode("utf-8")
    for attempt in range(1, _MOST_ATTEMPTS + 1):
        try:
            with replacing(path, durable=durable) as stream:
                stream.write(data)
            return
        except FileNotFoundError:
            if attempt == _MOST_ATTEMPTS or not path.parent.is_dir():
                raise


def write_json(path: Path, values: Any, *, durable: bool = False) -> None:
    """Replace a file by JSON, as `write_text` does."""
    write_text(path, json.dumps(values, indent=1) + "\n", durable=durable)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, with text that is valid Unicode; {} if the file is missing or damaged."""
    try:
        return read_object(path)
    except (FileNotFoundError, ValuesError):
        return {}


Signature = tuple[int, int]


def signature(file: Path) -> Signature | None:
    """Return what changes when a file is replaced, without reading it; None if there is no file."""
    try:
        status = file.stat()
    except OSError:
        return None
    # Every change replaces the file, which gives it another inode.
    return status.st_mtime_ns, status.st_ino


def remove_parts(folder: Path) -> None:
    """Remove the incomplete files and folders of writers that were killed.

    A living writer's part can't be told from theirs. `write_text` and `write_json` then write theirs again; whoever
    writes by `replacing` or makes a folder has to be the only one in the folder, for example by a lock.
    """
    for part in folder.glob(f".*{PART}"):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            with contextlib.suppress(PermissionError):  # Windows: a living writer has it open
                part.unlink(missing_ok=True)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the disk can't. Neither file may be written to in place.

    Raises:
        OSError: the copy can't be written.
    """
    try:
        os.link(source, target)
    except (OSError, AttributeError, NotImplementedError):
        shutil.copy2(source, target)


def replace_folder(part: Path, target: Path) -> None:
    """Put a finished folder in place of another one.

    If the process is killed in between, `restore_folder` brings the old folder back.

    Raises:
        OSError: a folder can't be renamed; on Windows, because a program has one of its files open.
    """
    old = _old(target)
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        rename(target, old)
    rename(part, target)
    sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def restore_folder(target: Path) -> None:
    """Bring back the folder that `replace_folder` had moved away when it was killed."""
    old = _old(target)
    if old.is_dir() and not target.exists():
        rename(old, target)


def rename(source: Path, target: Path) -> None:
    """Rename a file or folder.

    Raises:
        OSError: it can't be renamed; on Windows, because a program has it or a file in it open.
    """
    retry_while_open(lambda: source.rename(target))


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def flush(stream: IO[Any]) -> None:
    """Wait until the disk has the content of an open file."""
    stream.flush()
    os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk has a folder's entries, so that a rename survives a power cut.

    Windows can't open a folder and writes its entries on its own.
    """
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file's content, 64 hexadecimal digits, in constant memory.

    Raises:
        OSError: the file can't be read.
    """
    with open_plain(file) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def disk_use(folder: Path) -> int:
    """Return the size in bytes of all files below a folder. A file that disappears meanwhile counts 0."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).lstat().st_size
            except OSError:
                continue
    return total
