"""What a run will take, from what this machine did before: a probe of a few steps, or the last run of its kind."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from fer import paths
from fer.runs import files
from fer.runs.config import TrainConfig

_FILE: Final = "speeds.json"
# Loading TensorFlow and the data, compiling the first step, and exporting the model at the end.
_AROUND_SECONDS: Final = 40.0
_KEPT: Final = 200


@dataclass(frozen=True)
class Measured:
    """What was measured for settings of one kind on this machine.

    Attributes:
        n_train, n_validation: images of the whole data set's splits, as the settings divide them.
        step_seconds: of one training step.
        validation_seconds: of judging one epoch.
    """

    n_train: int
    n_validation: int
    step_seconds: float
    validation_seconds: float


def remember(config: TrainConfig, measured: Measured) -> None:
    """Keep a measurement for the settings' kind; an estimate that cannot be kept is no reason for a run to fail."""
    file = paths.runs_dir() / _FILE
    try:
        known = files.read_json(file)
        known.pop(_kind(config), None)
        known[_kind(config)] = asdict(measured)
        files.write_json(file, dict(list(known.items())[-_KEPT:]))
    except OSError:
        return


def recall(config: TrainConfig) -> Measured | None:
    """What was measured for settings of this kind, or None."""
    try:
        return Measured(**files.read_json(paths.runs_dir() / _FILE)[_kind(config)])
    except (KeyError, TypeError):
        return None


def seconds_for(config: TrainConfig, measured: Measured) -> float:
    """Seconds that a whole run of these settings takes on this machine, early stopping aside."""
    steps = max(1, measured.n_train // config.batch_size)
    return config.epochs * (steps * measured.step_seconds + measured.validation_seconds) + _AROUND_SECONDS


def duration(seconds: float) -> str:
    """A duration for people: '50 s', '12 min', '1 h 50 min', '2 d 3 h'."""
    if seconds < 90:
        return f"{max(1, math.ceil(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h"


def _kind(config: TrainConfig) -> str:
    """What the time of a step and the number of steps depend on; a file that changed is another one."""
    source = Path(config.data)
    try:
        changed = str(source.stat().st_mtime_ns)
    except OSError:
        changed = ""
    return " ".join(
        (
            config.data,
            changed,
            f"{config.fraction:g}",
            f"{config.holdout:g}",
            config.network,
            str(config.batch_size),
            config.precision,
            f"votes {config.votes_weight > 0}",
            f"deterministic {config.deterministic}",
        )
    )
