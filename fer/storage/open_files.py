"""Wait for files that another program has open; only Windows refuses to replace, rename or open them."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

# Windows' error numbers: access denied, sharing violation.
_IN_USE: Final = (5, 32)
_IN_USE_SECONDS: Final = 2.0
_RETRY_SECONDS: Final = 0.02

T = TypeVar("T")


def retry_while_open(action: Callable[[], T]) -> T:
    """Do something with a file, and on Windows try again for two seconds while another program has the file open.

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
