from dataclasses import replace

import numpy as np
import pytest

from fer.datasets.doctor.crowd import EMOTION_COLUMNS
from fer.datasets.doctor.doubts import doubtful_by_crowd, doubtful_by_model
from fer.errors import DatasetError
from tests.support.forms import synthetic_faces, unanimous


def test_the_crowds_clearest_cases_come_first() -> None:
    dataset = synthetic_faces(14, 0, 0)
    votes = unanimous(dataset)
    for index, others in ((3, 6), (8, 10), (11, 5)):
        votes[index] = 0
        votes[index, EMOTION_COLUMNS[dataset.labels[index]]] = 10 - others
        votes[index, EMOTION_COLUMNS[(dataset.labels[index] + 1) % 7]] = others
    # Five to five is no doubt; what most people call by its label is none either.
    assert doubtful_by_crowd(replace(dataset, votes=votes)).tolist() == [8, 3]


def test_blank_images_and_what_the_crowd_saw_no_face_in_are_left_to_the_doctor() -> None:
    dataset = synthetic_faces(14, 0, 0)
    votes = np.zeros((14, 10), np.uint8)
    votes[:, EMOTION_COLUMNS[0]] = 4
    votes[:, -1] = 1
    votes[2, -1] = 6
    images = dataset.images.copy()
    images[4] = 90
    sick = replace(dataset, images=images, votes=votes)
    expected = set(np.flatnonzero(dataset.labels != 0).tolist()) - {2, 4}
    assert set(doubtful_by_crowd(sick).tolist()) == expected
    probabilities = np.full((14, 7), 0.1, np.float32)
    probabilities[:, 0] = 0.4
    assert set(doubtful_by_model(sick, probabilities).tolist()) == expected | ({2} if dataset.labels[2] else set())


def test_without_votes_the_crowd_is_refused() -> None:
    with pytest.raises(DatasetError, match="no FER\\+ votes"):
        doubtful_by_crowd(synthetic_faces(7, 0, 0))


def test_the_models_clearest_cases_come_first() -> None:
    dataset = synthetic_faces(14, 0, 0)
    probabilities = np.full((14, 7), 0.02, np.float32)
    probabilities[np.arange(14), dataset.labels] = 0.88
    for index, other in ((5, 0.6), (9, 0.9)):
        probabilities[index] = (1 - other) / 6
        probabilities[index, (dataset.labels[index] + 2) % 7] = other
    assert doubtful_by_model(dataset, probabilities).tolist() == [9, 5]
    with pytest.raises(ValueError, match="probabilities"):
        doubtful_by_model(dataset, probabilities[:-1])
