"""The order in which a dataset numbers its classes. Datasets disagree, so a user has to name it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.datasets.readers.names import OTHER_CLASSES, class_in_cell, class_name, class_number
from fer.emotions import EMOTIONS
from fer.errors import DatasetError, shortened

SAMPLES: Final = 6
Samples = dict[int, list[npt.NDArray[np.uint8]]]


@dataclass(frozen=True)
class LabelOrder:
    """The class of each number.

    Attributes:
        key: a preset's key, or the text of a custom order.
        title: for people.
        labels: 0..6, or one of `OTHER_CLASSES`, by number.
    """

    key: str
    title: str
    labels: Mapping[int, int]

    def named(self) -> dict[int, str]:
        """Return the name of the class of each number."""
        return {number: class_name(label) for number, label in sorted(self.labels.items())}


def _order(key: str, title: str, names: str, start: int = 0) -> LabelOrder:
    labels = [(*EMOTIONS, *OTHER_CLASSES).index(name.replace("-", " ")) for name in names.split()]
    return LabelOrder(key, title, dict(enumerate(labels, start)))


PRESETS: Final = {
    order.key: order
    for order in (
        _order("fer2013", "FER-2013", "angry disgust fear happy sad surprise neutral"),
        _order("ferplus", "FER+", "neutral happy surprise sad angry disgust fear contempt"),
        _order(
            "affectnet",
            "AffectNet",
            "neutral happy sad surprise fear disgust angry contempt uncertain uncertain no-face",
        ),
        _order("rafdb", "RAF-DB", "surprise fear disgust happy sad angry neutral", start=1),
        _order("ckplus", "CK+ (ckextended.csv)", "angry disgust fear happy sad surprise neutral contempt"),
        _order("cohnkanade", "CK+ (folder Emotion)", "neutral angry contempt disgust fear happy sad surprise"),
    )
}
FER2013: Final = PRESETS["fer2013"]


class LabelOrderError(DatasetError):
    """The classes are numbers, and nobody has said in which order.

    Attributes:
        numbers: the numbers that occur.
        samples: up to six faces (48, 48) uint8 of each number, to show to the user.
    """

    def __init__(self, name: str, samples: Samples) -> None:
        self.numbers = tuple(sorted(samples))
        self.samples = samples
        numbers = ", ".join(map(str, self.numbers))
        others = ", ".join(key for key in PRESETS if key != "affectnet")
        super().__init__(
            f"{name} has numbers for classes ({shortened(numbers, 40)}), and datasets number them differently; name "
            f'their order by --labels affectnet (or {others}, or "0=neutral,1=happy,..."), or import it on the Data '
            f"page, which shows the faces of each number."
        )


def parse_order(text: str) -> LabelOrder:
    """Return the label order that a text names: a preset's key, or '0=neutral,1=happy,...'.

    Raises:
        DatasetError: it is neither.
    """
    if (key := text.strip().lower()) in PRESETS:
        return PRESETS[key]
    labels: dict[int, int] = {}
    for part in text.split(","):
        number, _, word = part.partition("=")
        place, label = class_number(number), class_in_cell(word)
        if place is None or label is None or place in labels:
            raise DatasetError(
                f"The label order '{shortened(text)}' can't be read at '{shortened(part.strip(), 30)}'; give one of "
                f'{", ".join(PRESETS)}, or each number once, such as "0=neutral,1=happy".'
            )
        labels[place] = label
    return LabelOrder(text.strip(), "Custom", labels)


def read_label(text: str, order: LabelOrder | None) -> int | None:
    """Return the class of a word or, by an order, of a number: 0..6, one of `OTHER_CLASSES`, or None."""
    label = class_in_cell(text)
    number = class_number(text) if label is None and order is not None else None
    return label if order is None or number is None else order.labels.get(number)


@dataclass
class SampleFaces:
    """Collects a few faces of each number, for the question in which order they are."""

    faces: Samples = field(default_factory=dict)

    def wants(self, number: int) -> bool:
        """Return whether a face of this number is still needed."""
        return len(self.faces.setdefault(number, [])) < SAMPLES

    def add(self, number: int, image: npt.NDArray[np.uint8]) -> None:
        """Keep a face (48, 48) uint8."""
        self.faces.setdefault(number, []).append(image)
