"""Comparison of two models, on small examples."""

import numpy as np
import pytest

from fer.emotions import N_EMOTIONS
from fer.evaluation.comparison import compare
from fer.evaluation.metrics import Predictions

LABELS = np.array([0, 1, 2, 3, 4, 5] * 4)


def answers(right: list[bool], confidence: float = 0.9) -> Predictions:
    predicted = np.where(right, LABELS[: len(right)], 6)
    probabilities = np.full((len(predicted), N_EMOTIONS), (1 - confidence) / 6, np.float32)
    probabilities[np.arange(len(predicted)), predicted] = confidence
    return Predictions(LABELS[: len(right)], probabilities)


def test_a_model_equals_itself() -> None:
    same = answers([True] * 5 + [False] * 3)
    result = compare(same, same)
    assert (result.both_right, result.only_first, result.only_second, result.both_wrong) == (5, 0, 0, 3)
    assert result.p_value == 1
    assert not result.significant
    assert len(result.disagree) == 0


@pytest.mark.parametrize(
    ("only_first", "only_second", "p_value"),
    # Two-sided binomial tails: 2 * (1/2)^10; 2 * (1 + 10 + 45)/2^10; an even split gives 1.
    [(10, 0, 2 / 1024), (8, 2, 2 * 56 / 1024), (5, 5, 1.0)],
)
def test_mcnemar_of_small_examples(only_first: int, only_second: int, p_value: float) -> None:
    n_both = 4
    first = answers([True] * only_first + [False] * only_second + [True] * n_both)
    second = answers([False] * only_first + [True] * only_second + [True] * n_both)
    result = compare(first, second)
    assert (result.only_first, result.only_second, result.both_right) == (only_first, only_second, n_both)
    assert result.p_value == pytest.approx(p_value)
    assert result.significant == (p_value < 0.05)
    assert sorted(result.disagree) == list(range(only_first + only_second))


def test_the_values_are_json() -> None:
    found = compare(answers([True] * 5 + [False]), answers([True] * 3 + [False] * 2 + [True])).to_dict()
    counts = {"both_right": 3, "only_first": 2, "only_second": 1, "both_wrong": 0, "disagree": 3}
    assert found == {**counts, "mcnemar_p": pytest.approx(1)}


def test_the_most_confident_disagreement_comes_first() -> None:
    first, second = answers([True, True, True]), answers([True, False, False])
    probabilities = second.probabilities.copy()
    probabilities[1, 6], probabilities[1, 0] = 0.5, 0.45
    result = compare(first, Predictions(second.labels, probabilities))
    assert result.disagree.tolist() == [2, 1]


def test_other_faces_are_refused() -> None:
    with pytest.raises(ValueError, match="same faces"):
        compare(answers([True] * 3), answers([True] * 4))
