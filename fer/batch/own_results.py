"""Tell which files below the inputs are results of the same batch, so that they aren't analysed themselves."""

import os
import re
from collections.abc import Callable
from typing import Any, Final

from fer.batch.inputs import filesystem, is_url
from fer.batch.output import ANNOTATED, FACES, FILES, MANIFEST, SUPERSEDED

# Copies are in 'annotated/0a/'. Somebody may keep photos in folders with these names, so only what is ours is matched.
_OURS: Final = re.compile(
    rf"{MANIFEST}$|({FACES}|{FILES})/part-[0-9a-f]+\.parquet$|{SUPERSEDED}(/|$)|{ANNOTATED}/[0-9a-f]{{2}}(/|$)"
)


class OwnResults:
    """The folder of a batch's results.

    Args:
        where: its path or URL; None if there is none.
    """

    def __init__(self, where: str | None) -> None:
        self._where = None if where is None else plain_url(*filesystem(where)) if is_url(where) else real_path(where)

    def excluding(self, place: str) -> Callable[[str], bool]:
        """Return a function that tells whether to leave out a file or folder found in a place.

        It leaves out the whole folder of results. If the place is in that folder, it leaves out only what a batch has
        written there.

        Args:
            place: where is searched; like the paths that the function takes, of `real_path` or `plain_url`.
        """
        where = self._where
        if where is None:
            return lambda path: False
        if _is_below(place, where):
            return lambda path: _is_below(path, where) and _OURS.match(path[len(where) + 1 :]) is not None
        return lambda path: _is_below(path, where)


def real_path(path: str) -> str:
    """Return a path behind all links, with '/'."""
    return os.path.realpath(path).replace(os.sep, "/")


def plain_url(files: Any, path: str) -> str:
    """Return the URL of a path in an fsspec file system, the same for each way to write it."""
    return str(files.unstrip_protocol(path)).rstrip("/")


def _is_below(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder}/")
