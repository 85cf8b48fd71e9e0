"""The data of a run: load it, and divide it into what is trained on, validated on and calibrated on."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from fer.datasets.faces import VOTE_COLUMNS, FaceDataset
from fer.datasets.store.loading import load_dataset
from fer.errors import DatasetError
from fer.runs.config import TrainConfig


@dataclass(frozen=True)
class Parts:
    """The parts of a run's data.

    Attributes:
        train: images to train on.
        validation: images to choose the best epoch with.
        calibration: images to calibrate the model on, or None if none are held out.
    """

    train: FaceDataset
    validation: FaceDataset
    calibration: FaceDataset | None

    def digest(self) -> str:
        """Return sixteen hexadecimal digits that identify the training and validation images, labels and votes.

        The order counts here, unlike in `FaceDataset.fingerprint`: batches are chosen by the images' positions.
        """
        digest = hashlib.sha256()
        for part in (self.train, self.validation):
            for array in (part.images, part.labels, part.votes):
                digest.update(b"none" if array is None else np.ascontiguousarray(array).data)
        return digest.hexdigest()[:16]


def load_data(config: TrainConfig) -> FaceDataset:
    """Load all splits of the dataset that the settings name.

    Raises:
        DatasetError: the dataset is missing, or its layout is unknown.
    """
    votes = Path(config.votes) if config.votes else None
    return load_dataset(config.data, votes=votes, corrections=config.corrections, labels=config.labels)


def split_parts(dataset: FaceDataset, config: TrainConfig) -> Parts:
    """Divide a dataset as the settings say. The test split is never used.

    Images that most FER+ voters called 'not a face' are left out of the training part.

    Raises:
        DatasetError: the training or validation split is missing, or too small to divide.
    """
    train, validation = dataset.split("train"), dataset.split("validation")
    calibration = None
    try:
        if config.fraction < 1:
            rows, _ = train_test_split(
                np.arange(len(train)), train_size=config.fraction, stratify=train.labels, random_state=config.seed
            )
            train = train.take(np.sort(rows))
        if config.holdout > 0:
            rows, kept = train_test_split(
                np.arange(len(train)), test_size=config.holdout, stratify=train.labels, random_state=0
            )
            calibration, train = train.take(np.sort(kept)), train.take(np.sort(rows))
    except ValueError as error:
        raise DatasetError(
            f"{dataset.name} has too few training images of some class to be divided; use more of it."
        ) from error
    return Parts(train.take(np.flatnonzero(~no_face(train))), validation, calibration)


def has_votes(parts: Parts, config: TrainConfig) -> bool:
    """Return whether the run also trains the second head, on the FER+ votes."""
    return parts.train.votes is not None and config.votes_weight > 0


def no_face(dataset: FaceDataset) -> npt.NDArray[np.bool_]:
    """Return which images most FER+ voters called 'not a face', (N,) bool; all False without votes."""
    if dataset.votes is None:
        return np.zeros(len(dataset), bool)
    result: npt.NDArray[np.bool_] = dataset.votes.argmax(axis=1) == VOTE_COLUMNS.index("NF")
    return result
