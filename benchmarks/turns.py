"""Time two functions in turns, so that other load on the machine affects both."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import track


@dataclass(frozen=True)
class Timing:
    """The medians of a row's two sides in milliseconds, and the target for their ratio, if there is one."""

    what: str
    ours_ms: float
    theirs_ms: float
    wanted: float | None

    @property
    def ratio(self) -> float:
        """Return how many times faster ours is."""
        return self.theirs_ms / self.ours_ms

    @property
    def good(self) -> bool:
        """Return whether the ratio meets its target."""
        return self.wanted is None or self.ratio >= self.wanted


def alternate(
    what: str, ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int, wanted: float | None = None
) -> Timing:
    """Time two functions in turns, after a few turns that aren't counted."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in track(range(-3, rounds), what, console=Console(stderr=True), transient=True):
        for function, taken in zip((ours, theirs), times, strict=True):
            start = time.perf_counter()
            function()
            if turn >= 0:
                taken.append((time.perf_counter() - start) * 1000)
    return Timing(what, statistics.median(times[0]), statistics.median(times[1]), wanted)
