"""Predict an image's label from its FER+ votes: a training target with less noise than the label itself.

A label of FER-2013 is one noisy answer. The labels of all images with similar votes say more about a face, and unlike
the votes themselves they follow FER-2013's own conventions. Lopez-Paz et al., 'Unifying distillation and privileged
information', 2016, describe soft targets from what is known only during training.
"""

from typing import Final

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from fer.arrays import Floats
from fer.datasets.faces import FaceDataset
from fer.emotions import N_EMOTIONS
from fer.errors import ConfigError

_FOLDS: Final = 5


def expected_labels(dataset: FaceDataset) -> Floats:
    """Return the expected labels of images with similar votes; an image's own label doesn't count for it.

    Args:
        dataset: images with votes, at least five of each class.

    Returns:
        (N, 7) float32; each row sums to 1.

    Raises:
        ConfigError: there are no votes, or a class has fewer than five images.
    """
    if dataset.votes is None:
        raise ConfigError("crowd_labels: these data have no FER+ votes; choose a file of votes, or 0.")
    if np.bincount(dataset.labels, minlength=N_EMOTIONS).min() < _FOLDS:
        raise ConfigError(
            f"crowd_labels: a class has fewer than {_FOLDS} training images; use more of the data, or choose 0."
        )
    shares = dataset.votes / np.maximum(dataset.votes.sum(axis=1, keepdims=True, dtype=np.int64), 1)
    # Small trees with large leaves. On PublicTest it predicts labels from votes as well as a network does from pixels.
    model = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=100, max_leaf_nodes=15, min_samples_leaf=100, early_stopping=False
    )
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    # Two threads wait for each other in a busy loop, which takes thirty times as long on a busy machine.
    with threadpool_limits(1, user_api="openmp"):
        expected = cross_val_predict(model, shares, dataset.labels, cv=folds, method="predict_proba")
    return np.asarray(expected, np.float32)
