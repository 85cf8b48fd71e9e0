"""What a run has learned so far: its curves, its best epoch, its report."""

import io
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from fer.emotions import EMOTIONS
from fer.runs import layout
from fer.storage import files

METRICS_COLUMNS: Final = (
    "epoch",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "seconds",
    *(f"accuracy_{emotion}" for emotion in EMOTIONS),
)


def read_metrics(run_id: str) -> pd.DataFrame:
    """The curves of a run: a row an epoch, the columns `METRICS_COLUMNS`; empty before the first epoch's end."""
    try:
        text = (layout.run_folder(run_id) / layout.METRICS).read_text(encoding="utf-8")
        return pd.read_csv(io.StringIO(text))
    except (OSError, ValueError):  # pandas' EmptyDataError and ParserError are ValueErrors
        return pd.DataFrame(columns=list(METRICS_COLUMNS))


@dataclass(frozen=True)
class BestEpoch:
    """The epoch that is kept: its number from 1, its accuracy on validation, and its confusion matrix.

    Attributes:
        confusion: (7, 7) counts, rows true, columns given.
    """

    epoch: int
    accuracy: float
    confusion: list[list[int]]


def read_best(run_id: str) -> BestEpoch | None:
    """The best epoch so far, or None before the first epoch's end."""
    values = files.read_json(layout.run_folder(run_id) / layout.BEST)
    try:
        return BestEpoch(int(values["epoch"]), float(values["accuracy"]), values["confusion"])
    except (KeyError, TypeError, ValueError):
        return None


def read_report(run_id: str) -> dict[str, Any]:
    """What a run's model achieved when it was done: see docs/training.md; {} before that."""
    return files.read_json(layout.run_folder(run_id) / layout.REPORT)
