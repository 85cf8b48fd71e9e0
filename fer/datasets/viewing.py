"""Select and prepare images of a dataset for display."""

import numpy as np

from fer.arrays import SIDE, Image, Indices
from fer.datasets.faces import SPLITS, FaceDataset
from fer.emotions import EMOTIONS, N_EMOTIONS

_BLOCK = 2048


def members(dataset: FaceDataset, split: str | None = None, emotion: str | None = None) -> Indices:
    """Return the positions of the images of a split and a class, ascending; None means all."""
    chosen = np.ones(len(dataset), bool)
    if split is not None:
        chosen &= dataset.splits == SPLITS.index(split)
    if emotion is not None:
        chosen &= dataset.labels == EMOTIONS.index(emotion)
    return np.flatnonzero(chosen)


def mean_faces(dataset: FaceDataset, split: str | None = None) -> dict[str, Image]:
    """Return the mean image, (48, 48) uint8, of each class with images in the split (None: in any)."""
    sums = np.zeros((N_EMOTIONS, SIDE, SIDE), np.float64)
    chosen = members(dataset, split)
    for start in range(0, len(chosen), _BLOCK):
        block = chosen[start : start + _BLOCK]
        images, labels = dataset.images[block], dataset.labels[block]
        for label in np.unique(labels):
            sums[label] += images[labels == label].sum(axis=0, dtype=np.float64)
    counts = np.bincount(dataset.labels[chosen], minlength=N_EMOTIONS)
    return {
        name: np.asarray(np.rint(sums[label] / counts[label]), np.uint8)
        for label, name in enumerate(EMOTIONS)
        if counts[label]
    }


def enlarged(image: Image, times: int = 2) -> Image:
    """Return an image (48, 48) uint8 with each pixel repeated, so that a browser doesn't blur it."""
    return np.repeat(np.repeat(np.asarray(image), times, axis=0), times, axis=1)
