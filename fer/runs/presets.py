"""Presets, and the groups of settings in the form."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from fer.errors import DatasetError
from fer.runs.config import TrainConfig

_SYNTHETIC: Final = "synthetic"
# A network learns nothing in 12 epochs on a tenth of fewer training images, and all of them are quick.
_FEW: Final = 5_000


@dataclass(frozen=True)
class Preset:
    """Settings with a name.

    Attributes:
        key: the name in code.
        title: the name on pages.
        text: what it is for, in one or two sentences.
        settings: returns the settings for a dataset.
    """

    key: str
    title: str
    text: str
    settings: Callable[[str], TrainConfig]


def _is_small(data: str) -> bool:
    """Tell whether a dataset is known to have few training images: the synthetic faces, or an imported one."""
    if data == _SYNTHETIC:
        return True
    # Not at the top: it imports numpy, and a queued run is to stay small.
    from fer.datasets.store.storage import DatasetInfo

    try:
        info = DatasetInfo.from_folder(Path(data))
    except DatasetError:
        return False  # not imported, so its images aren't counted
    return info.by_split().get("train", 0) < _FEW


def _quick(data: str) -> TrainConfig:
    small = _is_small(data)
    return TrainConfig(
        data=data, fraction=1.0 if small else 0.1, epochs=12, batch_size=16 if small else 32, warmup_epochs=1.0
    )


def _standard(data: str) -> TrainConfig:
    return replace(TrainConfig(), data=data, batch_size=16 if _is_small(data) else TrainConfig.batch_size)


def _best(data: str) -> TrainConfig:
    # Twice as long, and calibrated on held-out images.
    return replace(_standard(data), epochs=60, holdout=0.04)


PRESETS: Final = (
    Preset(
        "quick",
        "Quick look",
        "10 % of the images (all if there are few), 12 epochs. A quick check that training works.",
        _quick,
    ),
    Preset("standard", "Standard", "All images, 30 epochs. A good model.", _standard),
    Preset("best", "Best", "All images, 60 epochs, with calibrated confidence. The best accuracy.", _best),
)


@dataclass(frozen=True)
class NetworkFacts:
    """The size of a network: parameters, and multiply-adds per face."""

    parameters: int
    multiply_adds: int

    @property
    def text(self) -> str:
        """Return the size in words: '1.2 M parameters, 130 M multiply-adds per face'."""
        return f"{self.parameters / 1e6:.1f} M parameters, {self.multiply_adds / 1e6:.0f} M multiply-adds per face"


# From fer.training.networks.cost, which needs Keras, so pages can't call it. A test compares both.
NETWORK_FACTS: Final = {
    "residual": NetworkFacts(1_195_111, 130_442_112),
    "small": NetworkFacts(673_615, 73_498_272),
    "baseline": NetworkFacts(4_497_031, 332_279_296),
}

# All settings in the form's order: the data, the six that everyone changes, augmentation, and the rest. A test checks
# that none is missing.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Main": ("data", "network", "epochs", "batch_size", "learning_rate", "fraction", "start_from"),
    "Augmentation": ("flip", "rotation_degrees", "scale", "shift", "light", "degradation", "erasing", "mixup"),
    "Advanced": (
        *("labels", "votes", "votes_weight", "crowd_labels", "corrections", "holdout", "init_weight", "dropout"),
        *("optimizer", "schedule", "warmup_epochs", "weight_decay", "weight_averaging", "patience", "precision"),
        *("label_smoothing", "class_weights", "fear_offset", "teacher", "teacher_share", "seed", "deterministic"),
    ),
}


def label(name: str) -> str:
    """Return a setting's label: 'Learning rate'."""
    return name.replace("_", " ").capitalize()
