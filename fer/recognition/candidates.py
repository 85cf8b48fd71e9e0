"""Sets of classes that contain the right one with a stated probability, instead of silence where one isn't enough.

Split conformal prediction (Vovk et al., 2005; Angelopoulos and Bates, 'A gentle introduction', 2021) with the score of
the least ambiguous sets (LAC; Sadinle, Lei and Wasserman, 'Least ambiguous set-valued classifiers', 2019): a class is
in the set if its probability reaches a threshold, which is fitted on faces that the network did not learn from.
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from fer.arrays import Probabilities
from fer.emotions import EMOTIONS
from fer.storage.values import is_number, with_fields_of


@dataclass(frozen=True)
class ClassSets:
    """Which classes may be the right one.

    Attributes:
        coverage: share of faces whose set contains the right class, above 0 and below 1.
        least_probability: a class with at least this probability is in the set, 0..1.

    Raises:
        ValueError: a number is out of range.
    """

    coverage: float
    least_probability: float

    def __post_init__(self) -> None:
        for name, low in (("coverage", 0.01), ("least_probability", 0.0)):
            if not is_number(getattr(self, name), low, 1.0 if name == "least_probability" else 0.999):
                raise ValueError(f"{name}: expected a number from {low:g} to 1. Received: {getattr(self, name)!r:.40}")

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Return the sets that `to_dict` described.

        Raises:
            ValueError: a value is missing, of another form or out of range.
        """
        return cls(**with_fields_of(values, cls))

    def to_dict(self) -> dict[str, float]:
        """Return the numbers as plain JSON values."""
        return asdict(self)

    def of(self, probabilities: Probabilities) -> tuple[str, ...]:
        """Return the set of a face with probabilities (7,), most probable first; the first is always in it."""
        order = np.argsort(-probabilities, kind="stable")
        return tuple(
            EMOTIONS[index]
            for place, index in enumerate(order)
            if place == 0 or probabilities[index] >= self.least_probability
        )

    def contains(self, probabilities: Probabilities) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return (N, 7) bool: which classes are in the sets of N faces with probabilities (N, 7)."""
        members = probabilities >= self.least_probability
        members[np.arange(len(members)), probabilities.argmax(1)] = True
        return members
