"""Tell which process a run is, and whether it is alive: it holds the run's lock and matches the stored identity.

Both are needed. A child of the run can hold a lock, and a pid can be reused by another process. Nothing is shown as
running, or killed, because of one of them alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
from filelock import FileLock, Timeout

from fer.errors import RunError
from fer.runs.layout import LOCK, PROCESS, STOP
from fer.storage.files import Signature, read_json, signature, write_json
from fer.storage.locks import is_locked
from fer.storage.processes import end_tree, process_of, stamp_of

# A page that checks a lock holds it for a moment.
_LOCK_SECONDS: Final = 3.0
_KILL_SECONDS: Final = 10.0
# Signatures of the process files of ended processes, so that 200 interrupted runs are checked without reading them.
_ended: dict[Path, Signature] = {}


@contextmanager
def holding_run(folder: Path) -> Iterator[None]:
    """Make this process the run: hold its lock and store the identity of this process. Children don't inherit the lock.

    Raises:
        RunError: another process is the run, or its folder can't be written.
    """
    with holding_lock(folder):
        try:
            # A request to stop from before belongs to an earlier process; a new run's request belongs to this one.
            if (folder / PROCESS).exists():
                (folder / STOP).unlink(missing_ok=True)
            write_json(folder / PROCESS, stamp_of(psutil.Process()))
        except OSError as error:
            raise _unwritable(folder, error) from error
        yield


@contextmanager
def holding_lock(folder: Path) -> Iterator[None]:
    """Hold a run's lock, for actions that must not happen while it is alive, such as deleting it.

    Raises:
        RunError: the run is alive, or its folder can't be written.
    """
    lock = FileLock(folder / LOCK, timeout=_LOCK_SECONDS, is_singleton=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise RunError(f"The run {folder.name} is already running; stop it first.") from error
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def _unwritable(folder: Path, error: OSError) -> RunError:
    return RunError(
        f"Can't write to the folder of the run {folder.name} ({error.strerror}); check free space and permissions, "
        "then resume the run."
    )


def is_alive(folder: Path) -> bool:
    """Return whether the run of this folder has a living process."""
    seen = signature(folder / PROCESS)
    if seen is None or _ended.get(folder) == seen:
        return False
    stamp = read_json(folder / PROCESS)
    if process_of(stamp) is not None:
        return is_locked(folder / LOCK)
    if stamp:
        _ended[folder] = seen
    return False


def last_pid(folder: Path) -> int | None:
    """Return the pid of the run's last process, which may have ended; None if there never was one."""
    pid = read_json(folder / PROCESS).get("pid")
    return pid if isinstance(pid, int) else None


def kill(folder: Path) -> None:
    """End a run's process and everything it started at once, without asking.

    Raises:
        RunError: the run isn't alive, or can't be ended.
    """
    owner = process_of(read_json(folder / PROCESS)) if is_locked(folder / LOCK) else None
    if owner is None:
        raise RunError(f"The run {folder.name} has no process, so there is nothing to stop.")
    try:
        ended = end_tree(owner, _KILL_SECONDS)
    except (psutil.AccessDenied, PermissionError) as error:
        raise RunError(f"The run {folder.name} belongs to another user, so you can't stop it.") from error
    if not ended:
        raise RunError(f"The run {folder.name} didn't end; end the process {owner.pid} by hand.")
