"""Collect faces one by one into a reading."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fer.arrays import SIDE
from fer.datasets.faces import FaceDataset
from fer.datasets.readers.names import CONTEMPT, CONTEMPT_REASON
from fer.datasets.readings import Reading, Rejection
from fer.text import encodable


@dataclass
class Collector:
    """The faces that were read so far. A bytearray grows without a second copy of all pixels."""

    pixels: bytearray = field(default_factory=bytearray)
    labels: list[int] = field(default_factory=list)
    splits: list[int] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    left_out: list[Rejection] = field(default_factory=list)

    def keep(self, image: npt.NDArray[np.uint8], label: int, split: int, where: str, group: str = "") -> None:
        """Keep a face: 2,304 pixels uint8, its class 0..6, split, origin and group."""
        self.pixels += image.tobytes()
        self.labels.append(label)
        self.splits.append(split)
        self.origins.append(encodable(where))
        self.groups.append(encodable(group))

    def reject(self, where: str, reason: str, split: int | None = None) -> None:
        """List a row or file that can't be read."""
        self.rejected.append(Rejection(encodable(where), reason.rstrip("."), split))

    def leave_out(self, where: str, split: int | None = None, reason: str = CONTEMPT_REASON) -> None:
        """List an image that can be read and isn't used; by default because of its class."""
        self.left_out.append(Rejection(encodable(where), reason, split))

    def is_left_out(self, label: int, where: str, split: int | None) -> bool:
        """List a face if its class isn't one of the seven; return whether it was."""
        if label == CONTEMPT:
            self.leave_out(where, split)
        return label == CONTEMPT

    def reading(self, name: str, form: str) -> Reading:
        """Return what was collected."""
        dataset = FaceDataset(
            name=encodable(name),
            images=np.frombuffer(self.pixels, np.uint8).reshape(-1, SIDE, SIDE),
            labels=np.array(self.labels, np.int64),
            splits=np.array(self.splits, np.uint8),
        )
        groups = tuple(self.groups) if any(self.groups) else ()
        return Reading(dataset, tuple(self.origins), tuple(self.rejected), tuple(self.left_out), groups, form=form)
