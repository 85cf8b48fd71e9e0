"""Agreement with the votes, on small examples."""

import numpy as np
import pytest

from fer.datasets.faces import VOTE_COLUMNS
from fer.emotions import EMOTIONS, N_EMOTIONS
from fer.evaluation.agreement import NO_MAJORITY, agreement, crowd_majority
from fer.evaluation.metrics import Predictions

HAPPY, SAD, NEUTRAL = (EMOTIONS.index(name) for name in ("happy", "sad", "neutral"))


def votes(*rows: dict[str, int]) -> np.ndarray:
    return np.array([[row.get(column, 0) for column in VOTE_COLUMNS] for row in rows], np.uint8)


def answers(labels: list[int], predicted: list[int], confidence: list[float]) -> Predictions:
    probabilities = np.array([[(1 - c) / 6] * N_EMOTIONS for c in confidence], np.float32)
    probabilities[np.arange(len(predicted)), predicted] = confidence
    return Predictions(np.array(labels), probabilities)


@pytest.mark.parametrize(
    ("row", "majority", "certainty"),
    [
        *(
            ({crowd: 8, "unknown": 2}, EMOTIONS.index(ours), 0.8)
            for crowd, ours in [
                *(("anger", "angry"), ("disgust", "disgust"), ("fear", "fear"), ("happiness", "happy")),
                *(("sadness", "sad"), ("surprise", "surprise"), ("neutral", "neutral")),
            ]
        ),
        ({"happiness": 5, "neutral": 5}, NO_MAJORITY, 0.5),
        ({"contempt": 6, "neutral": 4}, NO_MAJORITY, 0.6),
        ({"NF": 10}, NO_MAJORITY, 1.0),
        ({}, NO_MAJORITY, 0.0),
    ],
)
def test_the_majority_is_the_most_voted_class(row: dict[str, int], majority: int, certainty: float) -> None:
    crowd = crowd_majority(votes(row))
    assert crowd.majority.tolist() == [majority]
    assert crowd.certainty.tolist() == [certainty]


def test_agreement_of_a_small_example() -> None:
    crowd = votes({"happiness": 10}, {"happiness": 6, "neutral": 4}, {"sadness": 8, "fear": 2}, {"NF": 10})
    result = agreement(answers([HAPPY, NEUTRAL, SAD, SAD], [HAPPY, NEUTRAL, SAD, SAD], [0.9, 0.4, 0.7, 0.9]), crowd)
    assert result is not None
    assert (result.n, result.n_left_out) == (3, 1)
    assert result.accuracy == pytest.approx(2 / 3)  # the crowd sees the second face as happy
    assert result.label_accuracy == 1
    assert result.labels_agree == pytest.approx(2 / 3)
    assert result.correlation == pytest.approx(1)  # 10, 6, 8 of ten go with 0.9, 0.4, 0.7
    assert [(b.label, b.n, b.accuracy) for b in result.bins] == [("6 of 10", 1, 0), ("8 of 10", 1, 1), ("all", 1, 1)]
    assert [b.confidence for b in result.bins] == pytest.approx([0.4, 0.7, 0.9])


def test_label_agreement_does_not_bound_a_models_agreement() -> None:
    crowd = votes({"happiness": 10}, {"happiness": 6, "neutral": 4}, {"sadness": 8, "fear": 2})
    labels, favourites = [HAPPY, NEUTRAL, SAD], [HAPPY, HAPPY, SAD]
    as_labelled = agreement(answers(labels, labels, [0.9] * 3), crowd)
    as_the_crowd = agreement(answers(labels, favourites, [0.9] * 3), crowd)
    assert as_labelled is not None and as_the_crowd is not None
    assert (as_labelled.accuracy, as_labelled.label_accuracy) == (as_labelled.labels_agree, 1)
    assert (as_the_crowd.accuracy, as_the_crowd.label_accuracy) == (1, as_the_crowd.labels_agree)


def test_a_model_that_is_most_confident_where_people_disagree() -> None:
    crowd = votes({"happiness": 10}, {"happiness": 8, "neutral": 2}, {"happiness": 6, "neutral": 4})
    result = agreement(answers([HAPPY] * 3, [HAPPY] * 3, [0.5, 0.6, 0.7]), crowd)
    assert result is not None
    assert result.correlation == pytest.approx(-1)


def test_without_a_clear_majority_there_is_nothing_to_compare() -> None:
    assert agreement(answers([SAD], [SAD], [0.9]), votes({"NF": 10})) is None


def test_constant_values_have_no_correlation() -> None:
    result = agreement(answers([HAPPY] * 4, [HAPPY] * 4, [0.9] * 4), votes(*[{"happiness": 10}] * 4))
    assert result is not None
    assert result.correlation is None
