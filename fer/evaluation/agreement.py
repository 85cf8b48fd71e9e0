"""Compare a model with the FER+ votes: does it predict what most people see, and is it less sure if they disagree?"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fer.datasets.doctor.crowd import EMOTION_COLUMNS
from fer.datasets.faces import VOTE_COLUMNS
from fer.emotions import EMOTIONS
from fer.evaluation.metrics import Predictions

NO_MAJORITY: Final = -1
# FER+ has ten votes per face, so each bin is centred on a number of votes. Four votes or fewer are rare and share one.
_EDGES: Final = (0.0, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0)
_BIN_LABELS: Final = ("4 of 10 or fewer", "5 of 10", "6 of 10", "7 of 10", "8 of 10", "9 of 10", "all")
_MIN_FOR_CORRELATION: Final = 3


@dataclass(frozen=True, eq=False)
class Crowd:
    """The FER+ votes for N faces, summarised.

    Attributes:
        majority: (N,) int64, the class with the most votes as an index into `EMOTIONS`; -1 if there is a tie, or if
            contempt, 'unknown' or 'no face' has the most votes.
        certainty: (N,) float64, the share of all votes that the most voted option has, 0..1.
    """

    majority: npt.NDArray[np.int64]
    certainty: npt.NDArray[np.float64]


def crowd_majority(votes: npt.NDArray[np.uint8]) -> Crowd:
    """Return the most voted classes for votes (N, 10) in the order of `VOTE_COLUMNS`."""
    counts = votes.astype(np.int64)
    most = counts.max(1, initial=0)
    alone = (counts == most[:, None]).sum(1) == 1
    emotion_of = np.full(len(VOTE_COLUMNS), NO_MAJORITY)
    emotion_of[list(EMOTION_COLUMNS)] = np.arange(len(EMOTIONS))
    majority = np.where(alone & (most > 0), emotion_of[counts.argmax(1)], NO_MAJORITY)
    return Crowd(majority, most / np.maximum(counts.sum(1), 1))


@dataclass(frozen=True)
class CertaintyBin:
    """Faces whose most voted class has about the same share of the votes.

    Attributes:
        label: the share in words.
        n: number of faces.
        accuracy: share of them on which the model predicts the most voted class.
        confidence: the model's mean confidence, 0..1.
    """

    label: str
    n: int
    accuracy: float
    confidence: float


@dataclass(frozen=True)
class Agreement:
    """The agreement of a model with the votes, over the faces whose most voted class is one of the seven.

    Attributes:
        n: number of those faces.
        n_left_out: number of the other faces.
        accuracy: share of the n faces on which the model predicts the most voted class.
        label_accuracy: share of the n faces on which the model predicts the label.
        labels_agree: share of the n faces whose label is the most voted class. A model that always predicts the label
            has this `accuracy`; one that always predicts the most voted class has this `label_accuracy`.
        correlation: Spearman's rank correlation of the model's confidence with the share of votes, -1..1; None if one
            of them doesn't vary.
        bins: by share of votes, ascending, without empty bins.
    """

    n: int
    n_left_out: int
    accuracy: float
    label_accuracy: float
    labels_agree: float
    correlation: float | None
    bins: tuple[CertaintyBin, ...]


def agreement(predictions: Predictions, votes: npt.NDArray[np.uint8]) -> Agreement | None:
    """Compare a model's predictions with the FER+ votes for the same faces, (N, 10).

    Returns:
        None if no face has a most voted class among the seven.
    """
    crowd = crowd_majority(votes)
    clear = crowd.majority != NO_MAJORITY
    n = int(clear.sum())
    if not n:
        return None
    predicted, majority, labels = predictions.predicted[clear], crowd.majority[clear], predictions.labels[clear]
    confidence, certainty = predictions.confidence[clear].astype(np.float64), crowd.certainty[clear]
    same = predicted == majority
    which = np.digitize(certainty, _EDGES[1:-1])
    return Agreement(
        n=n,
        n_left_out=len(predictions) - n,
        accuracy=float(same.mean()),
        label_accuracy=float((predicted == labels).mean()),
        labels_agree=float((labels == majority).mean()),
        correlation=_correlation(confidence, certainty),
        bins=tuple(
            CertaintyBin(
                label, int((which == i).sum()), float(same[which == i].mean()), float(confidence[which == i].mean())
            )
            for i, label in enumerate(_BIN_LABELS)
            if (which == i).any()
        ),
    )


def _correlation(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float | None:
    if len(first) < _MIN_FOR_CORRELATION or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    from scipy.stats import spearmanr  # 24 MB, needed only here

    result: Any = spearmanr(first, second)
    return float(result.statistic)
