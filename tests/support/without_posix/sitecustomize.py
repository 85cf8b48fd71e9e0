"""Remove from Python what Windows and macOS lack. Python imports this module when it starts, if it is on PYTHONPATH.

Child processes inherit PYTHONPATH, so they lack the same. This project's code loses everything named here. Libraries
have code for each system, so they keep what only their branch for this system uses.
"""

import builtins
import io
import os
import pathlib
import signal
import subprocess
import sys

import filelock  # noqa: F401  # imported before fcntl is gone
import psutil

# Absent on Windows (fcntl and most others) or on macOS (/proc).
MODULES = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "posix"}
FUNCTIONS = (
    *("killpg", "nice", "fork", "forkpty", "setsid", "getsid", "getpgid", "getpgrp", "setpgid", "mkfifo", "link"),
    *("getpriority", "setpriority", "sched_getaffinity", "sched_setaffinity", "getloadavg"),
)
SIGNALS = ("SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCHLD", "alarm", "setitimer")
OURS = ("fer", "app", "pages", "tests", "scripts", "__main__")

_import, _open = builtins.__import__, io.open


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in OURS


def _no_posix_module(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0 and name in MODULES and _is_ours((globals or {}).get("__name__", "")):
        raise ModuleNotFoundError(f"No module named {name!r} without POSIX", name=name)
    return _import(name, globals, locals, fromlist, level)


def _no_proc(file, *arguments, **options):
    if not isinstance(file, int) and os.fspath(file) in _Proc():
        raise FileNotFoundError(2, "No such file or directory", str(file))
    return _open(file, *arguments, **options)


class _Proc:
    """Paths that don't exist for this project's code."""

    def __contains__(self, path) -> bool:
        if not str(path).startswith(("/proc", "/sys/")):
            return False
        frame = sys._getframe(2)
        while frame is not None and frame.f_globals.get("__name__") in ("pathlib", __name__):
            frame = frame.f_back
        return frame is not None and _is_ours(frame.f_globals.get("__name__", ""))


def _exists(path, *arguments, real=os.path.exists):
    return str(path) not in _Proc() and real(path, *arguments)


# What these libraries need of this system.
psutil.Process.kill = lambda self: self.send_signal(9)
subprocess.Popen.kill = lambda self: self.send_signal(9)

builtins.__import__ = _no_posix_module
builtins.open = io.open = _no_proc
pathlib.Path.exists = lambda self, **options: _exists(self)
for owner, names in ((os, FUNCTIONS), (signal, SIGNALS)):
    for name in names:
        if hasattr(owner, name):
            delattr(owner, name)
