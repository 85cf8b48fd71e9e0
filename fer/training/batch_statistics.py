"""Batch-norm statistics, computed on unaugmented images.

Training images are rotated, erased and mixed, so their statistics differ from those of the faces a model is used on.
Touvron et al., 'Fixing the train-test resolution discrepancy', 2019, describe the same effect for image size.
"""

from typing import Final

import keras
import numpy as np
import numpy.typing as npt

from fer.datasets.faces import FaceDataset

_BATCH: Final = 128


def unaugmented_batches(dataset: FaceDataset, n_images: int | None = None) -> list[npt.NDArray[np.uint8]]:
    """Return batches of unaugmented images to compute batch-norm statistics on.

    Args:
        dataset: where the images are taken from.
        n_images: how many images to take, always the same ones; None takes all.

    Returns:
        Arrays of (B, 48, 48, 1) uint8, B up to 128.
    """
    rows = np.random.default_rng(0).permutation(len(dataset))[:n_images]
    # Every batch has the same weight, so a last batch with a single face would count as much as a full one.
    return [dataset.images[np.sort(some), ..., None] for some in np.array_split(rows, -(-len(rows) // _BATCH))]


def recompute_statistics(network: keras.Model, batches: list[npt.NDArray[np.uint8]]) -> None:
    """Set the moving mean and variance of every batch-norm layer to the average over `batches`.

    Averaged weights need statistics of their own (Izmailov et al., 'Averaging weights', 2018).
    """
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for seen, images in enumerate(batches):
        for norm in norms:
            norm.momentum = seen / (seen + 1)
        network(images, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
