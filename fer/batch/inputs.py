"""One file of a batch, and where it is: what planning and workers share."""

import hashlib
import re
from typing import Any, Final, NamedTuple

import fsspec

from fer.errors import BatchError
from fer.video.limits import SUFFIXES as VIDEO_SUFFIXES

UNKNOWN_SIZE: Final = -1
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


class Input(NamedTuple):
    """One file to analyse.

    Attributes:
        path: its absolute path, or its URL.
        size: bytes; -1 if the file can't be found.
        stamp: changes when the file is written again: the time of its last change, or an object's ETag.
        modified: when it was last written, in seconds since 1970; None if that is unknown.
    """

    path: str
    size: int
    stamp: str
    modified: float | None = None

    @property
    def is_video(self) -> bool:
        """Return whether the name is that of a video."""
        return self.path.lower().endswith(VIDEO_SUFFIXES)


def is_url(text: str) -> bool:
    """Return whether a text is a URL, and not a path."""
    return _URL.match(text) is not None


def path_digest(path: str) -> int:
    """Return 64 bits that depend on a path only."""
    return int.from_bytes(hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def filesystem(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the path in it.

    Raises:
        BatchError: the protocol is unknown, or its package isn't installed.
    """
    try:
        files, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise BatchError(f"'{url}' needs another package: {error}.") from error
    except ValueError as error:
        raise BatchError(f"'{url}' can't be opened: {error}.") from error
    return files, path
