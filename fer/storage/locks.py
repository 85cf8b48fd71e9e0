"""Tell whether a lock is held. A process that ends in any way lets go of its locks."""

from pathlib import Path

from filelock import FileLock, Timeout


def is_locked(file: Path) -> bool:
    """Return whether another process, or another part of this one, holds the lock of a file."""
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
