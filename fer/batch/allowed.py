"""What a batch that somebody starts on the page may read, and which scheduler it may use.

The page may be on a server, so its users name only files below the folders that its owner allows.
"""

import os
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from fer.batch.inputs import fixed_part, is_inside, is_url
from fer.errors import BatchError, shortened
from fer.text import encodable, listed, printable

_WHERE: Final = "Correct it under [batch] in .streamlit/secrets.toml, or in FER_BATCH_ROOTS."
_TLS: Final = ("tls_ca", "tls_cert", "tls_key")
_MOST_ENTRIES: Final = 20_000


@dataclass(frozen=True)
class Allowed:
    """What the owner of an app allows its users.

    Attributes:
        roots: folders below which all inputs are.
        scheduler: the address of a Dask scheduler; None if there is none.
        tls: its files 'ca', 'cert' and 'key'.
    """

    roots: tuple[Path, ...]
    scheduler: str | None = None
    tls: Mapping[str, str] = field(default_factory=dict)


def allowed(secrets: Mapping[str, Any], environment: Mapping[str, str], default: Path) -> Allowed:
    """Read the settings. The environment takes precedence over the secrets.

    Args:
        secrets: the table 'batch' (roots, scheduler, tls_ca, tls_cert, tls_key).
        environment: FER_BATCH_ROOTS, folders separated as in PATH; FER_BATCH_SCHEDULER, FER_BATCH_TLS_CA,
            FER_BATCH_TLS_CERT and FER_BATCH_TLS_KEY.
        default: the only root if there is no setting.

    Raises:
        BatchError: a setting has the wrong form.
    """
    table = secrets.get("batch", {})
    if not isinstance(table, Mapping):
        raise BatchError("'batch' in .streamlit/secrets.toml must be a table. Write it as [batch].")
    in_environment = [part for part in environment.get("FER_BATCH_ROOTS", "").split(os.pathsep) if part]
    roots = in_environment or table.get("roots", [str(default)])
    if not isinstance(roots, list) or not roots or not all(isinstance(root, str) for root in roots):
        raise BatchError(f"The folders of batches must be a list of paths, not {roots!r}. {_WHERE}")
    relative = [root for root in roots if not Path(root).expanduser().is_absolute()]
    if relative:
        raise BatchError(f"The folder '{relative[0]}' must be an absolute path. {_WHERE}")
    folders = tuple(Path(root).expanduser().resolve() for root in roots)
    strange = [encodable(str(root)) for root in folders if not _can_be_shown(str(root))]
    if strange:
        raise BatchError(
            f"The name of the folder '{strange[0]}' isn't UTF-8; rename it or choose another one. {_WHERE}"
        )
    found = {name: environment.get(f"FER_BATCH_{name.upper()}") or table.get(name) for name in ("scheduler", *_TLS)}
    texts = {name: text for name, text in found.items() if text is not None}
    wrong = [name for name, text in texts.items() if not isinstance(text, str)]
    if wrong:
        raise BatchError(f"{listed(wrong)} under [batch] in .streamlit/secrets.toml must be a text in quotes.")
    return Allowed(
        folders,
        texts.get("scheduler"),
        {name.removeprefix("tls_"): texts[name] for name in _TLS if name in texts},
    )


def find_inputs(texts: Iterable[str], roots: Sequence[Path]) -> tuple[str, ...]:
    """Return what somebody has named as absolute paths and patterns below the roots.

    Args:
        texts: files, folders and patterns, absolute or relative to a root.
        roots: the allowed folders.

    Raises:
        BatchError: one isn't below a root, or isn't there.
    """
    return tuple(_find(text.strip(), roots) for text in texts)


def require_inside(inputs: Iterable[str], roots: Sequence[Path]) -> None:
    """Check that what a batch reads is still allowed: its owner may have changed the settings since it was started.

    Args:
        inputs: absolute paths and patterns.
        roots: the folders that are allowed now.

    Raises:
        BatchError: one isn't below a root.
    """
    outside = next((path for path in inputs if is_url(path) or not is_inside(fixed_part(path), roots)), None)
    if outside is not None:
        raise BatchError(
            f"'{shortened(encodable(outside))}' isn't below {listed([str(root) for root in roots])} any more, so this "
            "batch can't read it. Start a new batch with other folders, or allow this one again under [batch] in "
            ".streamlit/secrets.toml or in FER_BATCH_ROOTS."
        )


def _find(text: str, roots: Sequence[Path]) -> str:
    if is_url(text) or "\0" in text:
        raise BatchError(f"'{shortened(text)}' isn't a path; name a folder or a file on this machine.")
    tried = [os.path.normpath(root / text) for root in roots]
    inside = [path for path in tried if is_inside(fixed_part(path), roots)]
    if not inside:
        raise BatchError(
            f"'{shortened(text)}' isn't below {listed([str(root) for root in roots])}; choose another one."
        )
    there = [path for path in inside if Path(path).exists() or fixed_part(path) != path]
    if not there:
        raise BatchError(f"'{shortened(text)}' isn't there; check its name.")
    return there[0]


def folders_below(roots: Iterable[Path], most: int) -> list[str]:
    """Return the roots and the first folders below them, those nearer to the roots first; no hidden ones and no links.

    Args:
        roots: the allowed folders. Those that can't be read are left out, and all whose name isn't UTF-8, which no page
            can show. A batch of the folder above analyses them, too.
        most: most folders that are returned.
    """
    waiting = deque(str(root) for root in roots if root.is_dir() and _can_be_shown(str(root)))
    found: list[str] = []
    n_left = _MOST_ENTRIES
    while waiting and len(found) < most and n_left > 0:
        folder = waiting.popleft()
        found.append(folder)
        with suppress(OSError), os.scandir(folder) as scanned:
            entries = list(islice(scanned, n_left))
            n_left -= len(entries)
            inner = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
            waiting += sorted(path for path in inner if _can_be_shown(path) and not Path(path).name.startswith("."))
    return found


def _can_be_shown(path: str) -> bool:
    return encodable(path) == path


def name_below(path: str, roots: Sequence[Path]) -> str:
    """Return how a path is shown, which no other one is.

    Args:
        path: an absolute path.
        roots: the allowed folders.

    Returns:
        The path with the name of its root in front, such as 'data/photos'; the whole path if another root has the same
        name, or if it is in none. Line breaks and marks that turn text are written out.
    """
    for root in roots:
        if Path(path).is_relative_to(root):
            same = {other for other in roots if other.name == root.name}
            if root.name and len(same) == 1:
                return printable("/".join((root.name, *Path(path).relative_to(root).parts)))
    return printable(path)
