"""Tell a process from every other one, also after its pid was given to another."""

from pathlib import Path
from typing import Any, Final

import psutil

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_START_FIELD: Final = 22


def stamp_of(process: psutil.Process) -> dict[str, Any]:
    """Return what identifies a process, also after its pid was given to another: a JSON object."""
    return {"pid": process.pid, "birth": _birth(process)}


def _birth(process: psutil.Process) -> str:
    """Return when a process started, as a text that stays the same when the clock is changed.

    On Linux psutil counts from a boot time that it computes from the clock; elsewhere the system keeps the start time.
    """
    try:
        # The process name may contain blanks and brackets; the third field follows its closing bracket.
        fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        return f"{fields.split()[_START_FIELD - 3]} ticks after {_BOOT_ID.read_text().strip()}"
    except (OSError, IndexError):
        return f"{process.create_time():.2f}"


def process_of(stamp: dict[str, Any]) -> psutil.Process | None:
    """Return the running process that a stamp of `stamp_of` identifies, or None if it has ended."""
    pid = stamp.get("pid")
    if not isinstance(pid, int):
        return None
    try:
        process = psutil.Process(pid)
        return process if _is_same(process, stamp) and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, ValueError, OverflowError):
        return None


def _is_same(process: psutil.Process, stamp: dict[str, Any]) -> bool:
    return bool(stamp.get("birth") == _birth(process))
