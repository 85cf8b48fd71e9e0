"""All settings of a training run, stored with the run."""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Final, Self

from fer.errors import ConfigError, shortened
from fer.storage.values import ValuesError, parse_object
from fer.text import encodable

NETWORKS: Final = ("residual", "small", "light", "baseline")
OPTIMIZERS: Final = ("adamw", "sgd")
SCHEDULES: Final = ("cosine", "constant")
CLASS_WEIGHTS: Final = ("none", "sqrt", "balanced")
SELECTIONS: Final = ("accuracy", "log_loss")
PRECISIONS: Final = ("auto", "float32", "bfloat16")

# Settings that name bundles; each can name several.
MODELS: Final = ("start_from", "teacher")
# Names in the settings of earlier runs, with those of today.
_OLD_NAMES: Final = {"start_share": "init_weight", "degrading": "degradation"}


def _setting(
    default: Any, text: str, *, low: float | None = None, high: float | None = None, choices: tuple[str, ...] = ()
) -> Any:
    """Return a dataclass field with the metadata that the form, the command line and the checks use."""
    return field(default=default, metadata={"help": text, "low": low, "high": high, "choices": choices})


def _is_number(value: Any, *, whole: bool) -> bool:
    """Return whether a value is a number (an integer if `whole`); True and False aren't numbers."""
    return isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """Return a value that was refused, for a message: on one line, and short."""
    return shortened(ascii(value))


def _as_folders(stored: Any) -> Any:
    """Return a list from JSON as a tuple, and a single folder as one item; any other value is left to be refused."""
    if stored is None or stored == "":
        return ()
    if isinstance(stored, str):
        return (stored,)
    return tuple(stored) if isinstance(stored, list) else stored


@dataclass(frozen=True)
class TrainConfig:
    """The settings of a run. The defaults train a good small model.

    Raises:
        ConfigError: a value is outside its range; the message names the range.
    """

    data: str = _setting("synthetic", "Dataset: a FER-2013 CSV file, a folder of image folders, or 'synthetic'")
    votes: str | None = _setting(None, "FER+ votes, fer2013new.csv; found automatically next to the CSV file")
    labels: str | None = _setting(
        None,
        "Order of classes that are numbers: fer2013, ferplus, affectnet, rafdb, ckplus, cohnkanade, "
        "'0=neutral,1=happy,...'",
    )
    corrections: bool = _setting(False, "Apply the label corrections made on the Data page")
    fraction: float = _setting(1.0, "Share of the training images to use, stratified by class", low=0.01, high=1.0)
    # Calibration needs images that were used neither for training nor to choose the best epoch.
    holdout: float = _setting(0.0, "Share of the training images held out for calibration", low=0.0, high=0.3)

    network: str = _setting("residual", "Network architecture", choices=NETWORKS)
    dropout: float = _setting(0.3, "Dropout rate before the last layer", low=0.0, high=0.8)
    start_from: tuple[str, ...] = _setting((), "Model to fine-tune; several are averaged")
    init_weight: float = _setting(
        0.0,
        "Weight of the initial model when it is averaged with the fine-tuned one",
        low=0.0,
        high=0.9,
    )

    epochs: int = _setting(30, "Passes over the training images", low=1, high=1000)
    batch_size: int = _setting(64, "Images per step", low=4, high=1024)
    optimizer: str = _setting("adamw", "AdamW, or SGD with Nesterov momentum", choices=OPTIMIZERS)
    # 2e-3 is stable for AdamW with warm-up at batch size 64. SGD needs about 0.05.
    learning_rate: float = _setting(2e-3, "Peak learning rate", low=1e-6, high=1.0)
    schedule: str = _setting(
        "cosine", "Learning rate after the warm-up: cosine decay to zero, or constant", choices=SCHEDULES
    )
    warmup_epochs: float = _setting(1.0, "Epochs of linear warm-up", low=0.0, high=50.0)
    weight_decay: float = _setting(0.05, "Decoupled weight decay", low=0.0, high=1.0)
    # The average is validated and exported instead of the last weights, with batch-norm statistics of its own.
    weight_averaging: int = _setting(
        1000,
        "Steps over which the weights are averaged, at most a tenth of the run; 0 turns it off",
        low=0,
        high=100_000,
    )
    precision: str = _setting(
        "auto", "'auto' is bfloat16 if the processor supports it, else float32", choices=PRECISIONS
    )

    label_smoothing: float = _setting(0.1, "Share of each label that is spread over all classes", low=0.0, high=0.5)
    class_weights: str = _setting("sqrt", "How strongly rare classes are weighted in the loss", choices=CLASS_WEIGHTS)
    crowd_labels: float = _setting(
        0.0, "Share of each label that is replaced by the labels of images with similar FER+ votes", low=0.0, high=1.0
    )
    teacher: tuple[str, ...] = _setting(
        (),
        "Teacher for knowledge distillation; the predictions of several are averaged",
    )
    teacher_share: float = _setting(
        0.5, "Share of each label that is replaced by the teachers' predictions", low=0.0, high=1.0
    )
    fear_offset: float = _setting(
        0.0,
        "Offset of the logit of fear, the class that is missed most, in the exported model",
        low=0.0,
        high=1.0,
    )
    votes_weight: float = _setting(
        0.5, "Weight of the loss of the second head, which learns the FER+ votes", low=0.0, high=5.0
    )

    # A FER-2013 image is a detector's box, and the size of boxes varies by 15 to 19 % from frame to frame.
    flip: bool = _setting(True, "Mirror half of the images")
    rotation_degrees: float = _setting(10.0, "Largest rotation in degrees", low=0.0, high=45.0)
    scale: float = _setting(0.12, "Largest zoom in or out, as a share", low=0.0, high=0.5)
    shift: float = _setting(0.07, "Largest shift, as a share of the side", low=0.0, high=0.3)
    light: float = _setting(0.3, "Strength of contrast, brightness and gamma changes", low=0.0, high=1.0)
    studio: float = _setting(
        0.0, "Probability of sharper edges, evened light or full contrast, as from a studio", low=0.0, high=1.0
    )
    degradation: float = _setting(
        0.0, "Probability of blur, low resolution, noise or JPEG artefacts, as from a poor camera", low=0.0, high=1.0
    )
    erasing: float = _setting(0.3, "Probability that a rectangle is erased", low=0.0, high=1.0)
    mixup: float = _setting(0.0, "Alpha of mixup; 0 turns it off", low=0.0, high=1.0)

    # By accuracy, a few faces more by chance decide; the log loss also sees how sure each answer is.
    selection: str = _setting(
        "accuracy",
        "Best epoch: the highest validation accuracy, or the lowest log loss on validation and held-out images",
        choices=SELECTIONS,
    )
    patience: int = _setting(
        0, "Stop after this many epochs without a better one; 0 never stops early", low=0, high=1000
    )
    seed: int = _setting(0, "Seed of all random numbers", low=0, high=2**31 - 1)
    deterministic: bool = _setting(False, "Exactly reproducible results, but slower")

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value, meta = getattr(self, item.name), item.metadata
            if meta["choices"] and value not in meta["choices"]:
                raise ConfigError(f"{item.name}: choose one of {', '.join(meta['choices'])}. Received: {shown(value)}.")
            if meta["low"] is not None:
                whole = isinstance(item.default, int)
                if not (_is_number(value, whole=whole) and meta["low"] <= value <= meta["high"]):
                    raise ConfigError(
                        f"{item.name}: choose a {'whole ' if whole else ''}number from {meta['low']:.10g} to "
                        f"{meta['high']:.10g}. Received: {shown(value)}."
                    )
            elif isinstance(item.default, bool) and not isinstance(value, bool):
                raise ConfigError(f"{item.name}: choose true or false. Received: {shown(value)}.")
        for name in MODELS:
            value = getattr(self, name)
            if not (isinstance(value, tuple) and all(isinstance(folder, str) and folder for folder in value)):
                raise ConfigError(
                    f"{name}: choose a list of model folders, which can be empty. Received: {shown(value)}."
                )
            if len(set(value)) < len(value):
                raise ConfigError(f"{name}: choose each model once.")
        if not isinstance(self.data, str) or not self.data.strip():
            raise ConfigError("data: choose a file, a folder, or 'synthetic'.")
        if not isinstance(self.votes, str | None):
            raise ConfigError("votes: choose a file, or nothing.")
        if not isinstance(self.labels, str | None):
            raise ConfigError("labels: choose a label order, or nothing.")
        texts = (("data", self.data), ("votes", self.votes or ""), ("labels", self.labels or ""))
        for name, text in (*texts, *self._model_texts()):
            if encodable(text) != text:
                raise ConfigError(
                    f"{name}: the path '{shortened(encodable(text))}' isn't valid Unicode; rename the file or folder."
                )
        if self.warmup_epochs >= self.epochs and self.epochs > 1:
            raise ConfigError(
                f"warmup_epochs: choose fewer than the run's {self.epochs} epochs. Received: {self.warmup_epochs:g}."
            )

    def _model_texts(self) -> list[tuple[str, str]]:
        return [(name, folder) for name in MODELS for folder in getattr(self, name)]

    def to_json(self) -> str:
        """Return the settings as an indented JSON object."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: bytes | str) -> Self:
        """Return the settings in a JSON object, also one of an earlier version.

        Raises:
            ConfigError: the text isn't JSON, or it has an unknown setting or a value outside its range.
        """
        try:
            values = parse_object(text)
        except ValuesError as error:
            raise ConfigError(f"The settings of the run are damaged ({error}); start a new run.") from error
        values = {_OLD_NAMES.get(name, name): value for name, value in values.items()}
        unknown = sorted(set(values) - {item.name for item in dataclasses.fields(cls)})
        if unknown:
            names = shortened(encodable(", ".join(unknown)))
            raise ConfigError(f"The run has settings that this version doesn't know: {names}. Start a new run.")
        # Earlier versions stored one model or none.
        for name in MODELS:
            values[name] = _as_folders(values.get(name))
        return cls(**values)
