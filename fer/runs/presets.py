"""Presets, and the groups of settings in the form."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from fer import paths
from fer.runs.config import TrainConfig
from fer.runs.data_size import training_images
from fer.storage.files import read_json

_FEW: Final = 5_000
# How many faces two cores with AVX2 train on in four minutes: the light network, and the shipped one.
_QUICK_FACES: Final = 170_000
_FINE_TUNING_FACES: Final = 25_000


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


def _few(data: str) -> bool:
    """Tell whether a dataset is known to have few training images, from which larger batches would make few steps."""
    n_images = training_images(data)
    return n_images is not None and n_images < _FEW


def _passes(data: str, faces: int, *, least: int, most: int) -> tuple[float, int]:
    """Return the share of the training images and the number of epochs that show a network about so many faces.

    Args:
        data: the dataset. If nobody knows its size, all images are used for the least number of epochs.
        faces: how many faces are shown.
        least: fewest epochs.
        most: most epochs.
    """
    n_images = training_images(data)
    if n_images is None:
        return 1.0, least
    share = max(0.01, min(1.0, round(faces / (least * n_images), 2)))
    return share, min(most, max(least, round(faces / (share * n_images))))


def _quick(data: str) -> TrainConfig:
    fraction, epochs = _passes(data, _QUICK_FACES, least=5, most=30)
    # With few passes, the network can't learn much by heart, and everything that keeps it from that only costs.
    return TrainConfig(
        data=data,
        network="light",
        fraction=fraction,
        epochs=epochs,
        batch_size=16 if _few(data) else 64,
        learning_rate=2e-3 if _few(data) else 4e-3,
        warmup_epochs=0.5,
        weight_decay=0.02,
        dropout=0.1,
        label_smoothing=0.05,
        class_weights="none",
        rotation_degrees=5.0,
        scale=0.06,
        shift=0.04,
        light=0.2,
        erasing=0.0,
    )


def _standard(data: str) -> TrainConfig:
    return replace(TrainConfig(), data=data, batch_size=16 if _few(data) else TrainConfig.batch_size)


def _best(data: str) -> TrainConfig:
    # Twice as long, and calibrated on held-out images.
    return replace(_standard(data), epochs=60, holdout=0.04)


def _fine_tune(data: str) -> TrainConfig:
    fraction, epochs = _passes(data, _FINE_TUNING_FACES, least=2, most=15)
    shipped = str(paths.SHIPPED_BUNDLE)
    # Rows 13 and 14 of docs/experiments.md: images close to those in use, a low rate, part of each label from the
    # initial model, and an average with it in the end. The last two keep what it knows.
    return TrainConfig(
        data=data,
        network=str(read_json(paths.SHIPPED_BUNDLE / "bundle.json").get("network", {}).get("name", "residual")),
        start_from=(shipped,),
        init_weight=0.3,
        teacher=(shipped,),
        teacher_share=0.3,
        fraction=fraction,
        epochs=epochs,
        batch_size=16 if _few(data) else 64,
        learning_rate=2e-4 if _few(data) else 4e-4,
        warmup_epochs=0.5,
        label_smoothing=0.0,
        rotation_degrees=5.0,
        scale=0.06,
        shift=0.03,
        light=0.15,
        erasing=0.0,
        mixup=0.1,
    )


PRESETS: Final = (
    Preset(
        "quick",
        "Quick look",
        "A small network that sees up to 170,000 faces: five minutes on two cores. A quick check that training works.",
        _quick,
    ),
    Preset("standard", "Standard", "All images, 30 epochs. A good model.", _standard),
    Preset("best", "Best", "All images, 60 epochs, with calibrated confidence. The best accuracy.", _best),
    Preset(
        "fine-tune",
        "Fine-tune the shipped model",
        "For images of your own: starts from the shipped model and takes minutes. Afterwards both are compared.",
        _fine_tune,
    ),
)


def preset_settings(key: str, data: str) -> TrainConfig:
    """Return the settings of a preset for a dataset.

    Args:
        key: of one of `PRESETS`.
        data: the dataset.
    """
    return {preset.key: preset for preset in PRESETS}[key].settings(data)


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
    "light": NetworkFacts(336_109, 15_391_968),
    "baseline": NetworkFacts(4_497_031, 332_279_296),
}

# All settings in the form's order: the data, the six that everyone changes, augmentation, and the rest. A test checks
# that none is missing.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Main": ("data", "network", "epochs", "batch_size", "learning_rate", "fraction", "start_from"),
    "Augmentation": (
        *("flip", "rotation_degrees", "scale", "shift", "light"),
        *("studio", "degradation", "erasing", "mixup"),
    ),
    "Advanced": (
        *("labels", "votes", "votes_weight", "crowd_labels", "corrections", "holdout", "init_weight", "dropout"),
        *("optimizer", "schedule", "warmup_epochs", "weight_decay", "weight_averaging", "precision"),
        *("selection", "patience", "label_smoothing", "class_weights", "fear_offset", "teacher", "teacher_share"),
        *("seed", "deterministic"),
    ),
}


def label(name: str) -> str:
    """Return a setting's label: 'Learning rate'."""
    return name.replace("_", " ").capitalize()
