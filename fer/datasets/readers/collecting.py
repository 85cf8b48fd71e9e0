"""Collect labelled faces one by one into a reading, by rules that all forms share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.arrays import SIDE
from fer.datasets.faces import SPLITS, FaceDataset
from fer.datasets.readers.names import NOT_OF_THE_SEVEN, class_name, class_number
from fer.datasets.readers.orders import FER2013, LabelOrder, LabelOrderError, SampleFaces, read_label
from fer.datasets.readers.photos import FaceCountError
from fer.datasets.readers.split_names import split_named
from fer.datasets.readings import MAX_REJECTED, Reading, Rejection
from fer.emotions import N_EMOTIONS
from fer.errors import DatasetError, FerError, ImageError, sentence_for
from fer.text import encodable, printable

TRAIN: Final = SPLITS.index("train")


class RowError(FerError):
    """A row can't be read; the message is the reason."""


@dataclass(frozen=True)
class Row:
    """What a row of a table, or the path of a file, says of one face.

    Attributes:
        where: such as 'line 12' or 'train/happy/a.png'.
        label: the word or number of its class.
        split: an index into `SPLITS`, or None if it isn't known.
        face: reads the face, (48, 48) or (2304,) uint8; called only if the face is needed.
        group: the person or session, or ''.
        problem: why the row can't be read, or ''.
        unusable: why the row can be read and isn't used, or ''.
    """

    where: str
    label: str
    split: int | None
    face: Callable[[], npt.NDArray[np.uint8]]
    group: str = ""
    problem: str = ""
    unusable: str = ""


@dataclass
class Collector:
    """The faces that were read so far.

    Attributes:
        name: of the file or folder, for messages.
        order: the class of each number, if classes are numbers and the order is known.
        split: the split that the name of the file or of its folder gives, or None.
        default: the split where nothing else gives one.
    """

    name: str
    order: LabelOrder | None = None
    split: int | None = None
    default: int = TRAIN
    # A bytearray grows without a second copy of all pixels.
    pixels: bytearray = field(default_factory=bytearray)
    labels: list[int] = field(default_factory=list)
    splits: list[int] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    left_out: list[Rejection] = field(default_factory=list)
    samples: SampleFaces = field(default_factory=SampleFaces)

    def add(self, row: Row) -> bool:
        """Read a row, and return whether its face was kept; else it is listed, or its face is a sample of its number.

        Raises:
            DatasetError: the archive that holds the image goes beyond its limits.
        """
        try:
            label = self._label(row)
            if row.unusable or (label is not None and label >= N_EMOTIONS):
                self._leave_out(row, row.unusable or f"{class_name(label or 0)} {NOT_OF_THE_SEVEN}")
            elif label is None:
                self._sample(row)
            else:
                self._keep(row, row.face(), label)
                return True
        except FaceCountError as error:
            self._leave_out(row, str(error))
        except Exception as error:  # one of many: the others continue
            if isinstance(error, FerError) and not isinstance(error, (ImageError, RowError)):
                raise  # the archive as a whole, or the detector
            reason = printable(sentence_for(error).rstrip("."))
            self._reject(Rejection(encodable(row.where), reason, row.split))
        return False

    def split_in(self, text: str | None, where: str) -> int | None:
        """Return the split that a row's cell names, or if there is no such column, the file's, or the default.

        Raises:
            DatasetError: the cell contradicts the file's name.
        """
        if text is None:
            return self.default if self.split is None else self.split
        found = split_named(text)
        if None not in (found, self.split) and found != self.split:
            raise DatasetError(
                f"{self.name} contradicts itself: its name says {SPLITS[self.split or 0]}, and {where} says "
                f"'{text[:20]}'; rename the file, or correct the column."
            )
        return found

    def reading(self, form: str) -> Reading:
        """Return what was collected.

        Raises:
            LabelOrderError: classes are numbers, and the order isn't known.
        """
        if self.samples.faces:
            raise LabelOrderError(self.name, self.samples.faces)
        dataset = FaceDataset(
            name=encodable(self.name),
            images=np.frombuffer(self.pixels, np.uint8).reshape(-1, SIDE, SIDE),
            labels=np.array(self.labels, np.int64),
            splits=np.array(self.splits, np.uint8),
        )
        groups = tuple(self.groups) if any(self.groups) else ()
        return Reading(dataset, tuple(self.origins), tuple(self.rejected), tuple(self.left_out), groups, form=form)

    def _label(self, row: Row) -> int | None:
        """Return the class of a row, or None if it is a number whose meaning isn't known."""
        label = read_label(row.label, self.order)
        if row.problem:
            raise RowError(row.problem)
        if label is None and not row.unusable and (self.order is not None or class_number(row.label) is None):
            hint = "; try --labels ckplus" if row.label == "7" and self.order is FER2013 else ""
            raise RowError(f"label '{row.label[:20]}' is not the name or number of a class{hint}")
        if row.split is None:
            raise RowError("it names no split of train, validation and test")
        return label

    def _sample(self, row: Row) -> None:
        number = class_number(row.label)
        if number is not None and self.samples.wants(number):
            self.samples.add(number, row.face().reshape(SIDE, SIDE))

    def _keep(self, row: Row, image: npt.NDArray[np.uint8], label: int) -> None:
        self.pixels += image.tobytes()
        self.labels.append(label)
        self.splits.append(self.default if row.split is None else row.split)
        self.origins.append(encodable(row.where))
        # In one line, as a table has it when it is exported.
        self.groups.append(encodable(" ".join(row.group.replace("\0", " ").split())))

    def _reject(self, rejection: Rejection) -> None:
        self.rejected.append(rejection)
        if len(self.rejected) > MAX_REJECTED:
            first = self.rejected[0]
            raise DatasetError(
                f"{self.name}: more than {MAX_REJECTED:,} images can't be read; the first is {first.where}: "
                f"{first.reason}."
            )

    def _leave_out(self, row: Row, reason: str) -> None:
        self.left_out.append(Rejection(encodable(row.where), reason.rstrip("."), row.split))


def split_problem(text: str) -> str:
    """Return the reason to reject a row whose split is none."""
    return f"split '{text[:20]}' is not train, validation or test"
