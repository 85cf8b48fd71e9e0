"""Tell whether a process that works in a folder lives, and end it, wherever it runs.

Several containers or machines may share the folder. The number of a process means nothing outside its own container, so
there the lock alone tells that a process lives, and a request in the folder ends it. Within a container the number and
the start time tell it, too, and a signal ends even a process that hangs.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from fer.storage.files import read_json, write_json
from fer.storage.locks import is_locked
from fer.storage.processes import end_own_tree, end_tree, is_elsewhere, process_of, stamp_of

_REQUEST: Final = "end.json"
_LOOK_SECONDS: Final = 0.5
_POLL_SECONDS: Final = 0.1


def end_process(folder: Path, stamp: dict[str, Any], lock: Path, seconds: float) -> bool:
    """End a process and everything it started at once.

    Args:
        folder: where it works, within `obeying`.
        stamp: identifies it, see `fer.storage.processes.stamp_of`.
        lock: the lock that it holds.
        seconds: how long to wait for the end.

    Returns:
        Whether it ended.

    Raises:
        psutil.AccessDenied, PermissionError: it belongs to another user.
        OSError: it runs elsewhere, and the request can't be written.
    """
    if not is_elsewhere(stamp):
        process = process_of(stamp)
        return not is_locked(lock) if process is None else end_tree(process, seconds)
    write_json(folder / _REQUEST, stamp)
    deadline = time.monotonic() + seconds
    while is_locked(lock):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


@contextmanager
def obeying(folder: Path) -> Iterator[None]:
    """End this process and everything it started when a process elsewhere asks for it, before or during the block.

    The process holds its lock already. Whoever asked before it did saw a free lock, and has noted that it ended.
    """
    mine, over = stamp_of(psutil.Process()), threading.Event()

    def look() -> None:
        # A request to an earlier process names another one.
        with contextlib.suppress(OSError):
            if read_json(folder / _REQUEST) == mine:
                end_own_tree()

    def keep_looking() -> None:
        while not over.wait(_LOOK_SECONDS):
            look()

    look()
    thread = threading.Thread(target=keep_looking, name="obeying", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with contextlib.suppress(OSError):
            (folder / _REQUEST).unlink(missing_ok=True)
