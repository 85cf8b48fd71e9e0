"""Where evaluations are kept, and the last of a model: what Home shows, without the weight of computing metrics."""

from dataclasses import dataclass
from pathlib import Path

from fer import paths
from fer.storage.files import read_json


def evaluations_dir() -> Path:
    """The folder of everything evaluated, `FER_HOME/evaluations`; it may not exist yet."""
    return paths.home() / "evaluations"


@dataclass(frozen=True)
class Latest:
    """The last evaluation in a line: model, data, split, faces, accuracy (0..1), and when (ISO 8601, UTC)."""

    model: str
    data: str
    split: str
    n: int
    accuracy: float
    made: str
    synthetic: bool


def latest(model_hash: str) -> Latest | None:
    """A model's evaluation that was made last; None where there is none.

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
            found.append(
                Latest(
                    model=about["model"]["name"],
                    data=data["name"],
                    split=data["split"],
                    n=int(about["n"]),
                    accuracy=float(about["accuracy"]),
                    made=str(about["made"]),
                    synthetic=bool(data["synthetic"]),
                )
            )
        except (KeyError, TypeError, ValueError):
            continue
    return max(found, key=lambda one: one.made, default=None)
