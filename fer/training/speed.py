"""How fast a run trains: steps per second over the last seconds, and over the whole epoch."""

from collections import deque
from typing import Final

_WINDOW_SECONDS: Final = 20.0


class StepSpeed:
    """Measure the steps per second of an epoch.

    Attributes:
        recent: steps per second over the last twenty seconds; falls back to `overall`.
        overall: steps per second since the epoch's second step, or of the epoch before; None at first.
    """

    def __init__(self) -> None:
        self.overall: float | None = None
        self.recent: float | None = None
        self._steps: deque[tuple[float, int]] = deque()
        self._first = (0.0, 0)

    def begin_epoch(self) -> None:
        """Forget the steps of the epoch before, but not its speed."""
        self._steps.clear()

    def step(self, now: float, done: int) -> None:
        """Record that `done` steps of the epoch are done at the time `now`, in seconds."""
        if not self._steps:
            # In a new process the first step compiles the network, so counting starts after it.
            self._first = (now, done)
        self._steps.append((now, done))
        while now - self._steps[0][0] > _WINDOW_SECONDS and len(self._steps) > 2:
            self._steps.popleft()
        self.overall = _rate(self._first, now, done) or self.overall
        self.recent = _rate(self._steps[0], now, done) or self.overall


def _rate(since: tuple[float, int], now: float, done: int) -> float | None:
    """Return the steps per second since a time and a step, or None if there was no step."""
    then, before = since
    return (done - before) / (now - then) if done > before and now > then else None
