"""What a user says of a source, because the source itself doesn't."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from fer.datasets.readers.folders import FaceReader
from fer.datasets.readers.orders import LabelOrder, parse_order
from fer.datasets.readers.photos import PhotoCropper


@dataclass(frozen=True)
class ReadOptions:
    """How a source is read.

    Attributes:
        votes: a FER+ file to join; None takes `fer2013new.csv` next to the CSV, if there is one and the CSV has a
            `Usage`.
        order: the class of each number, if classes are numbers.
        photos: whether the images are whole photos, from which faces are cut.
    """

    votes: Path | None = None
    order: LabelOrder | None = None
    photos: bool = False

    @classmethod
    def of(cls, votes: Path | None = None, labels: str | None = None, photos: bool = False) -> Self:
        """Return the options that a user types; `labels` names the label order.

        Raises:
            DatasetError: `labels` is no label order.
        """
        return cls(votes, parse_order(labels) if labels else None, photos)

    def ordered(self, order: LabelOrder | None) -> Self:
        """Return the same options with a label order."""
        return replace(self, order=order)

    def face_reader(self) -> FaceReader | None:
        """Return what cuts the face out of an image, or None if images are faces."""
        return PhotoCropper() if self.photos else None
