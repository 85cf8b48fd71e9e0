"""One file of a batch, and where it is: what planning and workers share."""

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import fsspec

from fer.errors import BatchError
from fer.video.limits import SUFFIXES as VIDEO_SUFFIXES

UNKNOWN_SIZE: Final = -1
_SIGN: Final = re.compile(r"[*?\[]")
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
        return named_like_video(self.path)


def named_like_video(path: str) -> bool:
    """Return whether a name is that of a video."""
    return path.lower().endswith(VIDEO_SUFFIXES)


def is_url(text: str) -> bool:
    """Return whether a text is a URL, and not a path."""
    return _URL.match(text) is not None


def fixed_part(path: str) -> str:
    """Return the folder in which a pattern is searched; of what isn't a pattern, the path itself."""
    sign = _SIGN.search(path)
    return path if sign is None else os.path.dirname(path[: sign.start()])  # noqa: PTH120 - a Path would change a URL


def is_inside(path: str, roots: Iterable[str | Path]) -> bool:
    """Return whether a path is one of the roots, or below one, once all links are followed.

    Args:
        path: where it leads doesn't need to exist.
        roots: of `os.path.realpath`.
    """
    real = os.path.realpath(path)
    return any(f"{real}{os.sep}".startswith(f"{str(root).rstrip(os.sep)}{os.sep}") for root in roots)


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
