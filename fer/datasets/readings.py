"""What a reader returns: the faces it could read, where each came from, and what it rejected."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, Self

import numpy as np
import numpy.typing as npt

from fer.datasets.faces import FaceDataset
from fer.emotions import EMOTIONS
from fer.errors import DatasetError
from fer.text import counted

MAX_REJECTED_SHARE: Final = 0.1
# 1.2 GB of pixels; FER-2013 has 35,887 images, and AffectNet 291,651 with one of its eight classes.
MAX_IMAGES: Final = 500_000
# However many follow, they are more than a tenth.
MAX_REJECTED: Final = int(MAX_REJECTED_SHARE * MAX_IMAGES)


class Progress(Protocol):
    """A callback that is told how far a long job is. To cancel the job, it raises an exception."""

    def __call__(self, share: float, text: str) -> None:
        """Report progress.

        Args:
            share: the share that is done, 0 to 1.
            text: what is being done.
        """


def silent(share: float, text: str) -> None:
    """Ignore progress."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row or file that was not imported.

    Attributes:
        where: such as 'line 12' or 'train/happy/a.png'.
        reason: why, without a full stop.
        split: an index into `SPLITS`, or None if it isn't known.
    """

    where: str
    reason: str
    split: int | None = None


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read from a source.

    Attributes:
        dataset: the faces that were kept.
        origins: where each face came from, in their order: 'line 2' or 'train/happy/a.png'.
        rejected: what couldn't be read.
        left_out: images that can be read and aren't used: of a class that this product doesn't have, or without a face.
        groups: the person or session of each face, or () if they aren't known.
        notes: what a user should know about the reading, a sentence each.
        form: what the source was recognised as, such as 'CSV' or 'image folders'.

    Raises:
        ValueError: there isn't one origin per face.
    """

    dataset: FaceDataset
    origins: tuple[str, ...]
    rejected: tuple[Rejection, ...] = ()
    left_out: tuple[Rejection, ...] = ()
    groups: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    form: str = ""

    def __post_init__(self) -> None:
        if len(self.origins) != len(self.dataset):
            raise ValueError(f"origins: expected {len(self.dataset)}. Received: {len(self.origins)}")
        if self.groups and len(self.groups) != len(self.dataset):
            raise ValueError(f"groups: expected {len(self.dataset)}. Received: {len(self.groups)}")

    @property
    def n_read(self) -> int:
        """Return the number of rows or files that were read: kept, rejected and left out."""
        return len(self.dataset) + len(self.rejected) + len(self.left_out)

    def take(self, indices: npt.NDArray[np.int64]) -> Self:
        """Return the faces at `indices`, (M,) int64, in that order; the rejections stay."""
        origins = tuple(self.origins[index] for index in indices)
        groups = tuple(self.groups[index] for index in indices) if self.groups else ()
        return replace(self, dataset=self.dataset.take(indices), origins=origins, groups=groups)

    def renamed(self, name: str) -> Self:
        """Return the same reading with the dataset called `name`."""
        return replace(self, dataset=replace(self.dataset, name=name))


def concatenated(readings: Sequence[Reading], name: str, form: str) -> Reading:
    """Return several readings as one; each origin and rejection is preceded by the name of its reading."""
    datasets = [reading.dataset for reading in readings]

    def placed(reading: Reading, items: tuple[Rejection, ...]) -> list[Rejection]:
        return [replace(item, where=f"{reading.dataset.name}, {item.where}") for item in items]

    return Reading(
        FaceDataset(
            name=name,
            images=np.concatenate([dataset.images for dataset in datasets]),
            labels=np.concatenate([dataset.labels for dataset in datasets]),
            splits=np.concatenate([dataset.splits for dataset in datasets]),
        ),
        tuple(f"{reading.dataset.name}, {origin}" for reading in readings for origin in reading.origins),
        tuple(item for reading in readings for item in placed(reading, reading.rejected)),
        tuple(item for reading in readings for item in placed(reading, reading.left_out)),
        tuple(group for reading in readings for group in reading.groups or ("",) * len(reading.dataset))
        if any(reading.groups for reading in readings)
        else (),
        form=form,
    )


def require_usable(reading: Reading) -> None:
    """Refuse a reading of which too much was rejected.

    Raises:
        DatasetError: nothing was kept, or more than a tenth was rejected.
    """
    n_rejected, n_read, name = len(reading.rejected), reading.n_read, reading.dataset.name
    if n_rejected > MAX_REJECTED_SHARE * n_read:
        first = reading.rejected[0]
        raise DatasetError(
            f"{name}: {n_rejected:,} of {n_read:,} images can't be read, more than a tenth; "
            f"the first is {first.where}: {first.reason}."
        )
    if not len(reading.dataset) and reading.left_out:
        first = reading.left_out[0]
        raise DatasetError(
            f"{name}: none of its {counted(len(reading.left_out), 'image')} can be used; the first is {first.where}: "
            f"{first.reason}."
        )
    if not len(reading.dataset):
        raise DatasetError(f"{name} holds no image of the seven classes; docs/data.md lists the forms that are read.")


def missing_classes(dataset: FaceDataset) -> list[str]:
    """Return the names of the classes without any image."""
    return missing_in(dataset.counts())


def missing_in(counts: npt.ArrayLike) -> list[str]:
    """Return the names of the classes without any image, from the counts by split and class, (3, 7)."""
    return [name for name, count in zip(EMOTIONS, np.sum(counts, axis=0), strict=True) if count == 0]


def require_all_classes(dataset: FaceDataset) -> None:
    """Refuse a dataset for training in which a class has no image.

    Raises:
        DatasetError: naming the classes that are missing.
    """
    if missing := missing_classes(dataset):
        raise DatasetError(
            f"{dataset.name} has no image of {', '.join(missing)}, and training needs all seven classes; it can be "
            f"viewed and evaluated."
        )
