from dataclasses import replace

import numpy as np

from fer.datasets.viewing import enlarged, mean_faces, members
from tests.support.forms import synthetic_faces


def test_mean_faces_are_the_means_of_their_class_and_split() -> None:
    dataset = synthetic_faces(21, 7, 0)
    for split, chosen in (("train", dataset.splits == 0), (None, dataset.splits < 3)):
        means = mean_faces(dataset, split)
        expected = dataset.images[chosen & (dataset.labels == 3)].mean(axis=0)
        np.testing.assert_allclose(means["happy"], expected, atol=0.5)
    one_class = dataset.take(np.flatnonzero(dataset.labels == 5))
    assert list(mean_faces(one_class)) == ["surprise"]


def test_members_belong_to_a_split_and_a_class() -> None:
    dataset = synthetic_faces(14, 7, 0)
    assert members(dataset).tolist() == list(range(21))
    found = members(dataset, "validation", "happy")
    assert len(found) == 1 and dataset.labels[found[0]] == 3 and dataset.splits[found[0]] == 1
    assert members(replace(dataset, labels=np.zeros(21, np.int64)), "train", "happy").tolist() == []


def test_an_enlarged_image_repeats_its_pixels() -> None:
    image = synthetic_faces(1, 0, 0).images[0]
    large = enlarged(image, 3)
    assert large.shape == (144, 144)
    np.testing.assert_array_equal(large[1::3, 2::3], image)
