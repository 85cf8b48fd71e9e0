"""The last minute as lines to draw: the record, thinned to a few points a second."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

# Points of a whole session at most, and for a minute four a second.
_MAX_POINTS: Final = 240
_STEP_S: Final = 0.25


@dataclass(frozen=True, eq=False)
class PersonLine:
    """One person's smoothed probabilities over time.

    Attributes:
        person: the track's number.
        seconds: (T,) float64, from the session's beginning; where the person was away, a NaN row breaks the line.
        probabilities: (T, 7) float32, the mean of each step.
    """

    person: int
    seconds: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Timeline:
    """Lines between `first_s` and `last_s`, in seconds of the session; a person each, by number."""

    first_s: float
    last_s: float
    lines: tuple[PersonLine, ...]


def timeline_of(rows: npt.NDArray[Any], first_s: float, last_s: float, *, spacing_s: float = 0.0) -> Timeline:
    """Thin out rows of a `SessionRecord`.

    Args:
        rows: from `SessionRecord.rows`, in the order of time.
        first_s: where the timeline begins.
        last_s: where it ends.
        spacing_s: time between two frames that the record keeps: who is missing for less than twice that, or for less
            than a second, was there all the time.
    """
    step_s = max(_STEP_S, (last_s - first_s) / _MAX_POINTS)
    absence = max(2.0, max(1.0, 2 * spacing_s) / step_s)
    lines = []
    for person in np.unique(rows["person"]):
        own = rows[rows["person"] == person]
        # Steps are counted from the session's beginning, so that points do not wander while time goes on.
        steps, starts = np.unique(np.floor(own["seconds"] / step_s).astype(np.int64), return_index=True)
        counts = np.diff(np.append(starts, len(own)))
        means = np.add.reduceat(own["smoothed"], starts, axis=0) / counts[:, None]
        seconds = np.add.reduceat(own["seconds"], starts) / counts
        gaps = np.flatnonzero(np.diff(steps) > absence) + 1
        lines.append(
            PersonLine(
                int(person),
                np.insert(seconds, gaps, seconds[gaps] if len(gaps) else []),
                np.insert(means, gaps, np.nan, axis=0).astype(np.float32),
            )
        )
    return Timeline(first_s, last_s, tuple(lines))
