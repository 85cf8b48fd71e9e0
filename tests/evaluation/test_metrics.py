"""Metrics, checked on examples small enough to count."""

import json

import numpy as np
import pytest

from fer.datasets.faces import FaceDataset
from fer.emotions import EMOTIONS, N_EMOTIONS
from fer.errors import EvaluationError
from fer.evaluation.metrics import BATCH, Predictions, measure, predict, summary, wilson_interval


def predictions(labels: list[int], predicted: list[int], confidence: float = 1.0) -> Predictions:
    probabilities = np.full((len(predicted), N_EMOTIONS), (1 - confidence) / (N_EMOTIONS - 1), np.float32)
    probabilities[np.arange(len(predicted)), predicted] = confidence
    return Predictions(np.array(labels, np.int64), probabilities, seconds=2.0)


EVERY = list(range(N_EMOTIONS)) * 3


def test_always_right() -> None:
    metrics = measure(predictions(EVERY, EVERY))
    assert (metrics.accuracy, metrics.macro_f1, metrics.balanced_accuracy, metrics.top2_accuracy) == (1, 1, 1, 1)
    assert metrics.ece == 0
    assert metrics.confusion.tolist() == (np.eye(N_EMOTIONS, dtype=int) * 3).tolist()
    assert metrics.accuracy_interval[1] == 1


def test_always_wrong() -> None:
    metrics = measure(predictions(EVERY, [(label + 1) % N_EMOTIONS for label in EVERY]))
    assert (metrics.accuracy, metrics.macro_f1, metrics.balanced_accuracy) == (0, 0, 0)
    assert metrics.ece == 1
    assert metrics.confusion.trace() == 0
    assert metrics.accuracy_interval[0] == 0


def test_one_class_for_every_face() -> None:
    labels = [3] * 6 + [0] * 2 + [4] * 2
    metrics = measure(predictions(labels, [3] * 10))
    assert metrics.accuracy == 0.6
    assert metrics.balanced_accuracy == pytest.approx(1 / 3)
    assert metrics.macro_f1 == pytest.approx(0.75 / 3)  # precision 0.6 and recall 1 give F1 0.75
    happy = metrics.per_class["happy"]
    assert (happy.precision, happy.recall, happy.f1, happy.support) == (0.6, 1, pytest.approx(0.75), 6)
    assert metrics.per_class["sad"].recall == 0
    assert metrics.per_class["fear"].support == 0
    assert metrics.confusion[0].tolist() == [0, 0, 0, 2, 0, 0, 0]  # rows are true, columns predicted


def test_uniform_probabilities_have_the_confidence_of_chance() -> None:
    uniform = Predictions(np.array(EVERY), np.full((len(EVERY), N_EMOTIONS), 1 / N_EMOTIONS, np.float32))
    metrics = measure(uniform)
    assert metrics.accuracy == pytest.approx(1 / 7)
    assert metrics.ece == pytest.approx(0, abs=1e-6)
    assert metrics.log_loss == pytest.approx(np.log(7))


def test_the_log_loss_is_that_of_the_true_classes() -> None:
    metrics = measure(predictions([0, 1], [0, 2], confidence=0.4))
    assert metrics.log_loss == pytest.approx(-(np.log(0.4) + np.log(0.1)) / 2)


def test_the_second_guess_counts_only_for_top2() -> None:
    probabilities = np.zeros((4, N_EMOTIONS), np.float32)
    probabilities[:, 2], probabilities[:, 5], probabilities[:, 6] = 0.5, 0.3, 0.2
    metrics = measure(Predictions(np.array([2, 5, 5, 6]), probabilities))
    assert metrics.accuracy == 0.25
    assert metrics.top2_accuracy == 0.75


@pytest.mark.parametrize(
    ("n_right", "n", "low", "high"),
    # Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_wilsons_with_newcombes_values(n_right: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(n_right, n) == pytest.approx((low, high), abs=5e-5)


def test_no_faces_give_a_sentence() -> None:
    with pytest.raises(EvaluationError, match="no face to evaluate"):
        predictions([], [])


def test_the_summary_has_the_documented_fields() -> None:
    written = json.loads(json.dumps(summary("small", "mine", "test", predictions(EVERY, EVERY))))
    assert list(written) == [
        *("model", "data", "split", "n", "accuracy", "macro_f1", "ece"),
        *("per_class", "confusion_matrix", "faces_per_second"),
    ]
    assert list(written["per_class"]) == list(EMOTIONS)
    assert written["per_class"]["angry"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 3}
    assert written["faces_per_second"] == 10.5


class Brightness:
    """A classifier that predicts a class from the crop's grey value and counts the faces it gets."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        assert crops.shape[1:] == (48, 48, 1)
        assert crops.dtype == np.uint8
        self.batches.append(len(crops))
        return np.eye(N_EMOTIONS, dtype=np.float32)[crops[:, 0, 0, 0]]


def test_predict_sees_each_face_once_after_a_warm_up() -> None:
    n = 2 * BATCH + 5
    labels = np.arange(n) % N_EMOTIONS
    images = np.broadcast_to(labels[:, None, None], (n, 48, 48)).astype(np.uint8)
    classifier, seen = Brightness(), []
    faces = FaceDataset("grey", images, labels, np.zeros(n, np.uint8))
    result = predict(classifier, faces, lambda done, total: seen.append((done, total)))
    assert result.correct.all()
    assert classifier.batches == [BATCH, BATCH, BATCH, 5]
    assert seen == [(BATCH, n), (2 * BATCH, n), (n, n)]
    assert result.faces_per_second > 0
