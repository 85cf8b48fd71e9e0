"""Predict labelled faces and compute the metrics."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from fer.arrays import Labels, Probabilities
from fer.datasets.faces import FaceDataset
from fer.emotions import EMOTIONS, N_EMOTIONS
from fer.errors import EvaluationError
from fer.evaluation.calibration import Answered, reliability

_CONFIDENCE_LEVEL: Final = 0.95
# 64 faces keep two cores busy. More would only delay progress and Stop.
BATCH: Final = 64
_CLASSES: Final = list(range(N_EMOTIONS))


class Classifier(Protocol):
    """Anything that turns crops into probabilities, such as `fer.recognition.classifier.EmotionClassifier`."""

    def probabilities(self, crops: npt.NDArray[np.uint8]) -> Probabilities:
        """Return probabilities (N, 7) float32 for crops (N, 48, 48, 1) uint8."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """A model's predictions for labelled faces.

    Attributes:
        labels: (N,) int64, the true classes as indices into `EMOTIONS`.
        probabilities: (N, 7) float32, rows summing to 1.
        seconds: time that the classifier took for all faces, without loading and reading.
        doubted: (N,) bool, see `FaceDataset.doubted`; these faces are 'not sure', whatever their confidence.

    Raises:
        EvaluationError: there is no face.
        ValueError: the shapes do not fit.
    """

    labels: Labels
    probabilities: Probabilities
    seconds: float = 0.0
    doubted: npt.NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if not len(self.labels):
            raise EvaluationError("There is no face to evaluate on. Choose other data or another split.")
        if self.probabilities.shape != (len(self.labels), N_EMOTIONS):
            raise ValueError(
                f"probabilities: expected ({len(self.labels)}, {N_EMOTIONS}). Received: {self.probabilities.shape}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def predicted(self) -> Labels:
        """Return the most probable class of each face, (N,) int64."""
        top: Labels = self.probabilities.argmax(1)
        return top

    @property
    def confidence(self) -> Probabilities:
        """Return the probability of the predicted class, (N,) float32."""
        top: Probabilities = self.probabilities.max(1)
        return top

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Return whether the predicted class is the true one, (N,) bool."""
        right: npt.NDArray[np.bool_] = self.predicted == self.labels
        return right

    def sure(self, threshold: float) -> npt.NDArray[np.bool_]:
        """Return which faces are answered at a confidence threshold in 0..1, (N,) bool, as `Face.sure` says."""
        sure: npt.NDArray[np.bool_] = self.confidence.astype(np.float64) >= threshold
        return sure if self.doubted is None else sure & ~self.doubted

    def answered(self, threshold: float) -> Answered:
        """Return coverage and accuracy at a confidence threshold in 0..1."""
        sure = self.sure(threshold)
        return Answered(threshold, float(sure.mean()), float(self.correct[sure].mean()) if sure.any() else None)

    @property
    def faces_per_second(self) -> float:
        """Return the number of faces classified per second; 0 if the time is unknown."""
        return len(self) / self.seconds if self.seconds > 0 else 0.0


def predict(
    classifier: Classifier, faces: FaceDataset, on_progress: Callable[[int, int], None] | None = None
) -> Predictions:
    """Classify labelled faces from one crop each, as the app does.

    Args:
        classifier: the model.
        faces: N labelled faces of any split.
        on_progress: called after each batch with the number of faces done and N.

    Raises:
        EvaluationError: there is no face.
    """
    parts: list[Probabilities] = []
    crops = faces.images[..., None]
    if len(crops):
        # The first call allocates memory and would make the model look slower than it is.
        classifier.probabilities(crops[:BATCH])
    seconds = 0.0
    for start in range(0, len(crops), BATCH):
        began = time.perf_counter()
        parts.append(classifier.probabilities(crops[start : start + BATCH]))
        seconds += time.perf_counter() - began
        if on_progress:
            on_progress(min(start + BATCH, len(crops)), len(crops))
    probabilities = np.concatenate(parts) if parts else np.empty((0, N_EMOTIONS), np.float32)
    return Predictions(faces.labels, probabilities, seconds, faces.doubted)


@dataclass(frozen=True)
class ClassMetrics:
    """Precision, recall and F1 of one class in 0..1 (0 if undefined), and the number of faces labelled with it."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, eq=False)
class Metrics:
    """The metrics of a model on N faces. Rates are fractions of 1.

    Attributes:
        n: number of faces.
        accuracy: share of correct predictions.
        accuracy_interval: lower and upper bound of the accuracy's 95 % Wilson interval.
        macro_f1: mean F1 over the classes that occur among the labels.
        balanced_accuracy: mean recall over those classes.
        top2_accuracy: share of faces whose true class is among the two most probable.
        ece: expected calibration error of the predicted class over 15 bins of equal width.
        log_loss: mean negative logarithm of the true class's probability, in nats.
        per_class: by emotion, in the order of `EMOTIONS`.
        confusion: (7, 7) int64; rows are true classes, columns predicted ones.
    """

    n: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_f1: float
    balanced_accuracy: float
    top2_accuracy: float
    ece: float
    log_loss: float
    per_class: dict[str, ClassMetrics]
    confusion: npt.NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics as plain JSON values, unrounded."""
        return {
            "n": self.n,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "macro_f1": self.macro_f1,
            "balanced_accuracy": self.balanced_accuracy,
            "top2_accuracy": self.top2_accuracy,
            "ece": self.ece,
            "log_loss": self.log_loss,
            "per_class": {name: asdict(one) for name, one in self.per_class.items()},
            "confusion_matrix": self.confusion.tolist(),
        }


def measure(predictions: Predictions) -> Metrics:
    """Compute the metrics of one model's predictions."""
    # 14 MB that the app's process does not need before it shows an evaluation.
    from sklearn.metrics import (
        accuracy_score,
        confusion_matrix,
        log_loss,
        precision_recall_fscore_support,
        top_k_accuracy_score,
    )

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
        # Only over classes that occur: data with three classes must not count four zeros.
        macro_f1=float(f1[occurring].mean()),
        balanced_accuracy=float(recall[occurring].mean()),
        top2_accuracy=float(top_k_accuracy_score(labels, predictions.probabilities, k=2, labels=_CLASSES)),
        ece=reliability(predictions.probabilities, labels).ece,
        # float64, because rows of float32 don't add up to 1 exactly.
        log_loss=float(log_loss(labels, _normalized(predictions.probabilities), labels=_CLASSES)),
        per_class={
            name: ClassMetrics(float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
            for i, name in enumerate(EMOTIONS)
        },
        confusion=confusion_matrix(labels, predicted, labels=_CLASSES).astype(np.int64),
    )


def _normalized(probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    return exact


def wilson_interval(n_right: int, n: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share (Wilson, 1927), within 0..1.

    Args:
        n_right: number of successes.
        n: number of trials, at least 1.
    """
    from scipy.stats import binomtest  # 24 MB that the app's process does not need before it shows an evaluation

    interval = binomtest(n_right, n).proportion_ci(_CONFIDENCE_LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def summary(model: str, data: str, split: str, predictions: Predictions) -> dict[str, Any]:
    """Return the object that `fer evaluate --json` writes, as plain JSON values."""
    metrics = measure(predictions).to_dict()
    keys = ("n", "accuracy", "macro_f1", "ece", "per_class", "confusion_matrix")
    return {
        "model": model,
        "data": data,
        "split": split,
        **{key: metrics[key] for key in keys},
        "faces_per_second": round(predictions.faces_per_second, 1),
    }
