"""Estimate how long a run takes, from a few timed steps or an earlier run on this computer."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from fer import paths
from fer.runs.config import TrainConfig
from fer.storage import files
from fer.storage.schema import Count, Seconds, fitting
from fer.storage.values import ValuesError

_FILE: Final = "speeds.json"
# To load TensorFlow and the data, compile the first step, and export the model.
_AROUND_SECONDS: Final = 40.0
_KEPT: Final = 200


@dataclass(frozen=True)
class Measured:
    """The measured speed of a network and a dataset on this computer.

    Attributes:
        n_train: images of the whole train split.
        n_validation: images of the validation split.
        image_seconds: seconds of a training step per image.
        validation_seconds: seconds to validate an epoch.
    """

    n_train: Count
    n_validation: Count
    image_seconds: Seconds
    validation_seconds: Seconds

    @classmethod
    def of(
        cls, config: TrainConfig, *, trained_on: int, n_validation: int, step_seconds: float, validation_seconds: float
    ) -> Self:
        """Return the speed measured by a run, from its number of training images and its seconds per step."""
        return cls(
            n_train=round(trained_on / _share(config)),
            n_validation=n_validation,
            image_seconds=step_seconds / min(config.batch_size, trained_on),
            validation_seconds=validation_seconds,
        )


def remember(config: TrainConfig, measured: Measured) -> None:
    """Store a measurement for settings of this kind. Failing to store it must not fail a run."""
    file = paths.runs_dir() / _FILE
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        known = files.read_json(file)
        known.pop(_kind(config), None)
        known[_kind(config)] = asdict(measured)
        files.write_json(file, dict(list(known.items())[-_KEPT:]))
    except OSError:
        return


def recall(config: TrainConfig) -> Measured | None:
    """Return the measured speed for settings of this kind, or None."""
    try:
        return fitting(files.read_json(paths.runs_dir() / _FILE)[_kind(config)], Measured)
    except (KeyError, ValuesError):
        return None


def seconds_for(config: TrainConfig, measured: Measured) -> float:
    """Return the seconds that a whole run with these settings takes, without early stopping."""
    images = measured.n_train * _share(config)
    return config.epochs * (images * measured.image_seconds + measured.validation_seconds) + _AROUND_SECONDS


def _share(config: TrainConfig) -> float:
    return config.fraction * (1 - config.holdout)


def _kind(config: TrainConfig) -> str:
    """Return a key of everything that the speed depends on; a changed file has another key."""
    source = Path(config.data)
    try:
        changed = str(source.stat().st_mtime_ns)
    except OSError:
        changed = ""
    return " ".join(
        (
            config.data,
            changed,
            config.network,
            config.precision,
            f"votes {config.votes_weight > 0}",
            f"deterministic {config.deterministic}",
        )
    )
