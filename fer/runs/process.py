"""Which process is a run, and whether it lives: its lock is held, and its pid still has its start time.

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
from fer.runs.files import LOCK, PROCESS, STOP, read_json, write_json

# Start times are computed from the clock, which may have been set since: the same process within this, another beyond.
_SAME_START_SECONDS: Final = 1.0
# A page that looks whether the lock is free holds it for an instant.
_LOCK_SECONDS: Final = 3.0
_KILL_SECONDS: Final = 10.0


@contextmanager
def holding_run(folder: Path) -> Iterator[None]:
    """Be the run of this folder: hold its lock, and say which process holds it. Children do not inherit the lock.

    Raises:
        RunError: another process is that run.
    """
    with holding_lock(folder):
        # A wish to stop that the process before this one did not live to see; a new run's is for this one.
        if (folder / PROCESS).exists():
            (folder / STOP).unlink(missing_ok=True)
        write_json(folder / PROCESS, {"pid": os.getpid(), "started": psutil.Process().create_time()})
        yield


@contextmanager
def holding_lock(folder: Path) -> Iterator[None]:
    """Hold a run's lock for what must not happen while it lives, such as deleting it.

    Raises:
        RunError: the run lives.
    """
    lock = FileLock(folder / LOCK, timeout=_LOCK_SECONDS, is_singleton=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise RunError(f"The run {folder.name} is running already; stop it first, or watch it.") from error
    try:
        yield
    finally:
        lock.release()


def is_alive(folder: Path) -> bool:
    """Whether the run of this folder has a living process."""
    return _owner(folder) is not None and _is_locked(folder)


def last_pid(folder: Path) -> int | None:
    """The pid of the run's process, which may have ended; None where there never was one."""
    pid = read_json(folder / PROCESS).get("pid")
    return pid if isinstance(pid, int) else None


def kill(folder: Path) -> None:
    """End a run's process, its children and its process group at once, without asking.

    Raises:
        RunError: it does not live, or could not be ended.
    """
    owner = _owner(folder) if _is_locked(folder) else None
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


def _owner(folder: Path) -> psutil.Process | None:
    """The process that `process.json` names, if it is still that process."""
    stamp = read_json(folder / PROCESS)
    pid, started = stamp.get("pid"), stamp.get("started")
    if not isinstance(pid, int) or not isinstance(started, (int, float)):
        return None
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < _SAME_START_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, ValueError, OverflowError):
        return None


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
