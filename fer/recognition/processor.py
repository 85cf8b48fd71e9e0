"""Name this computer's processor, as far as the speed of a network depends on it."""

import os
import platform
from functools import cache
from pathlib import Path
from typing import Final

# Instructions on which the speed of 8-bit and 32-bit networks depends.
_TELLING: Final = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm")


@cache
def processor() -> str:
    """Return the processor's name, its telling instructions and how many cores this process may use.

    For example 'AMD EPYC, avx2, 2 cores'. Virtual machines often hide the exact model, so the name alone isn't enough.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    name = facts.get("model name") or platform.processor() or platform.machine()
    flags = set(facts.get("flags", facts.get("Features", "")).split())
    return ", ".join([name, *(flag for flag in _TELLING if flag in flags), f"{_cores()} cores"])


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1
