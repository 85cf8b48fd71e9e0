"""Reduce a session's record to lines with a few points per second, to be drawn as a timeline."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

# At most 240 points: four per second for a minute, fewer for a whole session.
_MAX_POINTS: Final = 240
_STEP_S: Final = 0.25


@dataclass(frozen=True, eq=False)
class PersonLine:
    """One person's smoothed probabilities over time.

    Attributes:
        person: the number of the person.
        seconds: (T,) float64 since the session began. A NaN row breaks the line while the person was absent.
        probabilities: (T, 7) float32, the mean of each step.
    """

    person: int
    seconds: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Timeline:
    """One line per person, ordered by number, between `first_s` and `last_s` in seconds of the session."""

    first_s: float
    last_s: float
    lines: tuple[PersonLine, ...]


def timeline_of(rows: npt.NDArray[Any], first_s: float, last_s: float, *, spacing_s: float = 0.0) -> Timeline:
    """Reduce the rows of a `SessionRecord`.

    Args:
        rows: from `SessionRecord.rows`, ordered by time.
        first_s: start of the timeline.
        last_s: end of the timeline.
        spacing_s: time between two recorded frames. A gap shorter than twice this, or than a second, doesn't break the
            line.
    """
    step_s = max(_STEP_S, (last_s - first_s) / _MAX_POINTS)
    absence = max(2.0, max(1.0, 2 * spacing_s) / step_s)
    lines = []
    for person in np.unique(rows["person"]):
        own = rows[rows["person"] == person]
        # Steps start at the session's beginning, so that points don't move as time passes.
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
