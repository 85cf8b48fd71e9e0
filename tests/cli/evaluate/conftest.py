"""Fixtures of the tests of `fer evaluate`: a model, 70 faces, and nothing evaluated yet."""

from pathlib import Path

import numpy as np
import pytest

from fer.datasets.faces import FaceDataset
from tests.support.builders import make_bundle
from tests.support.evaluations import count_classified, grey_faces
from tests.support.forms import csv_lines, write_lines

WRONG = 5


@pytest.fixture(autouse=True)
def _home(fer_home: Path) -> None:
    """Results are stored in an empty FER_HOME."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("models") / "greys", confidence_threshold=0.4).path


@pytest.fixture(scope="module")
def faces() -> FaceDataset:
    """70 test faces, five of them labelled wrong, and 7 of each other split."""
    test, others = grey_faces(70, wrong=WRONG), grey_faces(14, noise=5)
    return FaceDataset(
        "greys",
        np.concatenate([others.images, test.images]),
        np.concatenate([others.labels, test.labels]),
        np.concatenate([np.repeat([0, 1], 7), test.splits]).astype(np.uint8),
    )


@pytest.fixture(scope="module")
def table(faces: FaceDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Longer than a line of a terminal.
    return write_lines(tmp_path_factory.mktemp("table" * 20) / "fer2013.csv", csv_lines(faces))


@pytest.fixture
def classified(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record how many faces each call of the classifier gets."""
    return count_classified(monkeypatch)
