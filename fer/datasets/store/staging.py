"""Write a folder completely or not at all: write it in a staging folder, then rename it."""

import errno
import fcntl
import logging
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fer.errors import DatasetError
from fer.paths import data_dir
from fer.storage.files import sync_folder
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
            folder.rename(target)
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
            folder.rename(grave)
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
        _log.warning("%s cannot be cleaned up: %s", root, error)
    return n_deleted


def _delete_abandoned(folder: Path) -> bool:
    """Delete a folder, its lock, or either alone, unless somebody holds the lock; whether there was a folder."""
    was_there = folder.is_dir()
    try:
        with _lock_of(folder).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _discard(folder)
    except BlockingIOError:
        return False
    except OSError as error:
        _log.warning("%s cannot be deleted: %s", folder, error)
    return was_there and not folder.exists()


@contextmanager
def _place() -> Iterator[Path]:
    """A path in staging that is nobody else's until the block ends; what lies there then is deleted."""
    folder = _root() / uuid.uuid4().hex
    # Between the lock file and its lock nobody may look, or it would be taken for an abandoned one.
    with _guard():
        lock = _lock_of(folder).open("w")
        # It ends with its process, however that ends: what is not locked belongs to nobody.
        fcntl.flock(lock, fcntl.LOCK_EX)
    with lock:
        try:
            yield folder
        finally:
            _discard(folder)


@contextmanager
def _guard() -> Iterator[None]:
    """Alone in staging, for moments: to take a place, or to see which places nobody holds."""
    with _root().with_name(f"{_STAGING}{_LOCK}").open("a") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def _root() -> Path:
    return data_dir() / _STAGING


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}{_LOCK}")


def _discard(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _lock_of(folder).unlink(missing_ok=True)
