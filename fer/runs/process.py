"""Tell which process a run is, and whether it is alive: it holds the run's lock and matches the stored identity.

Both are needed. A child of the run can hold a lock, and a pid can be reused by another process. Nothing is shown as
running, or killed, because of one of them alone. Of a run of another container or machine only the lock can be seen.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
from filelock import FileLock, Timeout

from fer import paths
from fer.errors import RunError
from fer.runs.layout import LOCK, PROCESS, PROGRESS, STOP
from fer.runs.progress import ENDED, Progress
from fer.storage.ending import end_process, obeying
from fer.storage.files import Signature, read_json, signature, write_json
from fer.storage.locks import is_locked
from fer.storage.processes import is_elsewhere, process_of, stamp_of

# A page that checks a lock holds it for a moment.
_LOCK_SECONDS: Final = 3.0
_KILL_SECONDS: Final = 10.0
# A training writes its progress every second.
_PROGRESS_SECONDS: Final = 3.0
_POLL_SECONDS: Final = 0.1
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
                _require_alone(folder)
                (folder / STOP).unlink(missing_ok=True)
            write_json(folder / PROCESS, stamp_of(psutil.Process()))
        except OSError as error:
            raise _unwritable(folder, error) from error
        with obeying(folder):
            yield


def _require_alone(folder: Path) -> None:
    """Check that no other process is the run although its lock is free.

    Some filesystems don't pass locks on to other machines, and two trainings would destroy each other's checkpoints.

    Raises:
        RunError: another process keeps writing its progress.
    """
    if not is_elsewhere(read_json(folder / PROCESS)) or Progress.read(folder).state in ENDED:
        return
    before, deadline = signature(folder / PROGRESS), time.monotonic() + _PROGRESS_SECONDS
    while time.monotonic() < deadline:
        if signature(folder / PROGRESS) != before:
            raise RunError(
                f"The run {folder.name} is running on another machine, and the filesystem of {paths.home()} doesn't "
                "pass locks on between machines. Stop it there, and choose another filesystem: see docs/deploy.md."
            )
        time.sleep(_POLL_SECONDS)


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
    if is_elsewhere(stamp) or process_of(stamp) is not None:
        return is_locked(folder / LOCK)
    if stamp:
        _ended[folder] = seen
    return False


def last_pid(folder: Path) -> int | None:
    """Return the pid of the run's last process, which may have ended; None if there never was one."""
    pid = read_json(folder / PROCESS).get("pid")
    return pid if isinstance(pid, int) else None


def kill(folder: Path) -> None:
    """End a run's process and everything it started at once, without asking, wherever it runs.

    Raises:
        RunError: the run isn't alive, or can't be ended.
        OSError: the run's process is elsewhere, and its folder can't be written.
    """
    stamp = read_json(folder / PROCESS)
    if not is_alive(folder):
        raise RunError(f"The run {folder.name} has no process, so there is nothing to stop.")
    try:
        ended = end_process(folder, stamp, folder / LOCK, _KILL_SECONDS)
    except (psutil.AccessDenied, PermissionError) as error:
        raise RunError(f"The run {folder.name} belongs to another user, so you can't stop it.") from error
    if not ended:
        where = " in the container, or on the machine, where it was started" if is_elsewhere(stamp) else ""
        raise RunError(f"The run {folder.name} didn't end; end the process {last_pid(folder)} by hand{where}.")
