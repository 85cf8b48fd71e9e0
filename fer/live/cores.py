"""Count the cores that this process may use, which in a container are often fewer than the machine has."""

import math
import os
from pathlib import Path
from typing import Final

_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Return the cores of this process: those it may run on and, in a container, those whose time it may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        # Microseconds within each period of so many microseconds, or 'max'.
        quota, period = (int(word) for word in _QUOTA.read_text(encoding="ascii").split())
        return max(1, min(allowed, math.ceil(quota / period)))
    except (OSError, ValueError, ZeroDivisionError):
        return allowed
