"""Open files that others may have put there or hold open."""

import errno
import stat
import time
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import Final, TypeVar

from fer.text import MB

# A state file is written by this program and holds a few kilobytes, or a few megabytes with the places of images.
_MAX_STATE_BYTES: Final = 64 * MB

# Windows' error numbers: access denied, sharing violation.
_IN_USE: Final = (5, 32)
_IN_USE_SECONDS: Final = 2.0
_RETRY_SECONDS: Final = 0.02

T = TypeVar("T")


def retry_while_open(action: Callable[[], T]) -> T:
    """Do something with a file, and on Windows try again for two seconds while another program has the file open.

    Other systems replace, rename and open such a file.

    Raises:
        OSError: the action failed; if the file stayed open, `strerror` says so.
    """
    deadline = time.monotonic() + _IN_USE_SECONDS
    while True:
        try:
            return action()
        except OSError as error:
            if getattr(error, "winerror", None) not in _IN_USE:
                raise
            if time.monotonic() > deadline:
                reason = "another program has the file open; close it and try again"
                raise PermissionError(error.errno, reason, error.filename) from error
        time.sleep(_RETRY_SECONDS)


def open_plain(path: Path) -> BufferedReader:
    """Open a file for reading, if it is a plain one: a pipe would wait for its writer forever, a device has no end.

    Raises:
        OSError: it can't be opened, or isn't a plain file.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it isn't a plain file", str(path))
    return retry_while_open(lambda: path.open("rb"))


def read_plain(path: Path, most: int = _MAX_STATE_BYTES) -> bytes:
    """Return the content of a plain file.

    Raises:
        OSError: it can't be read, isn't a plain file, or has more than `most` bytes.
    """
    with open_plain(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most // MB} MB", str(path))
    return data
