"""Fit how a bundle turns logits into confidence: temperatures, the 'not sure' threshold, and sets of classes.

Everything is fitted on labelled faces that the network wasn't trained on, clean and corrupted.
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
from fer.evaluation.robustness import COVERS, LOWER_COVERS, STRENGTHS, TRANSFORMS, corrupt
from fer.recognition.candidates import ClassSets
from fer.recognition.face_temperature import (
    FACTORS,
    MOST_WEIGHT,
    N_KNOTS,
    N_LOGIT_FEATURES,
    FaceTemperature,
    logit_features,
)
from fer.vision.quality import MEASURES, measure

Doubles = npt.NDArray[np.float64]

# The threshold aims at an accuracy this much above the target, so that other faces reach the target too. The accuracy
# on a thousand answers has a standard deviation of 0.013, and this is 1.75 times that. Twice that would cost another
# point of coverage.
MARGIN: Final = 0.0225
SET_COVERAGE: Final = 0.9
# For the same reason: the coverage of a thousand sets has a standard deviation of 0.009.
_SET_MARGIN: Final = 0.01
# With fewer faces, the weights would overfit. With more, the fit takes longer and gains nothing.
_FEWEST_FACES, _MOST_FACES = 500, 1500
# With fewer, only a handful of faces would determine the threshold of 90 % coverage.
_FEWEST_FOR_SETS: Final = 100
# Quantiles of the clean faces above which a measure counts, and counts more.
_KNOTS: Final = (0.5, 0.95)
# The weight of a clean face. A face under one corruption has weight 1.
_CLEAN_WEIGHT: Final = 10.0
# The weight of an error on a corrupted face, and the factor and number of rounds by which it grows while the answered
# faces aren't accurate enough.
_ERROR_WEIGHT, _ERROR_STEP, _ROUNDS = 2.0, 1.35, 10
# The corruptions under which the answered faces should be accurate. If a pattern hides the mouth, they can't be: the
# network is as sure of wrong answers then as of right ones, and the fit would give up confidence in all faces for it.
_CHECKED: Final = (*TRANSFORMS, *COVERS)
# Under each of them, the accuracy on answered faces should be at least 0.78, also on other faces. So the fit aims half
# a point and one standard deviation higher. With a whole point, clean faces would have confidences that are 0.03 off.
_LEAST_ACCURACY: Final = 0.785
_PENALTY: Final = 3e-4
# Even a model that needs no threshold on clean faces must be able to be unsure of corrupted ones.
_LEAST_THRESHOLD: Final = 0.4


class LogitClassifier(Protocol):
    """Anything that turns crops into logits, such as `fer.recognition.classifier.EmotionClassifier`."""

    def logits(self, crops: npt.NDArray[np.uint8]) -> Floats:
        """Return logits (N, 7) float32 of crops (N, 48, 48, 1) uint8."""


@dataclass(frozen=True)
class Confidence:
    """The calibration of a bundle; the attributes are those of `Bundle` with the same names."""

    temperature: float
    confidence_threshold: float
    quality: FaceTemperature | None = None
    sets: ClassSets | None = None


def fit_confidence(classifier: LogitClassifier, faces: FaceDataset) -> Confidence:
    """Fit the temperatures, the threshold and the sets.

    Args:
        classifier: the network.
        faces: N labelled faces, at least 1, that the network wasn't trained on. With fewer than 500, all faces share
            one temperature. With fewer than 100, there are no sets.
    """
    logits = classifier.logits(faces.images[..., None])
    temperature = fit_temperature(logits, faces.labels)
    quality = fit_quality(classifier, faces, temperature) if len(faces) >= _FEWEST_FACES else None
    if quality is not None:
        # The factors take confidence from clean faces, too. The shared temperature restores it.
        logits = logits / quality.factors(logits, faces.images)[:, None]
        temperature = fit_temperature(logits, faces.labels)
    probabilities = probabilities_at(logits, temperature)
    return Confidence(
        temperature=temperature,
        confidence_threshold=_threshold(probabilities, faces.labels),
        quality=quality,
        sets=fit_sets(probabilities, faces.labels) if len(faces) >= _FEWEST_FOR_SETS else None,
    )


def _threshold(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    return max(_LEAST_THRESHOLD, fit_confidence_threshold(probabilities, labels, TARGET_ACCURACY + MARGIN))


def fit_sets(probabilities: npt.ArrayLike, labels: npt.ArrayLike, coverage: float = SET_COVERAGE) -> ClassSets:
    """Find the threshold at which sets of classes contain the right one in the wanted share of faces.

    Args:
        probabilities: (N, 7), calibrated.
        labels: (N,) in 0..6.
        coverage: share of sets that should contain the right class, above 0 and below 1.

    Returns:
        Sets that contain the right class for an expected share `coverage` of exchangeable faces, even if the
        probabilities are wrong.
    """
    values, true = np.asarray(probabilities, np.float64), np.asarray(labels)
    scores = np.sort(1 - values[np.arange(len(true)), true])
    rank = int(np.ceil((len(scores) + 1) * (coverage + _SET_MARGIN)))
    # With too few faces for this coverage, every set contains every class.
    least = 1 - scores[rank - 1] if rank <= len(scores) else 0.0
    return ClassSets(coverage, float(np.clip(least, 0.0, 1.0)))


def fit_quality(classifier: LogitClassifier, faces: FaceDataset, temperature: float) -> FaceTemperature:
    """Fit how a face's temperature depends on its image and logits.

    The fit maximises the likelihood of the true classes over clean and corrupted faces. Its weights can only lower the
    confidence of a worse image. Errors on corrupted faces count more than once. Their weight grows for every corruption
    under which the answered faces aren't accurate enough yet.

    Args:
        classifier: the network.
        faces: N labelled faces, clean. Only the first 1,500 are used.
        temperature: the one that fits the clean faces.
    """
    faces = faces.take(np.arange(min(len(faces), _MOST_FACES)))
    groups = [_Group.of(classifier, faces.images, faces.labels)]
    for transform in (*_CHECKED, *LOWER_COVERS, *STRENGTHS):
        groups.append(_Group.of(classifier, corrupt(faces, transform).images, faces.labels))
    rule = _blank_rule(groups)
    designs = [rule.design(group.logits, group.measures) for group in groups]
    error_weights = np.full(len(groups), _ERROR_WEIGHT)
    error_weights[0] = 1.0
    weights = np.zeros(designs[0].shape[1])
    for _ in range(_ROUNDS):
        weights = _fit_weights(designs, groups, temperature, error_weights, weights)
        low = _inaccurate(designs, groups, weights)
        if not low:
            break
        error_weights[low] *= _ERROR_STEP
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
    """Return a rule that changes no temperature yet, with the knots and scales of its features."""
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


def _fit_weights(
    designs: list[Doubles], groups: list[_Group], temperature: float, error_weights: Doubles, start: Doubles
) -> Doubles:
    design = np.concatenate(designs)
    logits = np.concatenate([group.logits for group in groups]).astype(np.float64) / temperature
    true = np.concatenate([group.labels for group in groups])
    counts = [np.where(group.wrong, share, 1.0) for group, share in zip(groups, error_weights, strict=True)]
    counts[0] *= _CLEAN_WEIGHT
    shares = np.concatenate(counts)
    # The weights of image measures can't be negative. All weights are bounded, because for a network that predicts the
    # same for every face, a larger bias is always better.
    bounds = [(-MOST_WEIGHT, MOST_WEIGHT)] * (1 + N_LOGIT_FEATURES) + [(0.0, MOST_WEIGHT)] * (N_KNOTS * len(MEASURES))
    loss = _loss(design, logits, true, shares / shares.sum())
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)


def _loss(
    design: Doubles, logits: Doubles, true: Labels, shares: Doubles
) -> Callable[[Doubles], tuple[float, Doubles]]:
    """Return the weighted log loss with a penalty on large weights, and its gradient, as a function of the weights."""
    rows = np.arange(len(true))

    def loss(weights: Doubles) -> tuple[float, Doubles]:
        inverse = np.exp(-(design @ weights))
        log_probabilities = log_softmax(logits * inverse[:, None], axis=1)
        # The derivative of the loss by the inverse temperature: the expected logit minus that of the true class.
        slope = (np.exp(log_probabilities) * logits).sum(1) - logits[rows, true]
        value = -(shares * log_probabilities[rows, true]).sum() + _PENALTY * np.square(weights[1:]).sum()
        gradient = design.T @ (shares * slope * -inverse)
        gradient[1:] += 2 * _PENALTY * weights[1:]
        return float(value), gradient

    return loss


def _inaccurate(designs: list[Doubles], groups: list[_Group], weights: Doubles) -> list[int]:
    """Return the places of the checked corruptions under which the answered faces aren't accurate enough."""

    def scaled(index: int) -> Doubles:
        factors = np.exp(designs[index] @ weights).clip(*FACTORS)
        return np.asarray(groups[index].logits / factors[:, None], np.float64)

    # The one that a bundle with these weights would have.
    temperature = fit_temperature(scaled(0), groups[0].labels)

    def probabilities(index: int) -> Doubles:
        return probabilities_at(scaled(index), temperature)

    threshold = _threshold(probabilities(0), groups[0].labels)
    low = []
    for index in range(1, 1 + len(_CHECKED)):
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
