"""Estimate how long a run takes, from a few timed steps or an earlier run on this computer."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from fer import paths
from fer.errors import DatasetError
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
    """The measured speed of a network on this computer, with the size of a dataset.

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
        known = _Known.read(file)
        per_image = measured.validation_seconds / max(1, measured.n_validation)
        known.speeds.pop(_kind(config), None)
        known.speeds[_kind(config)] = _Speed(measured.image_seconds, per_image)
        known.sizes.pop(config.data, None)
        known.sizes[config.data] = _Size(measured.n_train, measured.n_validation)
        files.write_json(file, known.to_dict())
    except OSError:
        return


def recall(config: TrainConfig) -> Measured | None:
    """Return the measured speed for settings of this kind, or None."""
    known = _Known.read(paths.runs_dir() / _FILE)
    speed = known.speeds.get(_kind(config))
    size = _stored_size(config.data) or known.sizes.get(config.data)
    if speed is None or size is None:
        return None
    return Measured(size.train, size.validation, speed.image_seconds, speed.validation_image_seconds * size.validation)


def seconds_for(config: TrainConfig, measured: Measured) -> float:
    """Return the seconds that a whole run with these settings takes, without early stopping."""
    images = measured.n_train * _share(config)
    return config.epochs * (images * measured.image_seconds + measured.validation_seconds) + _AROUND_SECONDS


def _share(config: TrainConfig) -> float:
    return config.fraction * (1 - config.holdout)


def _kind(config: TrainConfig) -> str:
    """Return a key of everything that the seconds per image depend on. The labels and their number don't count."""
    return " ".join(
        (
            config.network,
            config.precision,
            f"votes {config.votes_weight > 0}",
            f"deterministic {config.deterministic}",
        )
    )


@dataclass(frozen=True)
class _Speed:
    """Seconds per image of a network on this computer, when it trains and when it is validated."""

    image_seconds: Seconds
    validation_image_seconds: Seconds


@dataclass(frozen=True)
class _Size:
    """Numbers of images of a dataset."""

    train: Count
    validation: Count


@dataclass(frozen=True)
class _Known:
    """The content of the file: speeds by kind of settings, and sizes of datasets by what the settings call them."""

    speeds: dict[str, _Speed] = field(default_factory=dict)
    sizes: dict[str, _Size] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return what the file says; nothing if it is missing or damaged."""
        try:
            return fitting(files.read_json(file), cls)
        except ValuesError:
            return cls()

    def to_dict(self) -> dict[str, Any]:
        """Return the newest entries as plain JSON values."""
        return {name: dict(list(values.items())[-_KEPT:]) for name, values in asdict(self).items()}


def _stored_size(data: str) -> _Size | None:
    """Return the size of an imported dataset as it is now, or None if the data isn't one."""
    # Not at the top: it imports numpy, and a queued run must stay small.
    from fer.datasets.splits import VALIDATION_SHARE
    from fer.datasets.store.storage import DatasetInfo

    try:
        counts = DatasetInfo.from_folder(Path(data)).by_split()
    except DatasetError:
        return None
    train = counts.get("train", 0)
    validation = counts.get("validation")
    if validation is None:
        validation = round(train * VALIDATION_SHARE)
        train -= validation
    return _Size(train, validation)
