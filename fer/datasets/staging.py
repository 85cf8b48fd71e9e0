"""A folder that is there whole or not at all: written in staging, then renamed."""

import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fer.errors import DatasetError
from fer.paths import data_dir

_STAGING: Final = ".staging"


@contextmanager
def staged(target: Path, n_bytes: int = 0) -> Iterator[Path]:
    """Yield an empty folder that becomes `target` when the block ends; if it raises, nothing is left.

    Args:
        target: a folder of `data_dir()` that does not exist yet.
        n_bytes: what will be written, to refuse a full disk before the work.

    Raises:
        DatasetError: the disk is full, cannot be written, or `target` appeared meanwhile.
    """
    try:
        root = _root()
        root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(root).free
        if free < n_bytes:
            raise OSError(errno.ENOSPC, f"{n_bytes / 2**20:,.0f} MB are needed and {free / 2**20:,.0f} MB are free")
        folder = root / uuid.uuid4().hex
        # The lock ends with its process, however that ends: what is not locked belongs to nobody.
        with _lock_of(folder).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                folder.mkdir()
                yield folder
                if target.exists():
                    raise DatasetError(f"There is a set '{target.name}' already; choose another name.")
                folder.rename(target)
                _flush_folder(target.parent)
            finally:
                _discard(folder)
    except OSError as error:
        why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else error.strerror
        raise DatasetError(
            f"{target.name} could not be stored under {target.parent} ({why or error}); nothing was changed. "
            f"Make room there and try again."
        ) from error


def remove(folder: Path) -> None:
    """Delete a folder of `data_dir()`, so that it is gone at once even if deleting takes a while or is interrupted.

    Raises:
        DatasetError: it cannot be deleted.
    """
    try:
        _root().mkdir(parents=True, exist_ok=True)
        grave = _root() / uuid.uuid4().hex
        folder.rename(grave)
        shutil.rmtree(grave)
    except OSError as error:
        raise DatasetError(f"{folder} could not be deleted ({error.strerror}); check its permissions.") from error


def clean_staging() -> int:
    """Delete what imports that were killed left behind.

    Returns:
        The folders that were deleted; what a running import is writing is not touched.
    """
    root, n_deleted = _root(), 0
    if not root.is_dir():
        return 0
    for folder in [item for item in root.iterdir() if item.is_dir()]:
        lock_file = _lock_of(folder)
        with lock_file.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            _discard(folder)
            n_deleted += 1
    for lock_file in root.glob("*.lock"):
        if not lock_file.with_suffix("").exists():
            lock_file.unlink(missing_ok=True)
    return n_deleted


def _root() -> Path:
    return data_dir() / _STAGING


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _discard(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _lock_of(folder).unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
