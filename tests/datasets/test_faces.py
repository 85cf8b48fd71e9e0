from dataclasses import replace

import numpy as np
import pytest

from fer.datasets.faces import FaceDataset
from fer.errors import DatasetError
from tests.support.forms import synthetic_faces, unanimous


def test_counts_are_by_split_and_class() -> None:
    dataset = synthetic_faces(14, 7, 0)
    dataset = replace(dataset, labels=np.where(dataset.splits == 1, 3, 0))
    assert dataset.counts().tolist() == [[14, 0, 0, 0, 0, 0, 0], [0, 0, 0, 7, 0, 0, 0], [0] * 7]
    assert dataset.split_names() == ("train", "validation")


def test_a_split_keeps_images_labels_and_votes_together() -> None:
    dataset = synthetic_faces(14, 7, 7)
    dataset = replace(dataset, votes=unanimous(dataset))
    test = dataset.split("test")
    assert len(test) == 7
    np.testing.assert_array_equal(test.images, dataset.images[21:])
    np.testing.assert_array_equal(test.labels, dataset.labels[21:])
    np.testing.assert_array_equal(test.votes, dataset.votes[21:])


def test_a_missing_split_is_named_with_the_existing_ones() -> None:
    with pytest.raises(DatasetError, match="no split 'test'; choose one of: train, validation"):
        synthetic_faces(7, 7, 0).split("test")


def test_the_fingerprint_depends_on_pixels_and_labels_but_not_order_or_split() -> None:
    dataset = synthetic_faces(14, 0, 0)
    backwards = dataset.take(np.arange(13, -1, -1))
    assert backwards.fingerprint == dataset.fingerprint
    assert replace(dataset, splits=dataset.splits + np.uint8(2)).fingerprint == dataset.fingerprint
    assert replace(dataset, labels=(dataset.labels + 1) % 7).fingerprint != dataset.fingerprint
    images = dataset.images.copy()
    images[3, 40, 7] ^= 1
    assert replace(dataset, images=images).fingerprint != dataset.fingerprint
    # Which image has which label counts, not only how many there are of each.
    swapped = dataset.labels.copy()
    other = int(np.flatnonzero(swapped != swapped[0])[0])
    swapped[[0, other]] = swapped[[other, 0]]
    assert replace(dataset, labels=swapped).fingerprint != dataset.fingerprint


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"images": np.zeros((2, 48, 47), np.uint8)}, "images"),
        ({"images": np.zeros((2, 48, 48), np.float32)}, "images"),
        ({"labels": np.array([0, 7])}, "labels"),
        ({"labels": np.array([-1, 0])}, "labels"),
        ({"labels": np.array([0])}, "labels"),
        ({"splits": np.array([0, 3], np.uint8)}, "splits"),
        ({"votes": np.zeros((2, 9), np.uint8)}, "votes"),
    ],
)
def test_inconsistent_arrays_are_named(change: dict[str, np.ndarray], named: str) -> None:
    values = {
        "name": "two",
        "images": np.zeros((2, 48, 48), np.uint8),
        "labels": np.array([0, 1]),
        "splits": np.zeros(2, np.uint8),
        **change,
    }
    with pytest.raises(ValueError, match=named):
        FaceDataset(**values)
