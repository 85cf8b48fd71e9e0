"""What a reader returns: the faces it could read, where each came from, and what it rejected."""

from dataclasses import dataclass, replace
from typing import Final, Protocol, Self

import numpy as np
import numpy.typing as npt

from fer.datasets.faces import FaceDataset
from fer.emotions import EMOTIONS
from fer.errors import DatasetError

MAX_REJECTED_SHARE: Final = 0.1
# 2.3 GB of pixels; FER-2013 has 35,887 images.
MAX_IMAGES: Final = 1_000_000


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


@dataclass(frozen=True)
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
        form: what the source was recognised as, such as 'CSV' or 'image folders'.

    Raises:
        ValueError: there isn't one origin per face.
    """

    dataset: FaceDataset
    origins: tuple[str, ...]
    rejected: tuple[Rejection, ...] = ()
    form: str = ""

    def __post_init__(self) -> None:
        if len(self.origins) != len(self.dataset):
            raise ValueError(f"origins: expected {len(self.dataset)}. Received: {len(self.origins)}")

    @property
    def n_read(self) -> int:
        """Return the number of rows or files that were read: kept, rejected and left out."""
        return len(self.dataset) + len(self.rejected)

    def take(self, indices: npt.NDArray[np.int64]) -> Self:
        """Return the faces at `indices`, (M,) int64, in that order; the rejections stay."""
        origins = tuple(self.origins[index] for index in indices)
        return replace(self, dataset=self.dataset.take(indices), origins=origins)

    def renamed(self, name: str) -> Self:
        """Return the same reading with the dataset called `name`."""
        return replace(self, dataset=replace(self.dataset, name=name))


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
    if not n_read:
        raise DatasetError(f"{name} holds no image; see data/README.md for the layouts that are read.")


def require_all_classes(reading: Reading) -> None:
    """Refuse a reading in which an expression has no image at all.

    Raises:
        DatasetError: naming the classes that are missing.
    """
    counts = reading.dataset.counts().sum(axis=0)
    missing = [name for name, count in zip(EMOTIONS, counts, strict=True) if count == 0]
    if missing:
        raise DatasetError(
            f"{reading.dataset.name} has no image of {', '.join(missing)}; a dataset needs all seven classes: "
            f"{', '.join(EMOTIONS)}."
        )
