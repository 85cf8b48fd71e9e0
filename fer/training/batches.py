"""Training batches: shuffled, augmented and mixed by (seed, epoch, batch) alone, so that a run is reproducible."""

import keras
import numpy as np
import numpy.typing as npt

from fer.arrays import Floats
from fer.datasets.faces import VOTE_COLUMNS, FaceDataset
from fer.emotions import N_EMOTIONS
from fer.runs.config import TrainConfig
from fer.training.augment import Augmenter
from fer.training.crowd_labels import expected_labels
from fer.training.networks import LOGITS, N_VOTE_CLASSES, VOTES

# Columns of the FER+ votes in the order of the second head: the seven classes, then contempt.
_VOTE_ORDER = [
    VOTE_COLUMNS.index(name)
    for name in ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral", "contempt")
]


class TrainingBatches(keras.utils.PyDataset):
    """Augmented batches of a dataset's images, for `Model.fit`.

    An item has images (B, 48, 48, 1) uint8, targets {'logits': (B, 7) float32, 'votes': (B, 8) float32 if wanted},
    and sample weights with the same keys, (B,) float32. A face with no votes for an expression has weight 0 in 'votes'.
    A last, smaller batch is dropped, unless it is the only one.

    Args:
        dataset: the training images.
        config: the run's settings.
        votes: whether the second head learns the FER+ votes.
        targets: (N, 7) float32, the teachers' predictions; `config.teacher_share` of each label is replaced by them.

    Attributes:
        steps: batches per epoch.
    """

    def __init__(
        self,
        dataset: FaceDataset,
        config: TrainConfig,
        *,
        votes: bool,
        targets: Floats | None = None,
    ) -> None:
        # One thread is enough: OpenCV releases the interpreter lock, and two threads would compete for it.
        super().__init__(workers=1)
        self._images = dataset.images
        self._labels = dataset.labels
        self._targets = np.eye(N_EMOTIONS, dtype=np.float32)[dataset.labels]
        if config.crowd_labels:
            share = np.float32(config.crowd_labels)
            self._targets = (1 - share) * self._targets + share * expected_labels(dataset)
        if targets is not None:
            share = np.float32(config.teacher_share)
            self._targets = (1 - share) * self._targets + share * targets
        self._votes = vote_distributions(dataset) if votes else None
        self._class_weights = class_weights(dataset.labels, config.class_weights)
        self._augment = Augmenter.from_config(config)
        self._config = config
        self._epoch = 1
        self._first = 0
        self.steps = max(1, len(self._images) // config.batch_size)

    def __len__(self) -> int:
        return self.steps - self._first

    def begin_epoch(self, epoch: int, first_batch: int = 0) -> None:
        """Select an epoch, counted from 1, and skip its first batches, which were done before an interruption.

        Keras asks for the length once per call of `fit`, so an epoch that starts later needs a call of its own.
        """
        self._epoch, self._first = epoch, first_batch

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.uint8], dict[str, Floats], dict[str, Floats]]:
        index += self._first
        size, seed, epoch = self._config.batch_size, self._config.seed, self._epoch
        order = np.random.default_rng((seed, epoch)).permutation(len(self._images))
        rows = order[index * size : (index + 1) * size]
        rng = np.random.default_rng((seed, epoch, index))
        images = self._augment(self._images[rows], rng)
        targets = {LOGITS: self._targets[rows]}
        weights = {LOGITS: self._class_weights[self._labels[rows]]}
        if self._votes is not None:
            targets[VOTES] = self._votes[rows]
            weights[VOTES] = targets[VOTES].sum(axis=1)
        if self._config.mixup:
            images, targets, weights = _mix(images, targets, weights, self._config.mixup, rng)
        return images[..., None], targets, weights


def vote_distributions(dataset: FaceDataset) -> Floats:
    """Return the FER+ votes as distributions over the seven classes and contempt.

    Returns:
        (N, 8) float32; a row sums to 1, or is all 0 if nobody voted for one of these.
    """
    if dataset.votes is None:
        return np.zeros((len(dataset), N_VOTE_CLASSES), np.float32)
    votes = dataset.votes[:, _VOTE_ORDER].astype(np.float32)
    distributions: Floats = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    return distributions


def class_weights(labels: npt.NDArray[np.int64], kind: str) -> Floats:
    """Return the class weights of the loss, (7,) float32, with mean 1 over the images.

    'balanced' is the inverse frequency, 'sqrt' its square root, 'none' is 1.
    """
    counts = np.bincount(labels, minlength=N_EMOTIONS).astype(np.float64)
    power = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}[kind]
    raw = np.where(counts > 0, 1 / np.maximum(counts, 1) ** power, 0)
    weights: Floats = (raw * counts.sum() / (raw * counts).sum()).astype(np.float32)
    return weights


def _mix(
    images: npt.NDArray[np.uint8],
    targets: dict[str, Floats],
    weights: dict[str, Floats],
    alpha: float,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.uint8], dict[str, Floats], dict[str, Floats]]:
    """Blend each image, its labels and its weight with another image of the batch (Zhang et al., 'mixup', 2018).

    Labels are blended by the images' weights, so the loss is the weighted sum of the two images' losses.
    """
    share = np.float32(rng.beta(alpha, alpha))
    other = rng.permutation(len(images))
    mixed_targets, mixed_weights = {}, {}
    for name, target in targets.items():
        own, others = share * weights[name], (1 - share) * weights[name][other]
        total = own + others
        # Two faces without votes have weight 0 and no target.
        blended = target * own[:, None] + target[other] * others[:, None]
        mixed_targets[name] = (blended / np.maximum(total, 1e-9)[:, None]).astype(np.float32)
        mixed_weights[name] = total.astype(np.float32)
    mixed: npt.NDArray[np.uint8] = (images * share + images[other] * (1 - share)).astype(np.uint8)
    return mixed, mixed_targets, mixed_weights
