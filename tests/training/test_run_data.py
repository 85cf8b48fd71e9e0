"""Splitting the data, validating a network, and the statistics of averaged weights."""

import keras
import numpy as np
import pytest
from keras import layers

from fer.datasets.faces import FaceDataset
from fer.datasets.readers.orders import LabelOrderError
from fer.datasets.readings import Reading
from fer.datasets.store import importing
from fer.datasets.store.corrections import correct, corrections_file, write_corrections
from fer.errors import DatasetError
from fer.paths import data_dir
from fer.runs.config import TrainConfig
from fer.training.batch_statistics import recompute_statistics, unaugmented_batches
from fer.training.networks import LOGITS
from fer.training.run_data import load_data, no_face, split_parts
from fer.training.validation import validate
from tests.support.forms import image_files, synthetic_faces, write_files
from tests.support.row_faces import row_faces


def dataset(n_train: int = 140, n_validation: int = 14, votes: np.ndarray | None = None) -> FaceDataset:
    total = n_train + n_validation
    images = np.random.default_rng(0).integers(0, 256, (total, 48, 48), dtype=np.uint8)
    splits = np.repeat(np.array([0, 1], np.uint8), [n_train, n_validation])
    return FaceDataset("synthetic", images, np.arange(total) % 7, splits, votes)


def test_the_holdout_is_stratified_and_disjoint():
    parts = split_parts(dataset(), TrainConfig(holdout=0.2))
    assert parts.calibration is not None
    assert np.bincount(parts.calibration.labels).tolist() == [4] * 7
    keys = [{image.tobytes() for image in part.images} for part in (parts.train, parts.validation, parts.calibration)]
    assert len(keys[0] | keys[1] | keys[2]) == 154
    assert [len(key) for key in keys] == [112, 14, 28]


def test_fraction_takes_a_stratified_part_of_train_only():
    parts = split_parts(dataset(), TrainConfig(fraction=0.5))
    assert np.bincount(parts.train.labels).tolist() == [10] * 7
    assert len(parts.validation) == 14


def test_no_face_is_decided_by_the_majority():
    votes = np.zeros((35, 10), np.uint8)
    votes[:, 0] = 4
    votes[3, 9] = 6
    assert np.flatnonzero(no_face(row_faces(votes=votes))).tolist() == [3]
    assert not no_face(row_faces()).any()


def test_images_voted_as_no_face_are_not_trained_on_but_validated():
    votes = np.zeros((154, 10), np.uint8)
    votes[[5, 150], 9] = 10
    parts = split_parts(dataset(votes=votes), TrainConfig())
    assert len(parts.train) == 139
    assert len(parts.validation) == 14


def test_too_few_images_of_a_class_give_one_sentence():
    small = dataset(n_train=7)
    with pytest.raises(DatasetError, match="too few training images"):
        split_parts(small, TrainConfig(holdout=0.3))


def test_a_run_on_numbered_folders_follows_the_label_order(tmp_path):
    dataset = synthetic_faces()
    root = write_files(tmp_path / "faces", image_files(dataset, "0123456"))
    assert load_data(TrainConfig(data=str(root), labels="fer2013")).fingerprint == dataset.fingerprint
    with pytest.raises(LabelOrderError):
        load_data(TrainConfig(data=str(root)))


def test_a_run_with_corrections_uses_those_of_an_imported_dataset(fer_home):
    faces = synthetic_faces()
    importing.store(Reading(faces, tuple(f"face {row}" for row in range(len(faces))), form="CSV"), "mine", "here")
    folder = data_dir() / "mine"
    now = (int(faces.labels[4]) + 1) % 7
    write_corrections(corrections_file(folder), [correct(faces, 4, now), correct(faces, 9, None)])
    plain = load_data(TrainConfig(data=str(folder)))
    np.testing.assert_array_equal(plain.labels, faces.labels)
    corrected = load_data(TrainConfig(data=str(folder), corrections=True))
    expected = faces.labels.copy()
    expected[4] = now
    np.testing.assert_array_equal(corrected.labels, np.delete(expected, 9))
    np.testing.assert_array_equal(corrected.images, np.delete(faces.images, 9, axis=0))
    config = TrainConfig(corrections=True)
    assert split_parts(plain, config).digest() != split_parts(corrected, config).digest()


def constant_network(logits: np.ndarray) -> keras.Model:
    inputs = keras.Input((48, 48, 1), dtype="uint8")
    flat = layers.Flatten()(layers.Rescaling(0.0)(inputs))
    outputs = {LOGITS: layers.Dense(7, kernel_initializer="zeros", bias_initializer=lambda *_, **__: logits)(flat)}
    return keras.Model(inputs, outputs)


def test_validation_of_a_network_that_always_says_happy():
    network = constant_network(np.array([0, 0, 0, 3.0, 0, 0, 0], np.float32))
    result = validate(network, dataset().split("validation"))
    assert result.accuracy == pytest.approx(2 / 14)
    np.testing.assert_allclose(result.recalls, [0, 0, 0, 1, 0, 0, 0])
    assert result.confusion[:, 3].tolist() == [2] * 7
    right, wrong = np.exp([3.0, 0.0]) / (np.exp(3.0) + 6)
    assert result.loss == pytest.approx(-(np.log(right) + 6 * np.log(wrong)) / 7, rel=1e-5)


def test_statistics_come_from_unaugmented_images():
    train = dataset().split("train")
    whole = np.concatenate(unaugmented_batches(train))[..., 0]
    assert sorted(image.tobytes() for image in whole) == sorted(image.tobytes() for image in train.images)
    some = np.concatenate(unaugmented_batches(train, 10))
    assert some.shape == (10, 48, 48, 1) and some.dtype == np.uint8
    np.testing.assert_array_equal(some, np.concatenate(unaugmented_batches(train, 10)))


def test_recomputed_statistics_are_those_of_the_data():
    inputs = keras.Input((48, 48, 1), dtype="uint8")
    norm = layers.BatchNormalization(name="norm")
    network = keras.Model(inputs, norm(layers.Rescaling(1.0)(inputs)))
    batches = [np.full((4, 48, 48, 1), level, np.uint8) for level in (10, 20, 60)]
    recompute_statistics(network, batches)
    assert float(norm.moving_mean[0]) == pytest.approx(30, rel=1e-5)
    assert norm.momentum == 0.99
