"""Tell whether a lock is held. A process that ends in any way lets go of its locks.

Locks are flock's, which hold between processes and containers of a machine and, on a filesystem that passes them on,
between machines: docs/deploy.md has a list.
"""

import os
from pathlib import Path

from filelock import FileLock, Timeout


def is_locked(file: Path) -> bool:
    """Return whether another process, or another part of this one, holds the lock of a file."""
    try:
        import fcntl
    except ImportError:  # Windows
        return _is_locked_exclusively(file)
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # Shared, so that two who look at the same time don't take each other for the holder.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return True
    except OSError:
        # A filesystem without flock, where filelock has its own way.
        return _is_locked_exclusively(file)
    finally:
        os.close(descriptor)
    return False


def _is_locked_exclusively(file: Path) -> bool:
    """Look by taking the lock, as on Windows: the look itself holds it for a moment."""
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
