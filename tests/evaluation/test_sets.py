"""Coverage and size of sets of classes, on small examples."""

import numpy as np
import pytest

from fer.evaluation.confidence import fit_sets
from fer.evaluation.sets import ClassSetMetrics, measure_sets
from fer.recognition.candidates import ClassSets

ROWS = np.array(
    [
        [0.6, 0.3, 0.1, 0, 0, 0, 0],  # true: the second of two
        [0.9, 0.1, 0, 0, 0, 0, 0],  # true: not in the set of one
        [0.2, 0.2, 0.2, 0.2, 0.2, 0, 0],  # true: one of five
    ],
    np.float32,
)
LABELS = np.array([1, 1, 4])


def test_coverage_and_size_overall_and_by_class() -> None:
    found = measure_sets(ClassSets(0.9, 0.2), ROWS, LABELS)
    assert (found.target, found.coverage, found.singles) == (0.9, pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert found.mean_size == pytest.approx((2 + 1 + 5) / 3)
    assert found.per_class == {"disgust": ClassSetMetrics(2, 0.5, 1.5), "sad": ClassSetMetrics(1, 1.0, 5.0)}


def synthetic_faces(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return faces whose probabilities are perfectly calibrated."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(7, 0.4), n)
    return probabilities, np.array([rng.choice(7, p=row) for row in probabilities])


@pytest.mark.parametrize("sharpened", [1.0, 3.0])
def test_sets_cover_new_faces_even_if_the_probabilities_are_wrong(sharpened: float) -> None:
    def model(probabilities: np.ndarray) -> np.ndarray:
        powers = probabilities**sharpened
        return (powers / powers.sum(1, keepdims=True)).astype(np.float32)

    (fitted_on, labels), (others, other_labels) = synthetic_faces(4000, 0), synthetic_faces(4000, 1)
    sets = fit_sets(model(fitted_on), labels, 0.8)
    assert sets.coverage == 0.8
    assert measure_sets(sets, model(others), other_labels).coverage == pytest.approx(0.81, abs=0.02)


def test_with_too_few_faces_sets_contain_every_class() -> None:
    assert fit_sets(ROWS, LABELS).least_probability == 0.0
