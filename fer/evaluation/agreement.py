"""A model beside the FER+ crowd: does it see what most people see, and is it unsure where they are?"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from fer.datasets.doctor.crowd import EMOTION_COLUMNS
from fer.datasets.faces import VOTE_COLUMNS
from fer.emotions import EMOTIONS
from fer.evaluation.metrics import Predictions

NO_MAJORITY: Final = -1
# Shares of ten votes, halves of a bin between them; a majority of seven classes and three others is 2 of 10 or more.
_EDGES: Final = (0.0, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0)
_BIN_LABELS: Final = ("4 of 10 or fewer", "5 of 10", "6 of 10", "7 of 10", "8 of 10", "9 of 10", "all")
_MIN_FOR_CORRELATION: Final = 3


@dataclass(frozen=True, eq=False)
class Crowd:
    """What the crowd says of N faces.

    Attributes:
        majority: (N,) int64, the class with the most votes, an index into `EMOTIONS`; -1 where two share the first
            place, or where most voted for contempt, 'unknown' or 'no face'.
        certainty: (N,) float64, share of all votes that the first place has, 0..1.
    """

    majority: npt.NDArray[np.int64]
    certainty: npt.NDArray[np.float64]


def crowd_majority(votes: npt.NDArray[np.uint8]) -> Crowd:
    """The crowd's majority for votes (N, 10) in the order of `VOTE_COLUMNS`."""
    counts = votes.astype(np.int64)
    most = counts.max(1, initial=0)
    alone = (counts == most[:, None]).sum(1) == 1
    emotion_of = np.full(len(VOTE_COLUMNS), NO_MAJORITY)
    emotion_of[list(EMOTION_COLUMNS)] = np.arange(len(EMOTIONS))
    majority = np.where(alone & (most > 0), emotion_of[counts.argmax(1)], NO_MAJORITY)
    return Crowd(majority, most / np.maximum(counts.sum(1), 1))


@dataclass(frozen=True)
class CertaintyBin:
    """Faces on which the crowd is about equally certain.

    Attributes:
        label: the certainty in words.
        n: faces.
        accuracy: share of them that the model sees as the crowd does.
        confidence: the model's mean confidence, 0..1.
    """

    label: str
    n: int
    accuracy: float
    confidence: float


@dataclass(frozen=True)
class Agreement:
    """A model and the crowd, over the faces with a clear majority for one of the seven.

    Attributes:
        n: those faces; `n_left_out` the others.
        n_left_out: faces without such a majority.
        accuracy: share that the model sees as the crowd does.
        label_accuracy: share of the same faces that the model sees as the data set's labels say.
        labels_agree: share of the same faces on which labels and crowd agree: the `accuracy` of a model that answers as
            the labels say, and the `label_accuracy` of one that answers as the crowd does.
        correlation: Spearman's rank correlation of the model's confidence with the crowd's certainty, -1..1; None
            where one of them does not vary.
        bins: by the crowd's certainty, least first, the empty ones left out.
    """

    n: int
    n_left_out: int
    accuracy: float
    label_accuracy: float
    labels_agree: float
    correlation: float | None
    bins: tuple[CertaintyBin, ...]


def agreement(predictions: Predictions, votes: npt.NDArray[np.uint8]) -> Agreement | None:
    """Compare a model's predictions with the crowd's votes for the same faces, (N, 10).

    Returns:
        None where no face has a clear majority for one of the seven classes.
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
    result: Any = spearmanr(first, second)
    return float(result.statistic)
