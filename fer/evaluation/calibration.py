"""Calibrate probabilities, measure how well they are calibrated, and choose the confidence threshold for 'not sure'."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax

N_BINS: Final = 15
TARGET_ACCURACY: Final = 0.8
# Fewer answers would be right by chance: the most confident face of a model that has learned nothing often is.
_LEAST_COVERAGE: Final = 0.05
# Range of the search. A network that needs a temperature outside it is broken.
_TEMPERATURES: Final = (0.1, 10.0)

Floats = npt.NDArray[np.float64]


def probabilities_at(logits: npt.ArrayLike, temperature: float) -> Floats:
    """Return the softmax of `logits` (N, 7) over `temperature` (above 0): (N, 7) float64, rows summing to 1."""
    scaled: Floats = softmax(np.asarray(logits, np.float64) / temperature, axis=1)
    return scaled


def negative_log_likelihood(logits: npt.ArrayLike, labels: npt.ArrayLike, temperature: float = 1.0) -> float:
    """Return the mean negative log-likelihood of the true classes at a temperature, in nats."""
    log_probabilities = log_softmax(np.asarray(logits, np.float64) / temperature, axis=1)
    rows = np.arange(len(log_probabilities))
    return float(-log_probabilities[rows, np.asarray(labels)].mean())


def fit_temperature(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Find the temperature at which the true classes are most likely (Guo et al., 2017, 'On calibration').

    A temperature never changes the predicted class, only its confidence. Fit it on faces that the network wasn't
    trained on.

    Args:
        logits: (N, 7), N at least 1.
        labels: (N,) in 0..6.

    Returns:
        A temperature in 0.1..10: above 1 if the network was overconfident.

    Raises:
        ValueError: there is no face, or a logit is not finite.
    """
    # Late: it takes longer than all else that starting an evaluation imports, which fits nothing.
    from scipy.optimize import minimize_scalar

    values = np.asarray(logits, np.float64)
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(f"logits: expected finite values of one face or more. Received: shape {values.shape}")
    # On a logarithmic scale, doubling and halving are steps of the same size. The loss is convex in 1/T.
    found = minimize_scalar(
        lambda log_t: negative_log_likelihood(values, labels, float(np.exp(log_t))),
        bounds=tuple(np.log(_TEMPERATURES)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def fit_confidence_threshold(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, target_accuracy: float = TARGET_ACCURACY
) -> float:
    """Find the smallest confidence threshold at which the answers reach an accuracy.

    A face is answered if its highest probability is at least the threshold. All thresholds between two neighbouring
    confidences answer the same faces. The middle of the two is returned, so that rounding to float32 can't change which
    faces are answered.

    Args:
        probabilities: (N, 7) in 0..1, calibrated.
        labels: (N,) in 0..6.
        target_accuracy: accuracy that the answered faces must reach, 0..1.

    Returns:
        0.0 if all faces can be answered. 1.0 if no threshold that answers at least one face in twenty reaches the
        accuracy, so that almost no face is answered.
    """
    curve = coverage_curve(probabilities, labels)
    enough = np.flatnonzero((curve.accuracy >= target_accuracy) & (curve.coverage >= _LEAST_COVERAGE))
    if not len(enough):
        return 1.0
    # The curve begins at the highest threshold.
    last = int(enough[-1])
    if last == len(curve.thresholds) - 1:
        return 0.0
    return float((curve.thresholds[last] + curve.thresholds[last + 1]) / 2)


@dataclass(frozen=True, eq=False)
class CoverageCurve:
    """Accuracy against coverage, with a point for each distinct confidence, from the highest threshold to the lowest.

    Attributes:
        thresholds: (M,) confidences in 0..1, descending.
        coverage: (M,) share of the faces with at least this confidence, ascending to 1.
        accuracy: (M,) accuracy on those faces, 0..1.
    """

    thresholds: Floats
    coverage: Floats
    accuracy: Floats


def coverage_curve(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> CoverageCurve:
    """Return accuracy against coverage for the probabilities (N, 7) and labels (N,) of at least one face."""
    confidence, correct = top_label(probabilities, labels)
    order = np.argsort(-confidence, kind="stable")
    confidence, right = confidence[order], np.cumsum(correct[order])
    # Faces of the same confidence are answered together.
    last = np.flatnonzero(np.append(np.diff(confidence) != 0, True))
    answered = last + 1
    return CoverageCurve(confidence[last], answered / len(confidence), right[last] / answered)


@dataclass(frozen=True)
class Answered:
    """The effect of a threshold: the share of answered faces, and the accuracy on them (None if there are none)."""

    threshold: float
    coverage: float
    accuracy: float | None


def answered_at(probabilities: npt.ArrayLike, labels: npt.ArrayLike, threshold: float) -> Answered:
    """Return coverage and accuracy if every face below `threshold` is 'not sure'."""
    confidence, correct = top_label(probabilities, labels)
    sure = confidence >= threshold
    return Answered(threshold, float(sure.mean()), float(correct[sure].mean()) if sure.any() else None)


@dataclass(frozen=True, eq=False)
class Reliability:
    """The calibration curve of the predicted class over bins of confidence of equal width.

    Attributes:
        edges: (B + 1,) from 0 to 1; a confidence on an edge belongs to the bin below it.
        counts: (B,) int64, faces in each bin.
        confidence: (B,) mean confidence of a bin; NaN if it is empty.
        accuracy: (B,) accuracy on the faces of a bin; NaN if it is empty.
        ece: expected calibration error, 0..1: the mean of |accuracy - confidence| over the bins, weighted by
            their faces.
    """

    edges: Floats
    counts: npt.NDArray[np.int64]
    confidence: Floats
    accuracy: Floats
    ece: float


def reliability(probabilities: npt.ArrayLike, labels: npt.ArrayLike, n_bins: int = N_BINS) -> Reliability:
    """Measure how much confidence and accuracy differ (Guo et al., 2017), for at least one face.

    Args:
        probabilities: (N, 7) in 0..1.
        labels: (N,) in 0..6.
        n_bins: number of bins of equal width.
    """
    confidence, correct = top_label(probabilities, labels)
    edges = np.linspace(0, 1, n_bins + 1)
    bins = np.digitize(confidence, edges[1:-1], right=True)
    counts = np.bincount(bins, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(bins, confidence, n_bins) / counts
        accuracy = np.bincount(bins, correct, n_bins) / counts
    gaps = np.nan_to_num(np.abs(accuracy - mean_confidence))
    return Reliability(edges, counts, mean_confidence, accuracy, float((gaps * counts).sum() / counts.sum()))


def top_label(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the highest probability of each face, (N,) float64, and whether its class is the true one, (N,) bool."""
    values = np.asarray(probabilities, np.float64)
    return values.max(1), values.argmax(1) == np.asarray(labels)
