"""What a page reads of a live session: `LiveSnapshot`."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.live.overlay import Person

# After so long without a frame nothing is seen now.
STALLED_AFTER_S: Final = 2.0


@dataclass(frozen=True, eq=False)
class LiveSnapshot:
    """The session at one moment.

    Attributes:
        people: everyone in the last frame, by number; nobody once frames have been away for `STALLED_AFTER_S`.
        n_frames: frames processed, failed ones included.
        n_dropped: frames that came while another was being processed.
        n_failed: frames that were passed through because processing raised.
        last_failure: what it raised, in one line; None where nothing did.
        fps: frames processed a second, over the last three seconds; 0 once frames have been away.
        processing_ms: median time of a frame, over the last 90.
        age_s: seconds since the session began.
        silent_s: seconds since the last frame, one that failed included, or since the beginning where there was none.
        shares: (8,) share of time for each of `fer.live.record.OUTCOMES`, summing to 1, or all 0 without a face.
        n_rows: rows of the record.
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
        """Whether frames have been away for `STALLED_AFTER_S`."""
        return self.silent_s > STALLED_AFTER_S
