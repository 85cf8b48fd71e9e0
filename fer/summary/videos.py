"""Numbers of many videos. A video counts once, however long it is: frames of one video depend on each other."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from fer.emotions import EMOTIONS
from fer.results import LABELS
from fer.summary.comparison import StatisticalTest, by_ranks, comparable
from fer.summary.groups import NO_GROUP
from fer.summary.statistics import Spread
from fer.summary.video_numbers import VideoNumbers

EVERYTHING = "all videos"
_VALENCE = "valence"


@dataclass(frozen=True)
class Mean:
    """The mean of a number over videos, the ends of its 95 % interval (Student's t), and the standard deviation.

    NaN stands for what there is not: an interval needs two videos that differ.
    """

    share: float
    low: float
    high: float
    sd: float

    @property
    def spread(self) -> Spread:
        """Return mean and standard deviation."""
        return Spread(self.share, self.sd)

    @classmethod
    def over(cls, values: "pd.Series[float]") -> "Mean":
        """Return the mean of shares or of valences. An interval is clipped to 0..1, so it is one of shares."""
        n, spread = len(values), Spread.over(values)
        mean, sd = spread.mean, spread.sd
        if n < 2 or sd == 0:
            return cls(mean, math.nan, math.nan, sd)
        from scipy.stats import t  # the app leaves it to a child process

        low, high = t.interval(0.95, n - 1, mean, sd / math.sqrt(n))
        return cls(mean, max(0.0, float(low)), min(1.0, float(high)), sd)


@dataclass(frozen=True)
class VideoGroup:
    """The numbers of one group of videos, or of all.

    Attributes:
        name: of the group.
        n_videos: videos that were analysed.
        n_without_face: those of them in which no face was seen for a time; the means leave them out.
        n_frames: frames that were analysed.
        n_frames_without_face: those of them in which no face was found.
        seconds: the time for which faces were seen.
        shares: by each of `LABELS`, the mean of its shares of the time.
        probabilities: by each of `EMOTIONS`, mean and deviation.
        valence: mean and deviation.
    """

    name: str
    n_videos: int
    n_without_face: int
    n_frames: int
    n_frames_without_face: int
    seconds: float
    shares: Mapping[str, Mean]
    probabilities: Mapping[str, Mean]
    valence: Mean

    @property
    def n_shown(self) -> int:
        """Return the number of videos that the means are over."""
        return self.n_videos - self.n_without_face


@dataclass(frozen=True, eq=False)
class VideosSummary:
    """The numbers of many videos.

    Attributes:
        total: of all together.
        groups: of each group, by name; empty if there is no grouping.
        n_failed: videos that could not be analysed; no other number counts them.
        compared: the names of the groups that were compared.
        tests: between these groups: of the valence, and of the share of each expression.
        table: one row per video with a face: 'group', 'valence', a column of shares for each of `LABELS`, and one
            of mean probabilities for each of `EMOTIONS`, with the prefix 'p_'.
    """

    total: VideoGroup
    groups: tuple[VideoGroup, ...] = ()
    n_failed: int = 0
    compared: tuple[str, ...] = ()
    tests: tuple[StatisticalTest, ...] = ()
    table: pd.DataFrame = field(default_factory=pd.DataFrame)


def summarize_videos(videos: Sequence[VideoNumbers], groups: Mapping[str, str] | None = None) -> VideosSummary:
    """Return the numbers of many videos.

    Args:
        videos: their numbers, failed ones included.
        groups: by file, the name of its group; None if there are no groups.
    """
    read = [video for video in videos if video.error is None]
    group_of = [(groups or {}).get(video.file, NO_GROUP) for video in read]
    table = _table(read, group_of)
    # Files without a group come last.
    names = sorted(set(group_of), key=lambda name: (name == NO_GROUP, name.casefold())) if groups else []
    grouped = table[table["group"] != NO_GROUP]
    compared = comparable(grouped) if groups else ()
    return VideosSummary(
        _of_group(EVERYTHING, read, table),
        tuple(
            _of_group(
                name,
                [video for video, group in zip(read, group_of, strict=True) if group == name],
                table[table["group"] == name],
            )
            for name in names
        ),
        n_failed=len(videos) - len(read),
        compared=compared if len(compared) > 1 else (),
        tests=_tests(grouped[grouped["group"].isin(compared)], compared) if len(compared) > 1 else (),
        table=table,
    )


def _table(videos: Sequence[VideoNumbers], group_of: Sequence[str]) -> pd.DataFrame:
    rows = [
        (group, video.valence, *np.divide(video.seconds, sum(video.seconds)).tolist(), *video.probabilities)
        for video, group in zip(videos, group_of, strict=True)
        if video.valence is not None
    ]
    columns = ["group", _VALENCE, *LABELS, *(f"p_{name}" for name in EMOTIONS)]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], "float64"))


def _of_group(name: str, videos: Sequence[VideoNumbers], table: pd.DataFrame) -> VideoGroup:
    return VideoGroup(
        name,
        n_videos=len(videos),
        n_without_face=len(videos) - len(table),
        n_frames=sum(video.n_frames for video in videos),
        n_frames_without_face=sum(video.n_without_face for video in videos),
        seconds=sum(sum(video.seconds) for video in videos),
        shares={label: Mean.over(table[label]) for label in LABELS},
        probabilities={emotion: Mean.over(table[f"p_{emotion}"]) for emotion in EMOTIONS},
        valence=Mean.over(table[_VALENCE]),
    )


def _tests(table: pd.DataFrame, names: tuple[str, ...]) -> tuple[StatisticalTest, ...]:
    """Compare the valence, and the share of each expression with p adjusted for testing so many."""
    from scipy.stats import false_discovery_control

    found = [by_ranks(table, emotion, names, f"share of {emotion}") for emotion in EMOTIONS]
    shares = [test for test in found if test]
    adjusted = false_discovery_control([test.p for test in shares]).tolist() if shares else []
    valence = by_ranks(table, _VALENCE, names, _VALENCE)
    return (
        *([valence] if valence else []),
        *(replace(test, p=p) for test, p in zip(shares, adjusted, strict=True)),
    )
