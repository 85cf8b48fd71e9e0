import numpy as np
from sklearn.linear_model import RidgeClassifier

from fer.datasets.store.loading import load_dataset
from fer.datasets.synthetic import make_synthetic


def test_the_default_dataset_is_balanced_and_marked_as_synthetic() -> None:
    dataset = load_dataset("synthetic")
    np.testing.assert_array_equal(dataset.counts(), [[100] * 7, [20] * 7, [20] * 7])
    assert dataset.synthetic and dataset.name == "synthetic"
    assert len({image.tobytes() for image in dataset.images}) == 980


def test_the_same_seed_gives_the_same_faces_and_another_seed_others() -> None:
    one, same, other = make_synthetic(14, 7, 7, 3), make_synthetic(14, 7, 7, 3), make_synthetic(14, 7, 7, 4)
    np.testing.assert_array_equal(one.images, same.images)
    np.testing.assert_array_equal(one.labels, same.labels)
    assert not np.array_equal(one.images, other.images)


def test_expressions_can_be_learned_and_are_not_trivial() -> None:
    """A linear model on pixels is well above chance (1 in 7) and leaves much to learn."""
    dataset = make_synthetic(700, 0, 140)
    train, test = dataset.split("train"), dataset.split("test")
    model = RidgeClassifier(alpha=10)
    model.fit(train.images.reshape(700, -1) / 255.0, train.labels)
    accuracy = model.score(test.images.reshape(140, -1) / 255.0, test.labels)
    assert 0.3 < accuracy < 0.8


def test_brightness_position_and_size_vary() -> None:
    images = make_synthetic(140, 0, 0).images.astype(np.float32)
    means = images.mean(axis=(1, 2))
    assert means.std() > 15
    assert images.std(axis=(1, 2)).min() > 5
