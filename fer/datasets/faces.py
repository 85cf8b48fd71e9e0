"""`FaceDataset`: labelled 48 x 48 faces in memory."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from fer.arrays import SIDE
from fer.emotions import N_EMOTIONS
from fer.errors import DatasetError

SPLITS: Final = ("train", "validation", "test")
# The columns of a FER+ file, in its order; NF means that a person saw no face.
VOTE_COLUMNS: Final = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)


@dataclass(frozen=True, eq=False)
class FaceDataset:
    """Labelled grey faces.

    Attributes:
        name: for people, such as 'fer2013.csv'.
        images: (N, 48, 48) uint8.
        labels: (N,) int64 in 0..6, the order of `EMOTIONS`.
        splits: (N,) uint8, an index into `SPLITS`.
        votes: (N, 10) uint8, the FER+ votes by `VOTE_COLUMNS`, or None.
        synthetic: True for synthetic faces; results on them say nothing about real faces.
        doubted: (N,) bool, whether something about a face's photo speaks against any answer, see
            `fer.vision.quality.Objections`; None if the faces come without their photos.

    Raises:
        ValueError: a shape, dtype or range doesn't fit.
    """

    name: str
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    splits: npt.NDArray[np.uint8]
    votes: npt.NDArray[np.uint8] | None = None
    synthetic: bool = False
    doubted: npt.NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        n_samples = len(self.images)
        if self.images.shape != (n_samples, SIDE, SIDE) or self.images.dtype != np.uint8:
            raise ValueError(
                f"images: expected uint8 (N, {SIDE}, {SIDE}). Received: {self.images.dtype} {self.images.shape}"
            )
        if self.labels.shape != (n_samples,) or self.splits.shape != (n_samples,):
            raise ValueError(
                f"labels, splits: expected ({n_samples},). Received: {self.labels.shape}, {self.splits.shape}"
            )
        if n_samples and not (self.labels.min() >= 0 and self.labels.max() < N_EMOTIONS):
            raise ValueError(
                f"labels: expected 0..{N_EMOTIONS - 1}. Received: {self.labels.min()}..{self.labels.max()}"
            )
        if n_samples and self.splits.max() >= len(SPLITS):
            raise ValueError(f"splits: expected 0..{len(SPLITS) - 1}. Received: {self.splits.max()}")
        if self.votes is not None and self.votes.shape != (n_samples, len(VOTE_COLUMNS)):
            raise ValueError(f"votes: expected ({n_samples}, {len(VOTE_COLUMNS)}). Received: {self.votes.shape}")
        if self.doubted is not None and self.doubted.shape != (n_samples,):
            raise ValueError(f"doubted: expected ({n_samples},). Received: {self.doubted.shape}")

    def __len__(self) -> int:
        return len(self.images)

    def split_names(self) -> tuple[str, ...]:
        """Return the splits that have images, in the order of `SPLITS`."""
        return tuple(name for index, name in enumerate(SPLITS) if np.any(self.splits == index))

    def split(self, name: str) -> Self:
        """Return the images of one split.

        Raises:
            DatasetError: there is no image in that split.
        """
        if name not in self.split_names():
            have = ", ".join(self.split_names()) or "none"
            raise DatasetError(f"{self.name} has no split '{name}'; choose one of: {have}.")
        return self.take(np.flatnonzero(self.splits == SPLITS.index(name)))

    def take(self, indices: npt.NDArray[np.int64]) -> Self:
        """Return the images at `indices`, (M,) int64, in that order."""
        return replace(
            self,
            images=self.images[indices],
            labels=self.labels[indices],
            splits=self.splits[indices],
            votes=None if self.votes is None else self.votes[indices],
            doubted=None if self.doubted is None else self.doubted[indices],
        )

    def counts(self) -> npt.NDArray[np.int64]:
        """Return the number of images by split and class: (3, 7) int64, in the order of `SPLITS` and `EMOTIONS`."""
        counts = np.zeros((len(SPLITS), N_EMOTIONS), np.int64)
        np.add.at(counts, (self.splits, self.labels), 1)
        return counts

    @cached_property
    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that are the same for the same images and labels, whatever file they came from.

        The SHA-256 of the sorted digests of (pixels, label): order, splits and file format don't matter.
        """
        digests = sorted(
            hashlib.sha256(image.tobytes() + bytes([int(label)])).digest()
            for image, label in zip(self.images, self.labels, strict=True)
        )
        return hashlib.sha256(b"".join(digests)).hexdigest()[:16]
