"""Fit a network by a run's settings: data in, the best epoch's weights and the curves out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from fer.datasets.faces import FaceDataset
from fer.datasets.store.loading import load_dataset
from fer.errors import DatasetError
from fer.recognition.bundle import load_bundle
from fer.runs.config import TrainConfig
from fer.training.batches import no_face
from fer.training.networks import LOGITS, VOTES, build_network

_VALIDATION_BATCH: Final = 256
_STATISTICS_BATCH: Final = 128


@dataclass(frozen=True)
class Parts:
    """The data of a run: what is trained on, what chooses the epoch, and what calibrates (or None)."""

    train: FaceDataset
    validation: FaceDataset
    calibration: FaceDataset | None

    def digest(self) -> str:
        """Sixteen hexadecimal digits over what is trained and judged on: images, labels and votes in their order.

        In their order, unlike `FaceDataset.fingerprint`, because batches follow from the images' places.
        """
        digest = hashlib.sha256()
        for part in (self.train, self.validation):
            for array in (part.images, part.labels, part.votes):
                digest.update(b"none" if array is None else np.ascontiguousarray(array).data)
        return digest.hexdigest()[:16]


def load_data(config: TrainConfig) -> FaceDataset:
    """The data set that a run's settings name, all splits of it.

    Raises:
        DatasetError: it is gone, or no FER-2013 in a known layout.
    """
    votes = Path(config.votes) if config.votes else None
    return load_dataset(config.data, votes=votes, corrections=config.corrections)


def needed_models(config: TrainConfig) -> tuple[str, ...]:
    """The bundles that a run needs whenever it goes on: its teachers, and the starts that it averages with."""
    return (*config.teacher, *(config.start_from if config.start_share else ()))


def models_digest(config: TrainConfig) -> str:
    """The hashes of `needed_models`, one after the other, with a blank between.

    Raises:
        BundleError: one of them is gone or damaged.
    """
    return " ".join(load_bundle(folder).hash for folder in needed_models(config))


def split_parts(dataset: FaceDataset, config: TrainConfig) -> Parts:
    """Divide a data set as the settings say; the test split is never touched.

    Images that the FER+ crowd calls no face are left out of the part that is trained on.

    Raises:
        DatasetError: there is no training or validation split, or too few images for it.
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
    """Whether the run trains the second head, on the FER+ votes."""
    return parts.train.votes is not None and config.votes_weight > 0


def compiled_network(config: TrainConfig, parts: Parts, steps: int) -> keras.Model:
    """The network of a run, compiled, with new weights.

    Args:
        config: the run's settings.
        parts: its data; only whether there are votes matters here.
        steps: batches of an epoch, from which the schedule and the averaging follow.
    """
    keras.utils.set_random_seed(config.seed)
    if config.deterministic and keras.config.backend() == "tensorflow":
        import tensorflow as tf  # reached under the TensorFlow backend only

        tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy("mixed_bfloat16" if precision(config) == "bfloat16" else "float32")
    votes = has_votes(parts, config)
    network = build_network(config.network, dropout=config.dropout, votes_head=votes, fused=True)
    loss = {LOGITS: keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)}
    weights = {LOGITS: 1.0}
    if votes:
        loss[VOTES] = keras.losses.CategoricalCrossentropy(from_logits=True)
        weights[VOTES] = config.votes_weight
    network.compile(
        optimizer=_optimizer(config, steps),
        loss=loss,
        loss_weights=weights,
        metrics={LOGITS: ["accuracy"]},
        # On the processor XLA doubles a step's time; elsewhere Keras chooses.
        jit_compile=False if keras.config.backend() == "tensorflow" else "auto",
    )
    return network


def precision(config: TrainConfig) -> str:
    """'bfloat16' or 'float32': what the settings ask for, or what this machine computes in natively."""
    if config.precision != "auto":
        return config.precision
    if keras.distribution.list_devices("gpu"):
        return "bfloat16"
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "float32"
    return "bfloat16" if "avx512_bf16" in flags or "amx_bf16" in flags else "float32"


def _optimizer(config: TrainConfig, steps: int) -> keras.optimizers.Optimizer:
    total, warmup = config.epochs * steps, round(config.warmup_epochs * steps)
    rate: Any = config.learning_rate
    if config.schedule == "cosine" or warmup:
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=config.learning_rate / 100 if warmup else config.learning_rate,
            decay_steps=max(1, total - warmup),
            alpha=0.0 if config.schedule == "cosine" else 1.0,
            warmup_target=config.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    horizon = min(config.weight_averaging, total // 10)
    shared = {
        "learning_rate": rate,
        "weight_decay": config.weight_decay,
        "use_ema": horizon > 1,
        "ema_momentum": 1 - 1 / max(horizon, 2),
    }
    if config.optimizer == "adamw":
        optimizer: keras.optimizers.Optimizer = keras.optimizers.AdamW(**shared)
    else:
        optimizer = keras.optimizers.SGD(momentum=0.9, nesterov=True, **shared)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimizer


@dataclass(frozen=True)
class Validation:
    """One pass over the validation split.

    Attributes:
        loss: cross-entropy, without smoothing.
        accuracy: 0..1.
        recalls: (7,) float64, accuracy by class; NaN where the split has no image of it.
        confusion: (7, 7) int64, rows true, columns given.
    """

    loss: float
    accuracy: float
    recalls: npt.NDArray[np.float64]
    confusion: npt.NDArray[np.int64]


def validate(network: keras.Model, dataset: FaceDataset) -> Validation:
    """Judge a network on a split, from one crop a face."""
    outputs = network.predict(dataset.images[..., None], batch_size=_VALIDATION_BATCH, verbose=0)
    logits = np.asarray(outputs[LOGITS], np.float64)
    log_total = np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1)) + logits.max(1)
    confusion = np.zeros((logits.shape[1],) * 2, np.int64)
    np.add.at(confusion, (dataset.labels, logits.argmax(1)), 1)
    with np.errstate(invalid="ignore"):
        recalls = confusion.diagonal() / confusion.sum(1)
    return Validation(
        loss=float((log_total - logits[np.arange(len(logits)), dataset.labels]).mean()),
        accuracy=float(confusion.trace() / confusion.sum()),
        recalls=recalls,
        confusion=confusion,
    )


def plain_batches(dataset: FaceDataset, n_images: int | None = None) -> list[npt.NDArray[np.uint8]]:
    """Images as they will be served, for batch normalisation's statistics: all, or a fixed choice of `n_images`.

    Training images are turned, covered and mixed, and their statistics are not those of a face that is asked about
    (Touvron et al., 'Fixing the train-test resolution discrepancy', 2019, say so of size).

    Returns:
        Arrays of (B, 48, 48, 1) uint8, B up to 128.
    """
    rows = np.random.default_rng(0).permutation(len(dataset))[:n_images]
    # Of one size, for each weighs the same: a last one of a single face would weigh as much as all the others.
    return [
        dataset.images[np.sort(some), ..., None] for some in np.array_split(rows, -(-len(rows) // _STATISTICS_BATCH))
    ]


def recompute_statistics(network: keras.Model, batches: list[npt.NDArray[np.uint8]]) -> None:
    """Set the moving mean and variance of batch normalisation to their plain average over `batches`.

    Averaged weights do not go with the statistics of the last weights (Izmailov et al., 'Averaging weights', 2018), and
    what is served does not go with those of augmented images.
    """
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for seen, images in enumerate(batches):
        for norm in norms:
            norm.momentum = seen / (seen + 1)
        network(images, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def judge(
    network: keras.Model,
    validation: FaceDataset,
    statistics: list[npt.NDArray[np.uint8]],
    start: Sequence[npt.NDArray[np.float32]] = (),
    start_share: float = 0.0,
) -> tuple[Validation, list[npt.NDArray[np.float32]]]:
    """Judge what would be kept after an epoch: the average of the weights where they are averaged, else the weights.

    With `start` it is the weighted average of that and the weights that a fine-tuning started from, which generalises
    better than either (Wortsman et al., 'Robust fine-tuning of zero-shot models', 2022). The network itself is left as
    it was, ready to train on.

    Args:
        network: compiled by `compiled_network`.
        validation: what it is judged on.
        statistics: images for batch normalisation, as `plain_batches` gives them.
        start: weights to average with, in `get_weights()`'s order; a head that they lack stays as it is.
        start_share: theirs, 0..1.

    Returns:
        The verdict, and the weights that were judged, in `get_weights()`'s order.
    """
    training = network.get_weights()
    if network.optimizer.use_ema:
        network.optimizer.finalize_variable_values(network.trainable_variables)
    if start_share:
        own = network.get_weights()
        blend = [start_share * then + (1 - start_share) * now for then, now in zip(start, own, strict=False)]
        network.set_weights([*blend, *own[len(blend) :]])
    recompute_statistics(network, statistics)
    result = validate(network, validation)
    judged = network.get_weights()
    network.set_weights(training)
    return result, judged


def load_weights(path: Path) -> list[npt.NDArray[np.float32]]:
    """The weights of a `numpy.savez` of them, in `Model.get_weights()`'s order."""
    with np.load(path) as stored:
        return [stored[name] for name in stored.files]
