"""Validate a network on a split, and the weights that an epoch would export."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import keras
import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax
from sklearn.metrics import confusion_matrix

from fer.datasets.faces import FaceDataset
from fer.emotions import N_EMOTIONS
from fer.training.batch_statistics import recompute_statistics
from fer.training.networks import LOGITS

_BATCH: Final = 256

Weights = list[npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Validation:
    """The metrics of a network on the validation split.

    Attributes:
        loss: cross-entropy, without label smoothing.
        accuracy: 0..1.
        recalls: (7,) float64, accuracy per class; NaN if the split has no image of the class.
        confusion: (7, 7) int64. Rows: true class. Columns: predicted class.
        selection_loss: cross-entropy on the validation and held-out images together, which can select an epoch.
    """

    loss: float
    accuracy: float
    recalls: npt.NDArray[np.float64]
    confusion: npt.NDArray[np.int64]
    selection_loss: float


def validate(network: keras.Model, dataset: FaceDataset, held_out: FaceDataset | None = None) -> Validation:
    """Measure a network on a split, with one crop per face.

    Args:
        network: a network of `compiled_network`.
        dataset: the split.
        held_out: images that count in `selection_loss` as well.
    """
    logits, losses = _logits_and_losses(network, dataset)
    selection = losses if held_out is None else np.append(losses, _logits_and_losses(network, held_out)[1])
    confusion = confusion_matrix(dataset.labels, logits.argmax(1), labels=range(N_EMOTIONS))
    with np.errstate(invalid="ignore"):
        recalls = confusion.diagonal() / confusion.sum(1)
    return Validation(
        loss=float(losses.mean()),
        accuracy=float(confusion.trace() / confusion.sum()),
        recalls=recalls,
        confusion=confusion,
        selection_loss=float(selection.mean()),
    )


def _logits_and_losses(
    network: keras.Model, dataset: FaceDataset
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    outputs = network.predict(dataset.images[..., None], batch_size=_BATCH, verbose=0)
    logits = np.asarray(outputs[LOGITS], np.float64)
    return logits, -log_softmax(logits, axis=1)[np.arange(len(logits)), dataset.labels]


def validate_epoch(
    network: keras.Model,
    validation: FaceDataset,
    statistics: list[npt.NDArray[np.uint8]],
    init_weights: Sequence[npt.NDArray[np.float32]] = (),
    init_weight: float = 0.0,
    held_out: FaceDataset | None = None,
) -> tuple[Validation, Weights]:
    """Validate the weights that would be exported after this epoch, and return them. The network itself is unchanged.

    The exported weights are the moving average where weight averaging is on, else the current ones. With
    `init_weight` they are averaged with the weights that the fine-tuning started from, which generalizes better than
    either (Wortsman et al., 'Robust fine-tuning of zero-shot models', 2022).

    Args:
        network: a network of `compiled_network`.
        validation: the split to validate on.
        statistics: images of `unaugmented_batches`, for the batch-norm statistics.
        init_weights: the initial weights, in the order of `get_weights()`. A head that they lack isn't averaged.
        init_weight: how much the initial weights count in the average, 0..1.
        held_out: images that count in `selection_loss` as well.

    Returns:
        The metrics, and the validated weights in the order of `get_weights()`.
    """
    training = network.get_weights()
    if network.optimizer.use_ema:
        network.optimizer.finalize_variable_values(network.trainable_variables)
    if init_weight:
        own = network.get_weights()
        blend = [init_weight * then + (1 - init_weight) * now for then, now in zip(init_weights, own, strict=False)]
        network.set_weights([*blend, *own[len(blend) :]])
    recompute_statistics(network, statistics)
    result = validate(network, validation, held_out)
    validated = network.get_weights()
    network.set_weights(training)
    return result, validated
