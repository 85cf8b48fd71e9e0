"""Which process is a run, and whether it lives: its lock is held, and its pid is still the process that took it.

Either alone can lie. A lock may be held by something that was started from the run, and a pid is given to another
process once its owner is gone; nothing is ever signalled, nor shown as running, on the word of one of them.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
from filelock import FileLock, Timeout

from fer.errors import RunError
from fer.runs.layout import LOCK, PROCESS, STOP
from fer.storage.files import Signature, read_json, signature, write_json
from fer.storage.processes import process_of, stamp_of

# A page that looks whether the lock is free holds it for an instant.
_LOCK_SECONDS: Final = 3.0
_KILL_SECONDS: Final = 10.0
# Stamps of processes that have ended, which never live again: 200 interrupted runs are looked at by their stamps alone.
_ended: dict[Path, Signature] = {}


@contextmanager
def holding_run(folder: Path) -> Iterator[None]:
    """Be the run of this folder: hold its lock, and say which process holds it. Children do not inherit the lock.

    Raises:
        RunError: another process is that run, or its folder cannot be written.
    """
    with holding_lock(folder):
        try:
            # A wish to stop that the process before this one did not live to see; a new run's is for this one.
            if (folder / PROCESS).exists():
                (folder / STOP).unlink(missing_ok=True)
            write_json(folder / PROCESS, stamp_of(psutil.Process()))
        except OSError as error:
            raise _unwritable(folder, error) from error
        yield


@contextmanager
def holding_lock(folder: Path) -> Iterator[None]:
    """Hold a run's lock for what must not happen while it lives, such as deleting it.

    Raises:
        RunError: the run lives, or its folder cannot be written.
    """
    lock = FileLock(folder / LOCK, timeout=_LOCK_SECONDS, is_singleton=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise RunError(f"The run {folder.name} is running already; stop it first, or watch it.") from error
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def _unwritable(folder: Path, error: OSError) -> RunError:
    return RunError(
        f"The folder of the run {folder.name} cannot be written ({error.strerror}); see that there is room and leave "
        "to write, then resume the run."
    )


def is_alive(folder: Path) -> bool:
    """Whether the run of this folder has a living process."""
    seen = signature(folder / PROCESS)
    if seen is None or _ended.get(folder) == seen:
        return False
    stamp = read_json(folder / PROCESS)
    if process_of(stamp) is not None:
        return _is_locked(folder)
    if stamp:
        _ended[folder] = seen
    return False


def last_pid(folder: Path) -> int | None:
    """The pid of the run's process, which may have ended; None where there never was one."""
    pid = read_json(folder / PROCESS).get("pid")
    return pid if isinstance(pid, int) else None


def kill(folder: Path) -> None:
    """End a run's process, its children and its process group at once, without asking.

    Raises:
        RunError: it does not live, or could not be ended.
    """
    owner = process_of(read_json(folder / PROCESS)) if _is_locked(folder) else None
    if owner is None:
        raise RunError(f"The run {folder.name} has no process; there is nothing to stop.")
    try:
        family = owner.children(recursive=True)
        # A run that a page started leads its own group. One in a terminal shares it with whatever called it.
        if hasattr(os, "killpg") and os.getpgid(owner.pid) == owner.pid and owner.is_running():
            os.killpg(owner.pid, signal.SIGKILL)
        else:
            owner.kill()
        for child in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        _, alive = psutil.wait_procs([owner, *family], timeout=_KILL_SECONDS)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return
    except (psutil.AccessDenied, PermissionError) as error:
        raise RunError(f"The run {folder.name} belongs to another user and cannot be stopped from here.") from error
    if any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in alive):
        raise RunError(f"The run {folder.name} does not end; look at process {owner.pid} of this machine.")


def _is_locked(folder: Path) -> bool:
    file = folder / LOCK
    if not file.exists():
        return False
    lock = FileLock(file, timeout=0, is_singleton=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False
