"""A dataset with planted problems, and the same one stored."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.datasets.doctor.crowd import EMOTION_COLUMNS
from fer.datasets.faces import FaceDataset
from fer.datasets.readings import Reading
from fer.datasets.store.importing import store
from tests.support.forms import (
    plus,
    synthetic_faces,
    unanimous,
)


@pytest.fixture
def sick() -> FaceDataset:
    """84 faces; a copy of 3 in test (84), a blank (85); the crowd rejects the labels of 10 and 20."""
    dataset = synthetic_faces(70, 7, 7)
    dataset = plus(dataset, dataset.images[3], int(dataset.labels[3]), 2)
    dataset = plus(dataset, np.zeros((48, 48)), 0)
    votes = unanimous(dataset)
    for index, others in ((10, 9), (20, 10)):
        votes[index] = 0
        votes[index, EMOTION_COLUMNS[dataset.labels[index]]] = 10 - others
        votes[index, EMOTION_COLUMNS[(dataset.labels[index] + 1) % 7]] = others
    return replace(dataset, votes=votes)


@pytest.fixture
def stored(fer_home: Path, sick: FaceDataset) -> FaceDataset:
    store(Reading(sick, tuple(f"line {index + 2}" for index in range(len(sick))), form="CSV"), "mine", "fer2013.csv")
    return sick
