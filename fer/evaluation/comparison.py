"""Compare two models on the same faces, and test whether the difference is significant."""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fer.evaluation.metrics import Predictions

_SIGNIFICANT: Final = 0.05


@dataclass(frozen=True)
class McNemar:
    """On how many faces one of two models is right, and whether that is more than chance.

    Attributes:
        both_right, only_first, only_second, both_wrong: numbers of faces, which add up to all faces.
        p_value: of McNemar's exact test: the probability that two equally good models differ at least this much.
    """

    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    p_value: float

    @property
    def significant(self) -> bool:
        """Return whether the difference is significant at the 5 % level."""
        return self.p_value < _SIGNIFICANT


def mcnemar(first_right: npt.NDArray[np.bool_], second_right: npt.NDArray[np.bool_]) -> McNemar:
    """Test two models that classified the same N faces.

    Args:
        first_right: (N,) bool, whether the first model is right on each face.
        second_right: the same for the second model.
    """
    from scipy.stats import binomtest  # 24 MB, needed only here

    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    # McNemar (1947): if both are equally good, each is right on half of the faces that only one gets right.
    discordant = only_first + only_second
    return McNemar(
        both_right=int((first_right & second_right).sum()),
        only_first=only_first,
        only_second=only_second,
        both_wrong=int((~first_right & ~second_right).sum()),
        p_value=float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0,
    )


@dataclass(frozen=True, eq=False)
class Comparison(McNemar):
    """How the predictions of two models for the same faces compare.

    Attributes:
        disagree: (M,) int64, rows of the faces with different predictions, the highest summed confidence first.
    """

    disagree: npt.NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values."""
        return {
            "both_right": self.both_right,
            "only_first": self.only_first,
            "only_second": self.only_second,
            "both_wrong": self.both_wrong,
            "disagree": len(self.disagree),
            "mcnemar_p": self.p_value,
        }


def compare(first: Predictions, second: Predictions) -> Comparison:
    """Compare the predictions of two models, face by face.

    Raises:
        ValueError: the predictions are for different faces.
    """
    if not np.array_equal(first.labels, second.labels):
        raise ValueError(f"expected predictions of the same faces. Received: {len(first)} and {len(second)} faces")
    rows = np.flatnonzero(first.predicted != second.predicted)
    order = np.argsort(-(first.confidence[rows] + second.confidence[rows]), kind="stable")
    return Comparison(**asdict(mcnemar(first.correct, second.correct)), disagree=rows[order])
