"""The last minute as lines to draw: the record, reduced to a few points per second."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

# At most this many points per session; within a minute, four per second.
_MAX_POINTS: Final = 240
_STEP_S: Final = 0.25


@dataclass(frozen=True, eq=False)
class PersonLine:
    """One person's smoothed probabilities over time.

    Attributes:
        person: the track's number.
        seconds: (T,) float64, from the start of the session; a NaN row breaks the line while the person was away.
        probabilities: (T, 7) float32, the mean of each step.
    """

    person: int
    seconds: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Timeline:
    """Lines between `first_s` and `last_s`, in seconds of the session; one per person, by number."""

    first_s: float
    last_s: float
    lines: tuple[PersonLine, ...]


def timeline_of(rows: npt.NDArray[Any], first_s: float, last_s: float, *, spacing_s: float = 0.0) -> Timeline:
    """Reduce rows of a `SessionRecord` to lines.

    Args:
        rows: from `SessionRecord.rows`, in time order.
        first_s: start of the timeline.
        last_s: end of the timeline.
        spacing_s: time between two frames that the record keeps. A person who is missing for less than twice that, or
            for less than a second, counts as present.
    """
    step_s = max(_STEP_S, (last_s - first_s) / _MAX_POINTS)
    absence = max(2.0, max(1.0, 2 * spacing_s) / step_s)
    lines = []
    for person in np.unique(rows["person"]):
        own = rows[rows["person"] == person]
        # Steps are counted from the start of the session, so that points don't move as time passes.
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
