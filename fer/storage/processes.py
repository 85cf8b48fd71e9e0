"""Start, recognize and end processes, on every operating system."""

import contextlib
import os
import platform
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, NoReturn

import psutil

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
# A container has a namespace of processes, in which their numbers start from 1 again.
_NAMESPACE: Final = Path("/proc/self/ns/pid")
_START_FIELD: Final = 22
_NICENESS: Final = 10
_KILLED_STATUS: Final = 137


def start_detached(
    command: Sequence[str], *, cwd: Path, log: IO[bytes], environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process that continues when its starter or the starter's terminal ends.

    Args:
        command: the program and its arguments.
        cwd: the folder to run in.
        log: an open file for its standard output and error.
        environment: its environment variables; None inherits them.

    Raises:
        OSError: the process can't be started.
    """
    return subprocess.Popen(
        command,
        cwd=cwd,
        # What it prints is read as UTF-8, which isn't Windows' own choice.
        env={**(os.environ if environment is None else environment), "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        # POSIX: a session of its own. Windows: a group of its own without a console window, so Ctrl-C doesn't reach it.
        start_new_session=os.name != "nt",
        creationflags=_windows_flag("CREATE_NEW_PROCESS_GROUP") | _windows_flag("CREATE_NO_WINDOW"),
    )


def run_to_end(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a Python program to its end and return its exit status, standard output and error.

    Args:
        command: the program and its arguments.
        cwd: the folder to run in; None means the current one.
        variables: environment variables besides the inherited ones.
        seconds: after this time it is ended; None waits forever.

    Raises:
        OSError: it can't be started.
        subprocess.TimeoutExpired: it took longer than `seconds`.
    """
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(variables or {}), "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=seconds,
        check=False,
    )


def _windows_flag(name: str) -> int:
    return int(getattr(subprocess, name, 0))


def lower_priority() -> None:
    """Let other processes go first. A system that refuses this is no reason to fail."""
    process = psutil.Process()
    with contextlib.suppress(psutil.Error, OSError, ValueError):
        lower = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", None)
        process.nice(min(19, process.nice() + _NICENESS) if lower is None else lower)


def end_tree(process: psutil.Process, seconds: float) -> bool:
    """End a process and everything it started at once, without asking.

    Args:
        process: the process; if it leads a process group, the whole group is ended.
        seconds: how long to wait for the end.

    Returns:
        Whether all of them ended.

    Raises:
        psutil.AccessDenied, PermissionError: a process belongs to another user.
    """
    try:
        # Suspended, so that it starts nothing while its children are counted.
        process.suspend()
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return True
    _kill_group(process)
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    _, alive = psutil.wait_procs(family, timeout=seconds)
    return not any(is_running(member) for member in alive)


def end_own_tree() -> NoReturn:
    """End this process and everything it started at once, even if another thread hangs."""
    process = psutil.Process()
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            child.kill()
    _kill_group(process)
    # The first process of a container doesn't receive its own signals.
    os._exit(_KILLED_STATUS)


def _kill_group(leader: psutil.Process) -> None:
    """End a process group (POSIX), if the process leads it: a child that outlived its parent is only found this way."""
    if not hasattr(os, "killpg") or not leader.is_running():
        return
    with contextlib.suppress(ProcessLookupError):
        # A process started in a terminal shares the group of whatever started it.
        if os.getpgid(leader.pid) == leader.pid:
            os.killpg(leader.pid, signal.SIGKILL)


def is_running(process: psutil.Process) -> bool:
    """Return whether a process runs; a zombie doesn't."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stamp_of(process: psutil.Process) -> dict[str, Any]:
    """Return a JSON object that identifies a process, even after its pid was reused, and from another container."""
    return {"pid": process.pid, "birth": _birth(process), "place": _place()}


def is_elsewhere(stamp: dict[str, Any]) -> bool:
    """Return whether a stamp of `stamp_of` is that of a process of another container or machine, which can't be seen.

    A process from before a restart of this machine counts as one, too.
    """
    return stamp.get("place") not in (None, "", _place())


def process_of(stamp: dict[str, Any]) -> psutil.Process | None:
    """Return the running process that a stamp of `stamp_of` identifies, or None if it has ended or can't be seen."""
    pid = stamp.get("pid")
    if not isinstance(pid, int) or is_elsewhere(stamp):
        return None
    try:
        process = psutil.Process(pid)
        return process if stamp.get("birth") == _birth(process) and is_running(process) else None
    except (psutil.Error, ValueError, OverflowError):
        return None


def _place() -> str:
    """Return where process ids mean the same as here: this machine since its start and, on Linux, this container."""
    try:
        return f"{_NAMESPACE.readlink()} of {_BOOT_ID.read_text(encoding='ascii').strip()}"
    except OSError:
        return platform.node()


def _birth(process: psutil.Process) -> str:
    """Return when a process started, as a text that stays the same when the clock is changed.

    On Linux psutil derives it from a boot time that depends on the clock; other systems store the start time.
    """
    try:
        # The process name can contain blanks and brackets; the third field follows its closing bracket.
        fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        return f"{fields.split()[_START_FIELD - 3]} ticks after {_BOOT_ID.read_text(encoding='ascii').strip()}"
    except (OSError, IndexError):
        return f"{process.create_time():.2f}"
