"""Targets from the crowd's votes: the labels of other images with similar votes, never the image's own."""

import numpy as np
import pytest

from fer.datasets.faces import FaceDataset
from fer.errors import ConfigError
from fer.runs.config import TrainConfig
from fer.training.batches import TrainingBatches
from fer.training.crowd_labels import expected_labels
from tests.support.row_faces import STILL

N_EACH = 300
ONE_WRONG = 5


def voted(labels: np.ndarray, seen: np.ndarray | None = None) -> FaceDataset:
    """Return blank faces with unanimous votes for the columns in `seen`; None means no votes."""
    votes = None if seen is None else np.eye(10, dtype=np.uint8)[seen] * 10
    images = np.zeros((len(labels), 48, 48), np.uint8)
    return FaceDataset("voted", images, labels, np.zeros(len(labels), np.uint8), votes)


def clear_cases() -> FaceDataset:
    """Return faces with one vote column per class, one of which has a label that differs from similar images."""
    labels = np.repeat(np.arange(7), N_EACH)
    seen = labels.copy()
    labels[ONE_WRONG] = 6
    return voted(labels, seen)


def test_a_wrong_label_is_overruled_by_the_votes_and_by_others_labels():
    expected = expected_labels(clear_cases())
    assert expected.shape == (7 * N_EACH, 7)
    assert expected.dtype == np.float32
    np.testing.assert_allclose(expected.sum(1), 1, atol=1e-5)
    assert expected[ONE_WRONG].argmax() == 0
    assert expected[ONE_WRONG, 6] < 0.05
    np.testing.assert_array_equal(expected[N_EACH:].argmax(1), np.repeat(np.arange(1, 7), N_EACH))


def test_uninformative_votes_give_the_frequencies_of_the_classes():
    labels = np.repeat([0, 0, 0, 1, 2, 3, 4, 5, 6], 100)
    expected = expected_labels(voted(labels, np.zeros(len(labels), int)))
    np.testing.assert_allclose(expected.mean(0), np.bincount(labels) / len(labels), atol=0.01)
    assert expected.std(0).max() < 0.01


def test_a_batch_mixes_labels_and_crowd_targets_by_the_share():
    batches = TrainingBatches(clear_cases(), TrainConfig(batch_size=700, crowd_labels=0.25, **STILL), votes=False)
    targets = np.concatenate([batches[index][1]["logits"] for index in range(len(batches))])
    np.testing.assert_allclose(targets.sum(1), 1, atol=1e-5)
    wrong = targets[np.isclose(targets[:, 6], 0.75, atol=0.02) & (targets[:, 0] > 0.2)]
    assert len(wrong) == 1


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        (voted(np.repeat(np.arange(7), 10)), "no FER\\+ votes"),
        (voted(np.array([0] * 20 + [1] * 4), np.zeros(24, int)), "fewer than 5 training images"),
    ],
)
def test_data_without_usable_votes_are_refused_with_a_sentence(dataset, words):
    with pytest.raises(ConfigError, match=words):
        expected_labels(dataset)
