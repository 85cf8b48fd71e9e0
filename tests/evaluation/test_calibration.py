"""Temperature, threshold and calibration error against cases whose answer is known."""

import numpy as np
import pytest

from fer.emotions import N_EMOTIONS
from fer.evaluation.calibration import (
    answered_at,
    coverage_curve,
    fit_confidence_threshold,
    fit_temperature,
    negative_log_likelihood,
    probabilities_at,
    reliability,
)


def rows(confidences: list[float], predicted: int = 3) -> np.ndarray:
    """Return probabilities with these top classes and confidences, and the rest spread evenly."""
    confidence = np.array(confidences)[:, None]
    probabilities = np.repeat((1 - confidence) / (N_EMOTIONS - 1), N_EMOTIONS, axis=1)
    probabilities[:, predicted] = confidence[:, 0]
    return probabilities


def test_a_known_temperature_is_recovered(random_logits: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = random_logits
    honest = fit_temperature(logits, labels)
    assert honest == pytest.approx(1.0, abs=0.05)
    assert fit_temperature(logits * 3, labels) == pytest.approx(3 * honest, rel=1e-4)
    assert fit_temperature(logits / 2, labels) == pytest.approx(honest / 2, rel=1e-4)


def test_temperature_minimises_the_likelihood_loss(random_logits: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = random_logits
    best = fit_temperature(logits * 2, labels)
    losses = [negative_log_likelihood(logits * 2, labels, t) for t in (best, best * 1.05, best / 1.05)]
    assert losses[0] == min(losses)


def test_temperature_of_a_model_that_is_always_right_stays_in_range() -> None:
    logits = np.eye(N_EMOTIONS) * 2
    assert fit_temperature(logits, np.arange(N_EMOTIONS)) == pytest.approx(0.1, rel=1e-3)
    assert fit_temperature(-logits, np.arange(N_EMOTIONS)) == pytest.approx(10, rel=1e-3)


@pytest.mark.parametrize("logits", [np.empty((0, 7)), np.full((2, 7), np.nan)])
def test_temperature_refuses_input_without_a_likelihood(logits: np.ndarray) -> None:
    with pytest.raises(ValueError, match="logits: expected finite"):
        fit_temperature(logits, np.zeros(len(logits), int))


@pytest.mark.parametrize("level", [0.3, 0.55, 0.9])
def test_perfectly_calibrated_probabilities_have_no_error(level: float) -> None:
    n = 1000
    labels = np.full(n, 3)
    labels[round(n * level) :] = 0
    result = reliability(rows([level] * n), labels)
    assert result.ece == pytest.approx(0, abs=1e-9)
    assert result.counts.sum() == n


@pytest.mark.parametrize(
    ("confidences", "right", "ece"),
    [
        ([1.0] * 10, 10, 0.0),  # certain and right
        ([1.0] * 10, 0, 1.0),  # certain and wrong
        ([0.15] * 20, 3, 0.0),  # almost uniform, right by chance
        ([0.9] * 10, 5, 0.4),
        ([0.9] * 5 + [0.5] * 5, 5, 0.3),  # (0.1 + 0.5) / 2: the five right ones come first
    ],
)
def test_calibration_error_of_a_small_example(confidences: list[float], right: int, ece: float) -> None:
    labels = np.array([3] * right + [0] * (len(confidences) - right))
    assert reliability(rows(confidences), labels).ece == pytest.approx(ece, abs=1e-9)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below() -> None:
    result = reliability(rows([0.6, 0.6000001, 1.0]), np.array([3, 3, 3]), n_bins=5)
    assert result.counts.tolist() == [0, 0, 1, 1, 1]
    assert np.isnan(result.accuracy[0])


CONFIDENCES = [0.95, 0.9, 0.8, 0.7, 0.6, 0.5]
#              right wrong right right right wrong: accuracy 1, .5, .67, .75, .8, .67
LABELS = np.array([3, 0, 3, 3, 3, 0])


def test_coverage_curve_of_a_small_example() -> None:
    curve = coverage_curve(rows(CONFIDENCES), LABELS)
    assert curve.thresholds.tolist() == pytest.approx(CONFIDENCES)
    assert curve.coverage.tolist() == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1])
    assert curve.accuracy.tolist() == pytest.approx([1, 1 / 2, 2 / 3, 3 / 4, 4 / 5, 4 / 6])


def test_faces_of_equal_confidence_are_answered_together() -> None:
    curve = coverage_curve(rows([0.9, 0.9, 0.5, 0.5]), np.array([3, 0, 3, 3]))
    assert curve.coverage.tolist() == [0.5, 1.0]
    assert curve.accuracy.tolist() == [0.5, 0.75]


@pytest.mark.parametrize(
    ("target", "low", "high"),
    [(0.8, 0.5, 0.6), (0.9, 0.9, 0.95), (0.6, 0.0, 0.0)],
)
def test_the_threshold_is_the_smallest_that_reaches_the_accuracy(target: float, low: float, high: float) -> None:
    threshold = fit_confidence_threshold(rows(CONFIDENCES), LABELS, target)
    assert low <= threshold <= high
    answered = answered_at(rows(CONFIDENCES), LABELS, threshold)
    assert answered.accuracy is not None
    assert answered.accuracy >= target


def test_the_threshold_of_a_useless_model_answers_no_face() -> None:
    assert fit_confidence_threshold(rows([0.9, 0.8]), np.array([0, 0])) == 1.0
    assert answered_at(rows([0.9, 0.8]), np.array([0, 0]), 1.0).accuracy is None


def test_a_few_answers_that_happen_to_be_right_are_no_reason_for_a_threshold() -> None:
    confidences = rows(list(np.linspace(0.9, 0.3, 100)))
    for n_right, answers in ((4, False), (5, True)):
        labels = np.where(np.arange(100) < n_right, 3, 0)
        assert (fit_confidence_threshold(confidences, labels, 1.0) < 1) is answers


def test_the_threshold_works_in_float32() -> None:
    probabilities = rows(CONFIDENCES).astype(np.float32)
    threshold = fit_confidence_threshold(rows(CONFIDENCES), LABELS)
    assert answered_at(probabilities, LABELS, threshold).coverage == pytest.approx(5 / 6)


def test_probabilities_at_a_temperature() -> None:
    logits = np.log([[4.0, 1, 1, 1, 1, 1, 1]])
    assert probabilities_at(logits, 1.0)[0, 0] == pytest.approx(0.4)
    assert probabilities_at(logits, 2.0)[0, 0] == pytest.approx(0.25)
