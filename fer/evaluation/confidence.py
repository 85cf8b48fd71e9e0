"""Fit what a bundle says of its own confidence: temperatures, the 'not sure' threshold, and sets of classes.

All of it is fitted on labelled faces that no weight learned from, clean and corrupted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax

from fer.arrays import Floats, Images, Labels
from fer.datasets.faces import FaceDataset
from fer.evaluation.calibration import (
    TARGET_ACCURACY,
    answered_at,
    fit_confidence_threshold,
    fit_temperature,
    probabilities_at,
)
from fer.evaluation.robustness import STRENGTHS, TRANSFORMS, corrupt
from fer.recognition.candidates import ClassSets
from fer.recognition.face_temperature import (
    MOST_WEIGHT,
    N_KNOTS,
    N_LOGIT_FEATURES,
    FaceTemperature,
    logit_features,
)
from fer.vision.quality import MEASURES, measure

Doubles = npt.NDArray[np.float64]

# The threshold is aimed this much higher, so that it is good enough on other faces than those it was fitted on: of a
# thousand answers the share that is right varies by 0.013 (one standard deviation); this is 1.75 of those. Two would
# cost another point of coverage.
MARGIN: Final = 0.0225
SET_COVERAGE: Final = 0.9
# As for the threshold: of a thousand sets the share that contains the right class varies by 0.009.
_SET_MARGIN: Final = 0.01
# With fewer faces the weights would follow chance; with more, the fit takes longer and gains nothing.
_FEWEST_FACES, _MOST_FACES = 500, 1500
# With fewer, the threshold of 90 % coverage follows from a handful of faces.
_FEWEST_FOR_SETS: Final = 100
# Quantiles of the clean faces at which a measure begins to count, and counts more.
_KNOTS: Final = (0.5, 0.95)
# A clean face weighs as much as ten corrupted ones of one kind.
_CLEAN_WEIGHT: Final = 10.0
# A mistake on a corrupted face weighs this much; more where the answered ones aren't right often enough.
_MISTAKE_WEIGHT, _MISTAKE_STEP, _ROUNDS = 2.0, 1.35, 10
# Under each corruption of the table the answered faces shall be right in 78 % of cases, on other faces as well: it is
# aimed half a point and one standard deviation higher. With a whole point, the confidence of clean faces is 0.03 off.
_LEAST_ACCURACY: Final = 0.785
_PENALTY: Final = 3e-4
# A model that is right often enough on every clean face still has to doubt the corrupted ones.
_LEAST_THRESHOLD: Final = 0.4


class LogitClassifier(Protocol):
    """What turns crops into raw scores, as `fer.recognition.classifier.EmotionClassifier` does."""

    def logits(self, crops: npt.NDArray[np.uint8]) -> Floats:
        """Return scores (N, 7) float32 of crops (N, 48, 48, 1) uint8."""


@dataclass(frozen=True)
class Confidence:
    """What a bundle says of its confidence: see the attributes of the same names of `Bundle`."""

    temperature: float
    confidence_threshold: float
    quality: FaceTemperature | None = None
    sets: ClassSets | None = None


def fit_confidence(classifier: LogitClassifier, faces: FaceDataset) -> Confidence:
    """Fit everything on faces that no weight learned from.

    Args:
        classifier: the network.
        faces: N labelled faces, at least 1. With fewer than 500 all faces share one temperature, and with fewer than
            100 there are no sets.
    """
    logits = classifier.logits(faces.images[..., None])
    temperature = fit_temperature(logits, faces.labels)
    quality = fit_quality(classifier, faces, temperature) if len(faces) >= _FEWEST_FACES else None
    factors = 1.0 if quality is None else quality.factors(logits, faces.images)[:, None]
    probabilities = probabilities_at(logits / factors, temperature)
    return Confidence(
        temperature=temperature,
        confidence_threshold=_threshold(probabilities, faces.labels),
        quality=quality,
        sets=fit_sets(probabilities, faces.labels) if len(faces) >= _FEWEST_FOR_SETS else None,
    )


def _threshold(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    return max(_LEAST_THRESHOLD, fit_confidence_threshold(probabilities, labels, TARGET_ACCURACY + MARGIN))


def fit_sets(probabilities: npt.ArrayLike, labels: npt.ArrayLike, coverage: float = SET_COVERAGE) -> ClassSets:
    """Find the threshold at which sets of classes contain the right one often enough.

    Args:
        probabilities: (N, 7), calibrated.
        labels: (N,) in 0..6.
        coverage: share of sets that shall contain the right class, above 0 and below 1.

    Returns:
        Sets that cover `coverage` of exchangeable faces in expectation, whatever the probabilities are worth.
    """
    values, true = np.asarray(probabilities, np.float64), np.asarray(labels)
    scores = np.sort(1 - values[np.arange(len(true)), true])
    rank = int(np.ceil((len(scores) + 1) * (coverage + _SET_MARGIN)))
    # Too few faces for that coverage: every class is in every set.
    least = 1 - scores[rank - 1] if rank <= len(scores) else 0.0
    return ClassSets(coverage, float(np.clip(least, 0.0, 1.0)))


def fit_quality(classifier: LogitClassifier, faces: FaceDataset, temperature: float) -> FaceTemperature:
    """Fit how a face's temperature follows from its picture and logits.

    The likelihood of the true classes is maximised over clean and corrupted faces, by weights that only ever lower the
    confidence of a worse picture. A mistake on a corrupted face counts more than once, and the more so for a corruption
    under which the answered faces are not yet right often enough.

    Args:
        classifier: the network.
        faces: N labelled faces, clean; of more than 1,500, the first.
        temperature: the one that fits the clean faces.
    """
    faces = faces.take(np.arange(min(len(faces), _MOST_FACES)))
    groups = [_Group.of(classifier, faces.images, faces.labels)]
    for transform in (*TRANSFORMS, *STRENGTHS):
        groups.append(_Group.of(classifier, corrupt(faces, transform).images, faces.labels))
    rule = _blank_rule(groups)
    designs = [rule.design(group.logits, group.measures) for group in groups]
    mistakes = np.full(len(groups), _MISTAKE_WEIGHT)
    mistakes[0] = 1.0
    for _ in range(_ROUNDS):
        weights = _fit_weights(designs, groups, temperature, mistakes)
        low = _too_often_wrong(designs, groups, temperature, weights)
        if not low:
            break
        mistakes[low] *= _MISTAKE_STEP
    return _with_weights(rule, weights)


@dataclass(frozen=True, eq=False)
class _Group:
    """The faces under one corruption: (N, 7) logits, (N, M) measures and (N,) labels."""

    logits: Floats
    measures: Floats
    labels: Labels

    @classmethod
    def of(cls, classifier: LogitClassifier, images: Images, labels: Labels) -> "_Group":
        return cls(classifier.logits(images[..., None]), measure(images), labels)

    @property
    def wrong(self) -> npt.NDArray[np.bool_]:
        wrong: npt.NDArray[np.bool_] = self.logits.argmax(1) != self.labels
        return wrong


def _blank_rule(groups: list[_Group]) -> FaceTemperature:
    """Return a rule that leaves every temperature as it is, with the scale of everything it looks at."""
    clean = groups[0].measures.astype(np.float64)
    features = logit_features(np.concatenate([group.logits for group in groups]))
    return FaceTemperature(
        measures=tuple(item.name for item in MEASURES),
        knots=_rows(np.quantile(clean, _KNOTS, axis=0)),
        scales=_row(np.maximum(clean.std(0), 1e-3)),
        weights=_rows(np.zeros((N_KNOTS, len(MEASURES)))),
        logit_means=_row(features.mean(0)),
        logit_scales=_row(np.maximum(features.std(0), 1e-3)),
        logit_weights=(0.0,) * N_LOGIT_FEATURES,
        bias=0.0,
    )


def _with_weights(rule: FaceTemperature, weights: Doubles) -> FaceTemperature:
    measured = weights[1 + N_LOGIT_FEATURES :].reshape(N_KNOTS, len(MEASURES))
    values = {**rule.to_dict(), "bias": float(weights[0]), "weights": _rows(measured)}
    return FaceTemperature(**{**values, "logit_weights": _row(weights[1 : 1 + N_LOGIT_FEATURES])})


def _fit_weights(designs: list[Doubles], groups: list[_Group], temperature: float, mistakes: Doubles) -> Doubles:
    design = np.concatenate(designs)
    logits = np.concatenate([group.logits for group in groups]).astype(np.float64) / temperature
    true = np.concatenate([group.labels for group in groups])
    counts = [np.where(group.wrong, share, 1.0) for group, share in zip(groups, mistakes, strict=True)]
    counts[0] *= _CLEAN_WEIGHT
    shares = np.concatenate(counts)
    # Nothing that is learned from the picture is negative. A network that says the same of every face has no best bias,
    # only an ever larger one.
    bounds = [(-MOST_WEIGHT, MOST_WEIGHT)] * (1 + N_LOGIT_FEATURES) + [(0.0, MOST_WEIGHT)] * (N_KNOTS * len(MEASURES))
    loss = _loss(design, logits, true, shares / shares.sum())
    return np.asarray(minimize(loss, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds).x)


def _loss(
    design: Doubles, logits: Doubles, true: Labels, shares: Doubles
) -> Callable[[Doubles], tuple[float, Doubles]]:
    """Return the weighted log loss with a penalty on large weights, and its gradient, as a function of the weights."""
    rows = np.arange(len(true))

    def loss(weights: Doubles) -> tuple[float, Doubles]:
        inverse = np.exp(-(design @ weights))
        log_probabilities = log_softmax(logits * inverse[:, None], axis=1)
        # By the inverse temperature the loss changes by the expected logit less that of the true class.
        slope = (np.exp(log_probabilities) * logits).sum(1) - logits[rows, true]
        value = -(shares * log_probabilities[rows, true]).sum() + _PENALTY * np.square(weights[1:]).sum()
        gradient = design.T @ (shares * slope * -inverse)
        gradient[1:] += 2 * _PENALTY * weights[1:]
        return float(value), gradient

    return loss


def _too_often_wrong(designs: list[Doubles], groups: list[_Group], temperature: float, weights: Doubles) -> list[int]:
    """Return which of the table's transforms have answered faces that are right in too few cases."""

    def probabilities(index: int) -> Doubles:
        return probabilities_at(groups[index].logits / np.exp(designs[index] @ weights)[:, None], temperature)

    threshold = _threshold(probabilities(0), groups[0].labels)
    low = []
    for index in range(1, 1 + len(TRANSFORMS)):
        answered = answered_at(probabilities(index), groups[index].labels, threshold)
        n_answered = answered.coverage * len(groups[index].labels)
        chance = np.sqrt(_LEAST_ACCURACY * (1 - _LEAST_ACCURACY) / max(n_answered, 1))
        if answered.accuracy is not None and answered.accuracy < _LEAST_ACCURACY + chance:
            low.append(index)
    return low


def _row(values: Doubles) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _rows(values: Doubles) -> Any:
    return tuple(_row(row) for row in values)
