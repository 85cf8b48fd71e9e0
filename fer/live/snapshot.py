"""What a page reads of a live session: `LiveSnapshot`."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.live.overlay import Person

# After so many seconds without a frame, nobody counts as visible.
STALLED_AFTER_S: Final = 2.0


@dataclass(frozen=True, eq=False)
class LiveSnapshot:
    """The session at one moment.

    Attributes:
        people: everyone in the last frame, by number; nobody after `STALLED_AFTER_S` without frames.
        n_frames: frames processed, failed ones included.
        n_dropped: frames that arrived while another was being processed.
        n_failed: frames that were passed through because processing raised.
        last_failure: the last exception in one line, or None.
        fps: frames processed per second over the last three seconds; 0 if frames stopped.
        processing_ms: median time per frame over the last 90.
        age_s: seconds since the session started.
        silent_s: seconds since the last frame (failed ones included), or since the start if there was none.
        shares: (8,) share of time for each of `fer.live.record.OUTCOMES`, summing to 1, or all 0 without a face.
        n_rows: number of rows in the record.
        ended: whether `stop` was called.
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
    ended: bool

    @property
    def stalled(self) -> bool:
        """Return whether no frame arrived for `STALLED_AFTER_S`."""
        return self.silent_s > STALLED_AFTER_S
