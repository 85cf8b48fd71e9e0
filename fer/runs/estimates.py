"""What a run will take, from what this machine did before: a probe of a few steps, or the last run of its kind."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from fer import paths
from fer.runs.config import TrainConfig
from fer.storage import files
from fer.storage.schema import Count, Seconds, fitting
from fer.storage.values import ValuesError

_FILE: Final = "speeds.json"
# Loading TensorFlow and the data, compiling the first step, and exporting the model at the end.
_AROUND_SECONDS: Final = 40.0
_KEPT: Final = 200


@dataclass(frozen=True)
class Measured:
    """What was measured for a network and a data set on this machine.

    Attributes:
        n_train: images of the train split before the settings divide it.
        n_validation: images of the validation split.
        image_seconds: a training step over its images.
        validation_seconds: of judging one epoch.
    """

    n_train: Count
    n_validation: Count
    image_seconds: Seconds
    validation_seconds: Seconds

    @classmethod
    def of(
        cls, config: TrainConfig, *, trained_on: int, n_validation: int, step_seconds: float, validation_seconds: float
    ) -> Self:
        """From what a run measures: images that it trains on, and seconds of a step."""
        return cls(
            n_train=round(trained_on / _share(config)),
            n_validation=n_validation,
            image_seconds=step_seconds / min(config.batch_size, trained_on),
            validation_seconds=validation_seconds,
        )


def remember(config: TrainConfig, measured: Measured) -> None:
    """Keep a measurement for the settings' kind; an estimate that cannot be kept is no reason for a run to fail."""
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
    """What was measured for settings of this kind, or None."""
    try:
        return fitting(files.read_json(paths.runs_dir() / _FILE)[_kind(config)], Measured)
    except (KeyError, ValuesError):
        return None


def seconds_for(config: TrainConfig, measured: Measured) -> float:
    """Seconds that a whole run of these settings takes on this machine, early stopping aside."""
    images = measured.n_train * _share(config)
    return config.epochs * (images * measured.image_seconds + measured.validation_seconds) + _AROUND_SECONDS


def _share(config: TrainConfig) -> float:
    return config.fraction * (1 - config.holdout)


def _kind(config: TrainConfig) -> str:
    """What the time of an image and their number depend on; a file that changed is another one."""
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
