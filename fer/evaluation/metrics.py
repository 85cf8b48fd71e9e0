"""What a model gets right on labelled faces: its predictions, and the figures that follow from them."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

from fer.arrays import Labels, Probabilities
from fer.datasets.faces import FaceDataset
from fer.emotions import EMOTIONS, N_EMOTIONS
from fer.errors import EvaluationError
from fer.evaluation.calibration import reliability

_CONFIDENCE_LEVEL: Final = 0.95
# 64 faces keep two cores busy; more only delays the progress and a stop.
BATCH: Final = 64
_CLASSES: Final = list(range(N_EMOTIONS))


class Classifier(Protocol):
    """What turns crops into probabilities, as `fer.recognition.classifier.EmotionClassifier` does."""

    def probabilities(self, crops: npt.NDArray[np.uint8]) -> Probabilities:
        """Probabilities (N, 7) float32 of crops (N, 48, 48, 1) uint8."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """A model's answers to labelled faces.

    Attributes:
        labels: (N,) int64, the true classes, an index into `EMOTIONS`.
        probabilities: (N, 7) float32, rows summing to 1.
        seconds: time that the classifier took for all of them; loading and reading are not in it.

    Raises:
        EvaluationError: there is no face.
        ValueError: the shapes do not fit.
    """

    labels: Labels
    probabilities: Probabilities
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if not len(self.labels):
            raise EvaluationError("There is no face to evaluate on; choose other data or another split.")
        if self.probabilities.shape != (len(self.labels), N_EMOTIONS):
            raise ValueError(
                f"probabilities: expected ({len(self.labels)}, {N_EMOTIONS}). Received: {self.probabilities.shape}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def predicted(self) -> Labels:
        """(N,) int64, the class that the model finds most probable."""
        top: Labels = self.probabilities.argmax(1)
        return top

    @property
    def confidence(self) -> Probabilities:
        """(N,) float32, the probability of that class."""
        top: Probabilities = self.probabilities.max(1)
        return top

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """(N,) bool, whether that class is the true one."""
        right: npt.NDArray[np.bool_] = self.predicted == self.labels
        return right

    @property
    def faces_per_second(self) -> float:
        """Faces classified in a second; 0 where no time was taken."""
        return len(self) / self.seconds if self.seconds > 0 else 0.0


def predict(
    classifier: Classifier, faces: FaceDataset, on_progress: Callable[[int, int], None] | None = None
) -> Predictions:
    """Classify labelled faces, a single crop each, as they are served.

    Args:
        classifier: the model.
        faces: N labelled faces; their splits do not matter here.
        on_progress: called after each batch with the faces done and N.

    Raises:
        EvaluationError: there is no face.
    """
    parts: list[Probabilities] = []
    crops = faces.images[..., None]
    if len(crops):
        classifier.probabilities(crops[:BATCH])  # the first call pays for memory that later ones find allocated
    seconds = 0.0
    for start in range(0, len(crops), BATCH):
        began = time.perf_counter()
        parts.append(classifier.probabilities(crops[start : start + BATCH]))
        seconds += time.perf_counter() - began
        if on_progress:
            on_progress(min(start + BATCH, len(crops)), len(crops))
    probabilities = np.concatenate(parts) if parts else np.empty((0, N_EMOTIONS), np.float32)
    return Predictions(faces.labels, probabilities, seconds)


@dataclass(frozen=True)
class ClassFigures:
    """One class: precision, recall and F1 in 0..1 (0 where undefined), and how many faces truly are of it."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, eq=False)
class Metrics:
    """The figures of a model on N faces; rates are fractions of 1.

    Attributes:
        n: number of faces.
        accuracy: share of right answers.
        accuracy_interval: the bounds of its 95 % interval (Wilson).
        macro_f1: mean F1 of the classes that occur among the true labels.
        balanced_accuracy: mean recall of those classes.
        top2_accuracy: share of faces whose true class is among the two most probable.
        ece: expected calibration error of the top label over 15 equal-width bins.
        per_class: by emotion, in the order of `EMOTIONS`.
        confusion: (7, 7) int64, rows true, columns predicted.
    """

    n: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_f1: float
    balanced_accuracy: float
    top2_accuracy: float
    ece: float
    per_class: dict[str, ClassFigures]
    confusion: npt.NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain JSON values, unrounded."""
        return {
            "n": self.n,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "macro_f1": self.macro_f1,
            "balanced_accuracy": self.balanced_accuracy,
            "top2_accuracy": self.top2_accuracy,
            "ece": self.ece,
            "per_class": {name: asdict(figures) for name, figures in self.per_class.items()},
            "confusion_matrix": self.confusion.tolist(),
        }


def measure(predictions: Predictions) -> Metrics:
    """The figures of one model's predictions."""
    labels, predicted = predictions.labels, predictions.predicted
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=_CLASSES, zero_division=0
    )
    occurring = support > 0
    accuracy = float(accuracy_score(labels, predicted))
    return Metrics(
        n=len(predictions),
        accuracy=accuracy,
        accuracy_interval=wilson_interval(int(predictions.correct.sum()), len(predictions)),
        # Over what occurs: a folder of three classes is not punished for the four it does not have.
        macro_f1=float(f1[occurring].mean()),
        balanced_accuracy=float(recall[occurring].mean()),
        top2_accuracy=float(top_k_accuracy_score(labels, predictions.probabilities, k=2, labels=_CLASSES)),
        ece=reliability(predictions.probabilities, labels).ece,
        per_class={
            name: ClassFigures(float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
            for i, name in enumerate(EMOTIONS)
        },
        confusion=confusion_matrix(labels, predicted, labels=_CLASSES).astype(np.int64),
    )


def wilson_interval(n_right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927), within 0..1.

    Args:
        n_right: successes.
        n: trials, at least 1.
    """
    interval = binomtest(n_right, n).proportion_ci(_CONFIDENCE_LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def summary(model: str, data: str, split: str, predictions: Predictions) -> dict[str, Any]:
    """The object that `python -m fer evaluate` writes, as plain JSON values."""
    figures = measure(predictions).to_dict()
    keys = ("n", "accuracy", "macro_f1", "ece", "per_class", "confusion_matrix")
    return {
        "model": model,
        "data": data,
        "split": split,
        **{key: figures[key] for key in keys},
        "faces_per_second": round(predictions.faces_per_second, 1),
    }
