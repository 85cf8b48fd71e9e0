"""The numbers of one video, which its analysis leaves for summaries of many. This needs no pandas."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from fer.emotions import EMOTIONS
from fer.results import LABELS
from fer.storage.schema import Count, Seconds, Share, Text


@dataclass(frozen=True)
class VideoNumbers:
    """The numbers of one video. Time counts once for each face in it.

    Attributes:
        file: the name by which the user knows it.
        n_frames: frames that were analysed.
        n_without_face: those of them in which no face was found.
        seconds: the time with each of `LABELS`.
        probabilities: the mean over the time of each of `EMOTIONS`; empty if no face was seen for a time.
        valence: the mean over the time of FaceReader's valence; None if no face was seen for a time.
        error: None, or why it could not be analysed.
    """

    file: Text
    n_frames: Count = 0
    n_without_face: Count = 0
    seconds: Annotated[tuple[Seconds, ...], Meta(min_length=len(LABELS), max_length=len(LABELS))] = (0.0,) * len(LABELS)
    probabilities: Annotated[tuple[Share, ...], Meta(max_length=len(EMOTIONS))] = ()
    valence: Annotated[float, Meta(ge=-1, le=1)] | None = None
    error: Text | None = None
