"""Compare labels with the FER+ votes: ten people labelled every image."""

from typing import Final

import numpy as np
import numpy.typing as npt

from fer.arrays import Indices
from fer.datasets.faces import VOTE_COLUMNS
from fer.emotions import EMOTIONS

Votes = npt.NDArray[np.uint8]

# The FER+ name of each of EMOTIONS.
CROWD_WORDS: Final = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprise": "surprise",
    "neutral": "neutral",
}
# The column of VOTE_COLUMNS of each of EMOTIONS.
EMOTION_COLUMNS: Final = tuple(VOTE_COLUMNS.index(CROWD_WORDS[emotion]) for emotion in EMOTIONS)
_NO_FACE: Final = VOTE_COLUMNS.index("NF")
# The classes people voted for: the emotions, and contempt, which FER-2013 doesn't have.
_SEEN: Final = (*EMOTION_COLUMNS, VOTE_COLUMNS.index("contempt"))
MAX_OWN_SHARE: Final = 0.1
MIN_OTHER_SHARE: Final = 0.5


def no_face(votes: Votes) -> Indices:
    """Return the images in which more than half of the crowd saw no face; votes (N, 10) by `VOTE_COLUMNS`."""
    return np.flatnonzero(votes[:, _NO_FACE] > 0.5 * votes.sum(axis=1, dtype=np.int64))


def rejected_labels(votes: Votes, labels: npt.NDArray[np.int64]) -> Indices:
    """Return the images whose label at most a tenth of the crowd chose, while more than half agree on another."""
    total = votes.sum(axis=1, dtype=np.int64)
    own = own_votes(votes, labels)
    others = votes[:, _SEEN].astype(np.int64)
    others[np.arange(len(labels)), labels] = 0
    rejected = (own <= MAX_OWN_SHARE * total) & (others.max(axis=1) > MIN_OTHER_SHARE * total)
    return np.flatnonzero(rejected & (total > 0))


def most_votes(votes: Votes) -> npt.NDArray[np.int64]:
    """Return how many people chose the most frequent expression of each image: (N,) int64."""
    return np.asarray(votes[:, _SEEN].max(axis=1), np.int64)


def own_votes(votes: Votes, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return how many people chose the label of each image: (N,) int64."""
    return np.asarray(votes[np.arange(len(labels)), np.array(EMOTION_COLUMNS)[labels]], np.int64)


def describe_votes(votes: Votes) -> str:
    """Return the votes of one image, (10,), in words: 'sadness 7, neutral 2, fear 1'."""
    order = np.argsort(votes.astype(int), kind="stable")[::-1]
    names = {"NF": "no face"}
    parts = [f"{names.get(VOTE_COLUMNS[place], VOTE_COLUMNS[place])} {votes[place]}" for place in order if votes[place]]
    return ", ".join(parts) or "no votes"
