"""What an image's label would probably be, to judge by the FER+ crowd's votes: a target with less noise than the label.

FER-2013's label is one noisy answer. Which labels images with the same votes have says more of the face, and it speaks
FER-2013's own language, which the votes themselves do not. Learning from what is known in training alone, as soft
targets: Lopez-Paz et al., 'Unifying distillation and privileged information', 2016.
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
    """The distribution of labels among images with votes like an image's own, which is itself left out of the count.

    Args:
        dataset: images with votes, at least five of each class.

    Returns:
        (N, 7) float32; each row sums to 1.

    Raises:
        ConfigError: there are no votes, or a class has fewer than five images.
    """
    if dataset.votes is None:
        raise ConfigError("crowd_labels: these data have no FER+ votes; give the votes' file, or choose 0.")
    if np.bincount(dataset.labels, minlength=N_EMOTIONS).min() < _FOLDS:
        raise ConfigError(
            f"crowd_labels: a class has fewer than {_FOLDS} images to learn from; use more of the data, or choose 0."
        )
    shares = dataset.votes / np.maximum(dataset.votes.sum(axis=1, keepdims=True, dtype=np.int64), 1)
    # Small trees, large leaves: on PublicTest it predicts labels as well from votes alone as a network from the pixels.
    model = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=100, max_leaf_nodes=15, min_samples_leaf=100, early_stopping=False
    )
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    # One thread: two wait for each other by spinning, and beside another busy process take thirty times as long.
    with threadpool_limits(1, user_api="openmp"):
        expected = cross_val_predict(model, shares, dataset.labels, cv=folds, method="predict_proba")
    return np.asarray(expected, np.float32)
