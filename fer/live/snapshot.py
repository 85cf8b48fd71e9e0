"""The state of a live session at one moment, as a page reads it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.streams.people import Person

# Without a frame for this long, nobody counts as visible.
STALLED_AFTER_S: Final = 2.0


@dataclass(frozen=True, eq=False)
class LiveSnapshot:
    """A session at one moment.

    Attributes:
        people: everyone in the last frame, by number; nobody if the stream is stalled.
        n_frames: number of processed frames, including failed ones.
        n_dropped: number of frames dropped because the previous one was still being processed.
        n_failed: number of frames whose processing raised an exception.
        last_failure: the last exception in one line; None if there was none.
        fps: frames per second over the last three seconds; 0 if the stream is stalled.
        processing_ms: median processing time of the last 90 frames.
        age_s: seconds since the session began.
        silent_s: seconds since the last frame, or since the session began if there was none.
        shares: (8,) the share of time of each of `fer.streams.record.OUTCOMES`, summing to 1, or all 0 without a face.
        n_rows: number of rows in the record.
    """

    people: tuple[Person, ...]
    n_frames: int
    n_dropped: int
    n_failed: int
    last_failure: str | None
    fps: float
    processing_ms: float | None
    age_s: float
    silent_s: float
    shares: npt.NDArray[np.float64]
    n_rows: int

    @property
    def stalled(self) -> bool:
        """Return whether the last frame is older than `STALLED_AFTER_S`."""
        return self.silent_s > STALLED_AFTER_S
