"""Make a validation split for data that come without one."""

import hashlib
from dataclasses import replace
from typing import Final

import numpy as np

from fer.datasets.faces import SPLITS, FaceDataset

VALIDATION_SHARE: Final = 0.1
_TRAIN, _VALIDATION = SPLITS.index("train"), SPLITS.index("validation")


def with_validation_split(dataset: FaceDataset) -> FaceDataset:
    """Return the dataset with a stratified tenth of train as validation, unless it has a validation split.

    The tenth depends on the pixels alone: it is the images of each class with the smallest digests. So the CSV and
    the image folders give the same split, and exact copies stay on one side. A class with one training image keeps it.
    """
    if "validation" in dataset.split_names():
        return dataset
    splits = dataset.splits.copy()
    in_train = dataset.splits == _TRAIN
    for label in np.unique(dataset.labels[in_train]):
        members = np.flatnonzero(in_train & (dataset.labels == label))
        n_validation = max(round(len(members) * VALIDATION_SHARE), 1 if len(members) > 1 else 0)
        digests = [hashlib.sha256(dataset.images[index].tobytes()).digest() for index in members]
        by_digest = members[sorted(range(len(members)), key=digests.__getitem__)]
        splits[by_digest[:n_validation]] = _VALIDATION
    return replace(dataset, splits=splits)
