"""Children that open the files of strangers, so that what a decoder does there can't reach this process."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Final

import numpy as np
import numpy.typing as npt

_END_SECONDS: Final = 5.0
_PIPE_BYTES: Final = 1 << 20
_IMPORT_FROM: Final = str(Path(__file__).resolve().parents[2])


def start_child(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a module of this package as a child with pipes; its standard input closes when this process ends."""
    python, variables = _interpreter()
    paths = [_IMPORT_FROM, *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [python, "-m", module, *arguments],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # A decoder's messages quote the file.
        stderr=subprocess.DEVNULL,
        env={**os.environ, **variables, "PYTHONPATH": os.pathsep.join(paths)},
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    assert process.stdout is not None
    _enlarge(process.stdout)
    return process


def _interpreter() -> tuple[str, dict[str, str]]:
    """Return the program that runs Python, and the variables it needs.

    In a virtual environment on Windows, `sys.executable` starts another process, which a limit of memory would not
    watch. So this starts that other one at once, as `multiprocessing` does.
    """
    base: str = getattr(sys, "_base_executable", sys.executable)
    if os.name != "nt" or base == sys.executable:
        return sys.executable, {}
    return base, {"__PYVENV_LAUNCHER__": sys.executable}


def _enlarge(pipe: IO[bytes]) -> None:
    """Let a pipe hold more, where the system can: a frame then takes fewer turns."""
    with contextlib.suppress(ImportError, AttributeError, OSError):  # Windows, macOS, a lower limit
        import fcntl

        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def end_child(process: subprocess.Popen[bytes]) -> None:
    """End a child at once and wait for its end."""
    process.kill()
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    process.wait(_END_SECONDS)


def limit_memory(n_bytes: int) -> None:
    """Let this process take so many more bytes of memory than it has, where the system can limit it.

    Only Linux can: elsewhere the address space isn't limited, or counts what is only reserved.
    """
    if sys.platform == "linux":
        import resource

        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - one more import would be one more file
            pages = int(file.read().split()[0])
        set_limit(resource.RLIMIT_AS, pages * resource.getpagesize() + n_bytes)


def set_limit(kind: int, value: int) -> None:
    """Set one of this process's limits, `kind` of the module resource, which Windows doesn't have."""
    import resource

    # The soft limit, so that it can be set again.
    _, hard = resource.getrlimit(kind)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def read_exactly(stream: IO[bytes], count: int) -> npt.NDArray[np.uint8] | None:
    """Read bytes from an unbuffered stream: (count,) uint8, or None if it ends before."""
    # Not a bytearray, which is filled with zeros first.
    data = np.empty(count, np.uint8)
    view, done = data.data, 0
    while done < count:
        n_bytes = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not n_bytes:
            return None
        done += n_bytes
    return data
