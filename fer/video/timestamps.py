"""The time of each frame: its presentation timestamp, or an estimate where the file has no usable one."""

from fractions import Fraction


class FrameClock:
    """Give each frame of a stream its timestamp.

    Args:
        time_base: the unit of timestamps in seconds.
        start: the stream's own first timestamp; None if the file doesn't say.
        step: the usual distance between two frames in units of `time_base`, 1 or more.
    """

    def __init__(self, time_base: Fraction, start: int | None, step: int) -> None:
        self._time_base = time_base
        self._start = start
        self._step = max(1, step)
        self._last: int | None = None
        self.n_estimated = 0

    def next(self, pts: int | None, dts: int | None, duration: int) -> int:
        """Return the timestamp of the next frame in the order of presentation, always greater than the previous one.

        Args:
            pts: the frame's own timestamp; None if it has none.
            dts: the timestamp of the packet that it was decoded from; None if it has none.
            duration: the frame's duration; 0 if unknown.
        """
        known = next((value for value in (pts, dts) if value is not None and self._follows(value)), None)
        if known is None or pts is None:
            self.n_estimated += 1
        if known is None:
            known = (self._start or 0) if self._last is None else self._last + self._step
        if self._start is None or self._last is None:
            # A file may claim a start after its first frame.
            self._start = known if self._start is None else min(self._start, known)
        self._last = known
        if duration > 0:
            self._step = duration
        return known

    def _follows(self, value: int) -> bool:
        return self._last is None or value > self._last

    def seconds(self, pts: int) -> float:
        """Return a timestamp in seconds from the start of the stream."""
        return float((pts - (self._start or 0)) * self._time_base)

    @property
    def end_s(self) -> float:
        """Return when the last frame ends, in seconds from the start of the stream; 0 before the first."""
        return 0.0 if self._last is None else self.seconds(self._last + self._step)
