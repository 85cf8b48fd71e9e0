"""Two models on the same faces: where they differ, and whether that is more than chance."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from fer.evaluation.metrics import Predictions


@dataclass(frozen=True, eq=False)
class Comparison:
    """How two models' answers to the same faces go together.

    Attributes:
        both_right, only_first, only_second, both_wrong: faces; they sum to all.
        p_value: of McNemar's exact test: how often two equally good models differ at least as much, by chance.
        disagree: (M,) int64, rows of the faces to which they give different answers, the surest pair first.
    """

    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    p_value: float
    disagree: npt.NDArray[np.int64]

    @property
    def significant(self) -> bool:
        """Whether chance alone would do it less than once in twenty."""
        return self.p_value < 0.05

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain JSON values."""
        return {
            "both_right": self.both_right,
            "only_first": self.only_first,
            "only_second": self.only_second,
            "both_wrong": self.both_wrong,
            "disagree": len(self.disagree),
            "mcnemar_p": self.p_value,
        }


def compare(first: Predictions, second: Predictions) -> Comparison:
    """Compare two models' predictions, row by row.

    Raises:
        ValueError: they are not of the same faces.
    """
    if not np.array_equal(first.labels, second.labels):
        raise ValueError(f"expected predictions of the same faces. Received: {len(first)} and {len(second)} faces")
    only_first = int((first.correct & ~second.correct).sum())
    only_second = int((second.correct & ~first.correct).sum())
    # McNemar (1947): of the faces that one alone has right, each is equally likely to have half.
    discordant = only_first + only_second
    p_value = float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0
    rows = np.flatnonzero(first.predicted != second.predicted)
    order = np.argsort(-(first.confidence[rows] + second.confidence[rows]), kind="stable")
    return Comparison(
        both_right=int((first.correct & second.correct).sum()),
        only_first=only_first,
        only_second=only_second,
        both_wrong=int((~first.correct & ~second.correct).sum()),
        p_value=p_value,
        disagree=rows[order],
    )
