from dataclasses import replace

import numpy as np
import pytest

from fer.datasets.faces import FaceDataset
from fer.datasets.splits import with_validation_split
from tests.support.forms import synthetic_faces


def validation_images(dataset: FaceDataset) -> set[bytes]:
    return {image.tobytes() for image in dataset.split("validation").images}


def test_a_stratified_tenth_of_train_is_validation() -> None:
    dataset = synthetic_faces(140, 0, 14)
    labels = np.where(np.arange(154) < 60, 3, dataset.labels)
    dataset = replace(dataset, labels=labels)
    found = with_validation_split(dataset)
    before = dataset.counts()[0]
    np.testing.assert_array_equal(found.counts()[1], np.maximum(np.rint(before / 10), 1))
    np.testing.assert_array_equal(found.counts()[0] + found.counts()[1], before)
    np.testing.assert_array_equal(found.counts()[2], dataset.counts()[2])
    assert found.fingerprint == dataset.fingerprint


def test_the_tenth_does_not_depend_on_the_order_of_files() -> None:
    dataset = synthetic_faces(140, 0, 0)
    shuffled = dataset.take(np.random.default_rng(5).permutation(140))
    assert validation_images(with_validation_split(dataset)) == validation_images(with_validation_split(shuffled))


def test_copies_of_an_image_stay_in_one_split() -> None:
    dataset = synthetic_faces(140, 0, 0)
    # Every face twice: a random split would separate about one pair in ten.
    doubled = dataset.take(np.repeat(np.arange(140), 2))
    found = with_validation_split(doubled)
    splits = found.splits.reshape(140, 2)
    assert np.count_nonzero(splits[:, 0] != splits[:, 1]) == 0


def test_an_existing_validation_split_is_kept() -> None:
    dataset = synthetic_faces(70, 7, 0)
    assert with_validation_split(dataset) is dataset


@pytest.mark.parametrize(("n_train", "n_test"), [(0, 14), (7, 0)])
def test_small_and_missing_classes_keep_their_training_images(n_train: int, n_test: int) -> None:
    dataset = synthetic_faces(n_train, 0, n_test)
    np.testing.assert_array_equal(with_validation_split(dataset).splits, dataset.splits)
