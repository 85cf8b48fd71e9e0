"""A validation split for data that come without one."""

import hashlib
from dataclasses import replace
from typing import Final

import numpy as np

from fer.datasets.faces import SPLITS, FaceDataset

VALIDATION_SHARE: Final = 0.1
_TRAIN, _VALIDATION = SPLITS.index("train"), SPLITS.index("validation")


def with_validation_split(dataset: FaceDataset) -> FaceDataset:
    """The same images, a stratified tenth of train being validation where there was none.

    Which tenth follows from the pixels alone: the images with the smallest digests of each class. The order of rows
    or files does not matter, so that the CSV and the image folders agree, and copies of one image stay on one side.
    A class with one training image keeps it.
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
