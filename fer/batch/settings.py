"""What a batch analyses, and how."""

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Settings:
    """What decides the results of a file. Other settings make other tasks.

    Attributes:
        model_hash: the hash of the model's bundle.
        detector: 'yunet' or 'haar'.
        confidence_threshold: in 0..1; None for the model's own.
        annotated: whether copies with boxes are written.
    """

    model_hash: str
    detector: str
    confidence_threshold: float | None = None
    annotated: bool = False

    @property
    def digest(self) -> str:
        """Return 64 hexadecimal digits that change with any setting."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Inputs:
    """Where the photos and videos are.

    Attributes:
        named: files, folders, globs and fsspec URLs.
        lists: text files with one of these per line.
    """

    named: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
