"""Settings for those who do not want to choose them, and the description of each for those who do."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from fer.runs.config import TrainConfig

_SYNTHETIC: Final = "synthetic"


@dataclass(frozen=True)
class Preset:
    """Settings under a name.

    Attributes:
        key: its name in code; title: its name for people; text: what it is for, in a sentence.
        settings: the settings for a data set.
    """

    key: str
    title: str
    text: str
    settings: Callable[[str], TrainConfig]


def _quick(data: str) -> TrainConfig:
    # A tenth of the drawn faces would be seventy: nothing can be learned from them, and all of them are quick enough.
    small = data == _SYNTHETIC
    return TrainConfig(
        data=data, fraction=1.0 if small else 0.1, epochs=12, batch_size=16 if small else 32, warmup_epochs=1.0
    )


def _standard(data: str) -> TrainConfig:
    return replace(TrainConfig(), data=data, batch_size=16 if data == _SYNTHETIC else TrainConfig.batch_size)


def _best(data: str) -> TrainConfig:
    # Calibrated on images of its own, and twice as long.
    return replace(_standard(data), epochs=60, holdout=0.04)


PRESETS: Final = (
    Preset(
        "quick", "Quick look", "A tenth of the images (all of the drawn ones), twelve epochs: does it learn?", _quick
    ),
    Preset("standard", "Standard", "All images, thirty epochs: a good model.", _standard),
    Preset("best", "Best", "All images, sixty epochs, and its confidence calibrated: the last percent.", _best),
)


@dataclass(frozen=True)
class NetworkFacts:
    """What a network costs: parameters, and multiply-adds for one face."""

    parameters: int
    multiply_adds: int

    @property
    def text(self) -> str:
        """'1.2 M parameters, 84 M multiply-adds a face'."""
        return f"{self.parameters / 1e6:.1f} M parameters, {self.multiply_adds / 1e6:.0f} M multiply-adds a face"


# Counted by fer.training.networks.cost, which pages cannot ask: it needs Keras. A test compares.
NETWORK_FACTS: Final = {
    "residual": NetworkFacts(1_195_111, 130_442_112),
    "small": NetworkFacts(673_615, 73_498_272),
    "baseline": NetworkFacts(4_497_031, 332_279_296),
}

# The settings by subject, in the order of a form; every one of them is in one group (a test sees to it).
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Data": ("data", "votes", "corrections", "fraction", "holdout"),
    "Network": ("network", "dropout", "start_from", "init_weight"),
    "Training": (
        *("epochs", "batch_size", "optimizer", "learning_rate", "schedule", "warmup_epochs", "weight_decay"),
        *("weight_averaging", "patience", "precision"),
    ),
    "Loss": (
        *("label_smoothing", "class_weights", "fear_offset", "crowd_labels", "teacher", "teacher_share"),
        "votes_weight",
    ),
    "Augmentation": ("flip", "rotation_degrees", "scale", "shift", "light", "degradation", "erasing", "mixup"),
    "Repeating": ("seed", "deterministic"),
}


def label(name: str) -> str:
    """A setting's name for people: 'Learning rate'."""
    return name.replace("_", " ").capitalize()
