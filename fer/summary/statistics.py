"""Numbers of many photos: how many show what, with intervals, and how the probabilities are spread."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from fer.emotions import EMOTIONS, NOT_SURE
from fer.results import ImageAnalysis, faces_frame
from fer.summary.comparison import Comparison, compare
from fer.summary.groups import NO_GROUP

EVERYTHING = "all photos"
BELOW_THRESHOLD = "confidence below the threshold"
# Faces of any number of pixels count together.
_PIXELS = re.compile(r"only [0-9]+ pixels wide")


@dataclass(frozen=True)
class Share:
    """A part of a number of faces: its count, its share 0..1, and the share's 95 % interval (Wilson, 1927).

    Without faces, share and interval are NaN.
    """

    count: int
    of: int
    share: float
    low: float
    high: float

    @classmethod
    def part(cls, count: int, of: int) -> "Share":
        """Return the share of `count` in `of`."""
        if not of:
            return cls(0, 0, math.nan, math.nan, math.nan)
        from scipy.stats import binomtest  # 24 MB, which the app leaves to a child process

        interval = binomtest(count, of).proportion_ci(0.95, method="wilson")
        return cls(count, of, count / of, float(interval.low), float(interval.high))


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (n - 1); NaN without a face, or with only one for the deviation."""

    mean: float
    sd: float

    @classmethod
    def over(cls, values: "pd.Series[float]") -> "Spread":
        """Return the spread of a column."""
        return cls(
            float(values.mean()) if len(values) else math.nan, float(values.std()) if len(values) > 1 else math.nan
        )


@dataclass(frozen=True)
class GroupSummary:
    """The numbers of one group of photos, or of all.

    Attributes:
        name: of the group.
        n_photos: photos that were analysed.
        n_without_face: those of them in which no face was found.
        n_faces: faces in all of them.
        expressions: by name of the expression, its share of the faces that the model is sure of.
        not_sure: share of all faces.
        unsure_reasons: by reason, the number of 'not sure' faces that have it, the most frequent first. A face may have
            several.
        probabilities: by name of the expression, the spread of its probability over all faces.
        valence: spread of FaceReader's valence over all faces.
    """

    name: str
    n_photos: int
    n_without_face: int
    n_faces: int
    expressions: Mapping[str, Share]
    not_sure: Share
    unsure_reasons: Mapping[str, int]
    probabilities: Mapping[str, Spread]
    valence: Spread

    @property
    def n_sure(self) -> int:
        """Return the number of faces that the model is sure of."""
        return self.n_faces - self.not_sure.count


@dataclass(frozen=True, eq=False)
class Summary:
    """The numbers of many photos.

    Attributes:
        total: of all photos together.
        groups: of each group, by name; empty if there is no grouping.
        n_failed: files that could not be analysed; no other number counts them.
        comparison: what tests say about the groups; None with fewer than two.
        faces: one row per face, as `faces_frame`, with the column 'group'.
    """

    total: GroupSummary
    groups: tuple[GroupSummary, ...] = ()
    n_failed: int = 0
    comparison: Comparison | None = None
    faces: pd.DataFrame = field(default_factory=pd.DataFrame)


def summarize(analyses: Sequence[ImageAnalysis], groups: Mapping[str, str] | None = None) -> Summary:
    """Return the numbers of many photos.

    Args:
        analyses: of the photos.
        groups: by file, the name of its group; None if there are no groups.
    """
    read = [analysis for analysis in analyses if analysis.error is None]
    faces = faces_frame(read)
    group_of = {analysis.file: (groups or {}).get(analysis.file, NO_GROUP) for analysis in read}
    faces["group"] = [group_of[file] for file in faces["file"]]
    # Files without a group come last.
    names = sorted(set(group_of.values()), key=lambda name: (name == NO_GROUP, name.casefold())) if groups else []
    return Summary(
        _of_group(EVERYTHING, read, faces),
        tuple(
            _of_group(
                name,
                [analysis for analysis in read if group_of[analysis.file] == name],
                faces[faces["group"] == name],
            )
            for name in names
        ),
        n_failed=len(analyses) - len(read),
        comparison=compare(faces[faces["group"] != NO_GROUP]) if groups else None,
        faces=faces,
    )


def _of_group(name: str, analyses: Sequence[ImageAnalysis], faces: pd.DataFrame) -> GroupSummary:
    counts = faces["label"].value_counts()
    n_unsure = int(counts.get(NOT_SURE, 0))
    n_sure = len(faces) - n_unsure
    return GroupSummary(
        name,
        n_photos=len(analyses),
        n_without_face=sum(not analysis.faces for analysis in analyses),
        n_faces=len(faces),
        expressions={emotion: Share.part(int(counts.get(emotion, 0)), n_sure) for emotion in EMOTIONS},
        not_sure=Share.part(n_unsure, len(faces)),
        unsure_reasons=dict(Counter(reason for analysis in analyses for reason in _unsure(analysis)).most_common()),
        probabilities={emotion: Spread.over(faces[emotion].astype(np.float64)) for emotion in EMOTIONS},
        valence=Spread.over(faces["valence"].astype(np.float64)),
    )


def _unsure(analysis: ImageAnalysis) -> Iterator[str]:
    """Yield what speaks against an answer about each face that is 'not sure'."""
    for face in analysis.faces:
        if not face.sure:
            if face.confidence < face.confidence_threshold:
                yield BELOW_THRESHOLD
            yield from (_PIXELS.sub("too small", reason) for reason in face.reasons)
