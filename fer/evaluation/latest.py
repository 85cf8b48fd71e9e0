"""Find a model's latest stored evaluation. Imports no metrics library, so that Home opens quickly."""

from dataclasses import dataclass
from pathlib import Path

from fer import paths
from fer.storage.files import read_json
from fer.storage.schema import Count, Share, Text, fitting
from fer.storage.values import require_time


def evaluations_dir() -> Path:
    """Return the folder of all stored evaluations, `FER_HOME/evaluations`. It may not exist."""
    return paths.home() / "evaluations"


@dataclass(frozen=True)
class Latest:
    """A summary of an evaluation: names, number of faces, accuracy (0..1), and its time (ISO 8601, UTC).

    `undivided` tells whether the data has no split other than train.
    """

    model: Text
    data: Text
    split: Text
    n: Count
    accuracy: Share
    made: Text
    synthetic: bool
    undivided: bool = False

    def __post_init__(self) -> None:
        require_time("made", self.made)


def latest(model_hash: str) -> Latest | None:
    """Return a model's latest evaluation, or None if there is none.

    Args:
        model_hash: `Bundle.hash` of the model.
    """
    found = []
    for file in (evaluations_dir() / "results").glob("*/evaluation.json"):
        about = read_json(file)
        try:
            if about["model"]["hash"] != model_hash:
                continue
            data = about["data"]
            values = {name: about[name] for name in ("n", "accuracy", "made")}
            values |= {name: data[name] for name in ("split", "synthetic", "undivided") if name in data}
            found.append(fitting(values | {"model": about["model"]["name"], "data": data["name"]}, Latest))
        except (KeyError, TypeError, ValueError):
            continue
    return max(found, key=lambda one: one.made, default=None)
