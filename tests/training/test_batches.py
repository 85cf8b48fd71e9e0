"""Batches: each image once per epoch, with its own label, and reproducible from the seed."""

import numpy as np
import pytest

from fer.datasets.faces import FaceDataset
from fer.runs.config import TrainConfig
from fer.training.batches import TrainingBatches, class_weights, vote_distributions
from tests.support.row_faces import STILL, row_faces


def test_an_epoch_shows_each_image_at_most_once_with_its_own_label():
    batches = TrainingBatches(row_faces(), TrainConfig(batch_size=5, **STILL), votes=False)
    seen = []
    for index in range(len(batches)):
        images, targets, weights = batches[index]
        assert images.shape == (5, 48, 48, 1)
        assert images.dtype == np.uint8
        rows = images[:, 0, 0, 0]
        np.testing.assert_array_equal(targets["logits"].argmax(1), rows % 7)
        assert weights["logits"].shape == (5,)
        seen += rows.tolist()
    assert sorted(seen) == list(range(35))


def test_epochs_differ_and_a_later_start_repeats_them():
    config = TrainConfig(batch_size=8)
    first = TrainingBatches(row_faces(), config, votes=False)
    one = first[0][0]
    first.begin_epoch(2)
    two = first[0][0]
    assert not np.array_equal(one, two)
    later = TrainingBatches(row_faces(), config, votes=False)
    later.begin_epoch(2)
    np.testing.assert_array_equal(later[0][0], two)


def test_an_interrupted_epoch_continues_at_the_next_batch():
    config = TrainConfig(batch_size=8)
    whole, rest = (TrainingBatches(row_faces(), config, votes=False) for _ in range(2))
    whole.begin_epoch(2)
    rest.begin_epoch(2, first_batch=3)
    assert (len(whole), len(rest), rest.steps) == (4, 1, 4)
    np.testing.assert_array_equal(rest[0][0], whole[3][0])
    rest.begin_epoch(3)
    assert len(rest) == 4


def test_votes_are_distributions_with_no_weight_if_nobody_saw_an_expression():
    votes = np.zeros((35, 10), np.uint8)
    votes[0, [0, 1]] = 5, 3  # neutral 5, happiness 3
    votes[1, 8] = 10  # only unknown
    distributions = vote_distributions(row_faces(votes=votes))
    assert distributions.shape == (35, 8)
    np.testing.assert_allclose(distributions[0], [0, 0, 0, 3 / 8, 0, 0, 5 / 8, 0])
    assert distributions[1].sum() == 0
    _, targets, weights = TrainingBatches(row_faces(votes=votes), TrainConfig(batch_size=35, **STILL), votes=True)[0]
    np.testing.assert_allclose(weights["votes"], targets["votes"].sum(1))
    assert weights["votes"].sum() == pytest.approx(1)


@pytest.mark.parametrize(("kind", "ratio"), [("none", 1), ("sqrt", 2), ("balanced", 4)])
def test_class_weights_average_one_and_favour_rare_classes(kind, ratio):
    labels = np.array([0] * 40 + [1] * 10)
    weights = class_weights(labels, kind)
    assert weights[1] / weights[0] == pytest.approx(ratio)
    assert weights[labels].mean() == pytest.approx(1)


def test_mixup_keeps_the_total_weight_of_each_class():
    """The loss is linear in targets times weights, so a class has the same total weight however images are mixed."""
    rare = FaceDataset("rare", np.zeros((70, 48, 48), np.uint8), np.array([0] * 60 + [1] * 10), np.zeros(70, np.uint8))
    shares = []
    for alpha in (0.0, 0.4):
        config = TrainConfig(batch_size=70, mixup=alpha, class_weights="balanced", **STILL)
        _, targets, weights = TrainingBatches(rare, config, votes=False)[0]
        np.testing.assert_allclose(targets["logits"].sum(1), 1, atol=1e-6)
        shares.append((targets["logits"] * weights["logits"][:, None]).sum(0))
    np.testing.assert_allclose(shares[0][:2], 35, atol=1e-3)
    np.testing.assert_allclose(shares[1], shares[0], atol=1e-3)


def test_mixup_mixes_labels_like_images():
    config = TrainConfig(batch_size=35, mixup=0.4, **STILL)
    images, targets, _ = TrainingBatches(row_faces(), config, votes=False)[0]
    np.testing.assert_allclose(targets["logits"].sum(1), 1, atol=1e-6)
    assert (targets["logits"].max(1) < 1).any()
    assert images.dtype == np.uint8
