"""Sets of classes follow their threshold, and always name the most probable class."""

import numpy as np
import pytest

from fer.emotions import EMOTIONS
from fer.recognition.candidates import ClassSets

PROBABILITIES = np.array([0.05, 0.0, 0.05, 0.4, 0.1, 0.1, 0.3], np.float32)


@pytest.mark.parametrize(
    ("least", "names"),
    [
        (0.35, ("happy",)),
        (0.3, ("happy", "neutral")),
        (0.1, ("happy", "neutral", "sad", "surprise")),
        (0.9, ("happy",)),
        (0.0, ("happy", "neutral", "sad", "surprise", "angry", "fear", "disgust")),
    ],
)
def test_classes_above_the_threshold_most_probable_first(least: float, names: tuple[str, ...]) -> None:
    sets = ClassSets(0.9, least)
    assert sets.of(PROBABILITIES) == names
    (members,) = sets.contains(PROBABILITIES[None])
    assert {name for name, inside in zip(EMOTIONS, members, strict=True) if inside} == set(names)


def test_sets_of_classes_are_read_back_from_json() -> None:
    sets = ClassSets(0.9, 0.118)
    assert ClassSets.from_dict(sets.to_dict()) == sets


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        {},
        {"coverage": 0.9},
        {"coverage": 0.9, "least_probability": 0.1, "more": 1},
        {"coverage": 0.0, "least_probability": 0.1},
        {"coverage": 1.0, "least_probability": 0.1},
        {"coverage": 0.9, "least_probability": -0.1},
        {"coverage": 0.9, "least_probability": 1.1},
        {"coverage": True, "least_probability": 0.1},
        {"coverage": 0.9, "least_probability": float("nan")},
        {"coverage": 0.9, "least_probability": "0.1"},
    ],
)
def test_invalid_sets_of_classes_are_refused(values: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        ClassSets.from_dict(values)
