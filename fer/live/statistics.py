"""Count the frames of a live session, and measure how fast they come."""

import statistics
from collections import deque
from typing import Final

from fer.errors import FerError

# Rates and costs cover the last few seconds.
_RECENT_FRAMES: Final = 90
_FPS_WINDOW_S: Final = 3.0
# A longer pause (a covered camera, a sleeping computer) doesn't count for anyone's expression.
_LONGEST_STEP_S: Final = 1.0
# A stream whose viewer disappeared without STOP is active no longer than this.
_SILENT_AFTER_S: Final = 5.0
_CONNECTING_S: Final = 30.0


class FrameStatistics:
    """What is known about the frames of one session. Not thread-safe: the session's lock guards it.

    Args:
        began_s: when the session began. All times are monotonic seconds.

    Attributes:
        began_s, ended_s: when the session began and ended; None while it runs.
        n_frames: number of processed frames, including failed ones.
        n_dropped: number of frames dropped because the previous one was still being processed.
        n_failed: number of frames whose processing raised an exception.
        last_failure: the last exception in one line; None if there was none.
    """

    def __init__(self, began_s: float) -> None:
        self.began_s = began_s
        self.ended_s: float | None = None
        self.n_frames = self.n_dropped = self.n_failed = 0
        self.last_failure: str | None = None
        self._last_frame_s: float | None = None
        self._times_s: deque[float] = deque(maxlen=_RECENT_FRAMES)
        self._costs_ms: deque[float] = deque(maxlen=_RECENT_FRAMES)

    def processed(self, now_s: float, cost_ms: float) -> None:
        """Count a frame that was processed in some milliseconds."""
        self._arrived(now_s)
        self._costs_ms.append(cost_ms)

    def failed(self, now_s: float, error: Exception) -> None:
        """Count a frame that failed."""
        self._arrived(now_s)
        self.n_failed += 1
        self.last_failure = _in_one_line(error)

    def step_s(self, now_s: float) -> float:
        """Return for how many seconds a frame counts that arrives now: since the last one, but not for a long pause."""
        return 0.0 if self._last_frame_s is None else min(_LONGEST_STEP_S, now_s - self._last_frame_s)

    def end_s(self, now_s: float) -> float:
        """Return now, or when the session ended."""
        return now_s if self.ended_s is None else self.ended_s

    def silent_s(self, now_s: float) -> float:
        """Return the seconds since the last frame, or since the session began if there was none."""
        return now_s - (self.began_s if self._last_frame_s is None else self._last_frame_s)

    def active(self, now_s: float) -> bool:
        """Return whether the session has a viewer: it hasn't ended, and frames arrive or are about to."""
        if self.ended_s is not None:
            return False
        return self.silent_s(now_s) < (_CONNECTING_S if self._last_frame_s is None else _SILENT_AFTER_S)

    def fps(self, now_s: float) -> float:
        """Return the frames per second over the last three seconds; 0 if there were fewer than two."""
        recent = [moment for moment in self._times_s if now_s - moment <= _FPS_WINDOW_S]
        span_s = recent[-1] - recent[0] if recent else 0.0
        return (len(recent) - 1) / span_s if span_s > 0 else 0.0

    @property
    def processing_ms(self) -> float | None:
        """Return the median processing time of the last 90 frames; None before the first."""
        return statistics.median(self._costs_ms) if self._costs_ms else None

    def _arrived(self, now_s: float) -> None:
        self._last_frame_s = now_s
        self.n_frames += 1
        self._times_s.append(now_s)


def _in_one_line(error: Exception) -> str:
    text = str(error) if isinstance(error, FerError) else f"{type(error).__name__}: {error}"
    return text.splitlines()[0]
