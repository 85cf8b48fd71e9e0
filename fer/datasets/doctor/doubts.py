"""Rank the labels to review first: those that the crowd or a model disagrees with."""

import numpy as np
import numpy.typing as npt

from fer.arrays import Indices
from fer.datasets.doctor import crowd
from fer.datasets.doctor.quality import flat_images
from fer.datasets.faces import FaceDataset
from fer.emotions import N_EMOTIONS
from fer.errors import DatasetError


def doubtful_by_crowd(dataset: FaceDataset) -> Indices:
    """Return the images for which another expression got more votes than their label, the clearest first.

    Images that show nothing, or in which the crowd saw no face, are the doctor's findings and not among them.

    Raises:
        DatasetError: the dataset has no votes.
    """
    if dataset.votes is None:
        raise DatasetError(
            f"{dataset.name} has no FER+ votes; import it together with fer2013new.csv, or use the model."
        )
    own = crowd.own_votes(dataset.votes, dataset.labels)
    doubt = (crowd.most_votes(dataset.votes) - own).astype(np.float64)
    doubt[crowd.no_face(dataset.votes)] = 0
    return _most_first(dataset, doubt)


def doubtful_by_model(dataset: FaceDataset, probabilities: npt.NDArray[np.float32]) -> Indices:
    """Return the images for which a model predicts another class than their label, the clearest first.

    Images that show nothing are not among them.

    Args:
        dataset: N images.
        probabilities: (N, 7) float32, predicted by the model, in the order of `EMOTIONS`.

    Raises:
        ValueError: there isn't one row of probabilities per image.
    """
    if probabilities.shape != (len(dataset), N_EMOTIONS):
        raise ValueError(f"probabilities: expected ({len(dataset)}, {N_EMOTIONS}). Received: {probabilities.shape}")
    own = probabilities[np.arange(len(dataset)), dataset.labels]
    return _most_first(dataset, probabilities.max(axis=1).astype(np.float64) - own)


def _most_first(dataset: FaceDataset, doubt: npt.NDArray[np.float64]) -> Indices:
    order = np.argsort(-doubt, kind="stable")
    order = order[doubt[order] > 0]
    blank, near_constant = flat_images(dataset.images[order])
    return np.asarray(np.delete(order, np.concatenate([blank, near_constant])), np.int64)
