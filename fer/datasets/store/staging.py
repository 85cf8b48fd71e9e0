"""Write a folder completely or not at all: write it in a staging folder, then rename it."""

import contextlib
import errno
import logging
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from fer.errors import DatasetError
from fer.paths import data_dir
from fer.storage.files import rename, sync_folder
from fer.text import file_size

_STAGING: Final = ".staging"
_LOCK: Final = ".lock"
_log = logging.getLogger(__name__)


@contextmanager
def staged(target: Path, n_bytes: int = 0) -> Iterator[Path]:
    """Yield an empty folder that becomes `target` when the block ends; if it raises, nothing is left.

    Args:
        target: a folder of `data_dir()` that does not exist yet.
        n_bytes: how much will be written, to refuse a full disk before the work.

    Raises:
        DatasetError: the disk is full or can't be written, or `target` appeared meanwhile.
    """
    try:
        root = _root()
        root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(root).free
        if free < n_bytes:
            raise OSError(errno.ENOSPC, f"{file_size(n_bytes)} are needed and {file_size(free)} are free")
        with _place() as folder:
            folder.mkdir()
            yield folder
            if target.exists():
                raise DatasetError(f"'{target.name}' already exists; choose another name.")
            rename(folder, target)
            sync_folder(target.parent)
    except OSError as error:
        why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else error.strerror
        raise DatasetError(
            f"{target.name} couldn't be stored in {target.parent} ({why or error}); nothing was changed. "
            f"Free some space there and try again."
        ) from error


def remove(folder: Path) -> None:
    """Delete a folder of `data_dir()`. It disappears at once, even if deleting takes a while or is interrupted.

    Raises:
        DatasetError: it can't be deleted.
    """
    try:
        _root().mkdir(parents=True, exist_ok=True)
        with _place() as grave:
            rename(folder, grave)
            shutil.rmtree(grave)
    except OSError as error:
        raise DatasetError(f"{folder} couldn't be deleted ({error.strerror}); check its permissions.") from error


def clean_staging() -> int:
    """Delete what killed imports left behind; what can't be deleted is logged and left for the next time.

    Returns:
        The number of deleted folders. A running import's folder is kept.
    """
    root, n_deleted = _root(), 0
    if not root.is_dir():
        return 0
    try:
        with _guard():
            for folder in {item.with_suffix("") if item.suffix == _LOCK else item for item in root.iterdir()}:
                n_deleted += _delete_abandoned(folder)
    except OSError as error:
        _log.warning("%s can't be cleaned up: %s", root, error)
    return n_deleted


def _delete_abandoned(folder: Path) -> bool:
    """Delete a folder and its lock file unless somebody holds the lock; return whether a folder was deleted."""
    was_there = folder.is_dir()
    try:
        with FileLock(_lock_file(folder), timeout=0, is_singleton=False):
            shutil.rmtree(folder, ignore_errors=True)
        _remove_lock_file(folder)
    except Timeout:
        return False
    except OSError as error:
        _log.warning("%s can't be deleted: %s", folder, error)
    return was_there and not folder.exists()


@contextmanager
def _place() -> Iterator[Path]:
    """Yield a path in staging that belongs to the caller until the block ends; what is there then is deleted."""
    folder = _root() / uuid.uuid4().hex
    # The system releases the lock when the process ends, so a folder without a locked lock is abandoned.
    lock = FileLock(_lock_file(folder), is_singleton=False)
    # A lock file that isn't locked yet looks abandoned, so nobody may look in between.
    with _guard():
        lock.acquire()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        _remove_lock_file(folder)


@contextmanager
def _guard() -> Iterator[None]:
    """Lock the whole staging folder for a moment, to take a place or to find abandoned ones."""
    with FileLock(_root().with_name(f"{_STAGING}{_LOCK}"), is_singleton=False):
        yield


def _root() -> Path:
    return data_dir() / _STAGING


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}{_LOCK}")


def _remove_lock_file(folder: Path) -> None:
    # Windows keeps the file while another process looks at it; the next cleaning removes it.
    with contextlib.suppress(PermissionError):
        _lock_file(folder).unlink(missing_ok=True)
