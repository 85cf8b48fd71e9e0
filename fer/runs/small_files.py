"""Read the small files of a run's folder, besides its progress. What is missing or damaged is empty."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fer.runs import layout
from fer.runs.progress import ENDED, Progress
from fer.storage import files
from fer.storage.schema import Share, Text, fitting, read_object
from fer.storage.values import ValuesError


@dataclass(frozen=True)
class SweepOrigin:
    """Which training of which sweep a run is.

    Attributes:
        training: identifies its settings, data and seed; '' for a run that belongs to no sweep.
        sweep: the id of the sweep that started it.
    """

    training: Text = ""
    sweep: Text = ""


@dataclass(frozen=True)
class Notes:
    """A run's name and notes, which its user can change."""

    name: Text = ""
    notes: Text = ""


def read_notes(folder: Path) -> Notes:
    """Return the name and notes in a run's folder."""
    try:
        return fitting(read_object(folder / layout.NOTES), Notes)
    except (FileNotFoundError, ValuesError):
        return Notes()


def read_origin(folder: Path) -> SweepOrigin:
    """Return which training of which sweep the run in a folder is."""
    try:
        return fitting(read_object(folder / layout.SWEEP), SweepOrigin)
    except (FileNotFoundError, ValuesError):
        return SweepOrigin()


class _Split(msgspec.Struct):
    """What a report says of a split."""

    accuracy: Share


def read_measured(folder: Path, progress: Progress) -> dict[str, float]:
    """Return the accuracy of the exported model by split; {} if there is none of the best epoch."""
    report = files.read_json(folder / layout.REPORT)
    metrics = report.get("metrics")
    if progress.state not in ENDED or report.get("epoch") != progress.best_epoch or not isinstance(metrics, dict):
        return {}
    found = {}
    for name in ("validation", "test"):
        with contextlib.suppress(ValuesError):
            found[name] = fitting(metrics.get(name), _Split).accuracy
    return found
