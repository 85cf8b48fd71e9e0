"""Keys of stored evaluations: they change with the files of a source, with its faces and with the model."""

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any, Final

from fer.datasets.readers.votes import is_votes_name
from fer.datasets.store.corrections import corrections_file
from fer.datasets.store.loading import SYNTHETIC
from fer.datasets.store.storage import is_stored
from fer.evaluation.evaluation_set import Source

# Part of every key. Increase it when the stored content or its computation changes, so that old results are ignored.
_FORMAT: Final = 5


def choice_key(source: Source) -> str:
    """Return a key for a source and the names, sizes and modification times of its files. Reads no image."""
    stamps = _stamps(source.path)
    if source.votes:
        stamps += _stamps(source.votes)
    return _key("choice", {**source.to_dict(), "files": stamps})


def _stamps(path: str) -> list[list[Any]]:
    if path == SYNTHETIC:
        return []
    root = Path(path).resolve()
    if root.is_dir():
        files = sorted(Path(folder) / name for folder, _, names in os.walk(root) for name in names)
        if is_stored(root):
            # An evaluation uses the original labels, so corrections don't matter. Their part files share their name.
            files = [file for file in files if not file.name.startswith(corrections_file(root).name)]
    else:
        files = [root, *sorted(file for file in root.parent.glob("*") if is_votes_name(file.name))]
    stamps = []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            # The file doesn't exist, or no longer.
            continue
        if stat.S_ISREG(status.st_mode):
            stamps.append([str(file), status.st_size, status.st_mtime_ns])
    return stamps


def result_key(model_hash: str, data_key: str) -> str:
    """Return the key of one model's result on some faces."""
    return _key("result", [model_hash, data_key])


def _key(kind: str, content: Any) -> str:
    text = json.dumps([_FORMAT, kind, content], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]
