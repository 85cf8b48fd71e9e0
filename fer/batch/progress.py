"""How far a batch is, for a progress bar, a page or a log."""

import time
from dataclasses import dataclass, field
from typing import Final

from fer.batch.parts import Totals

# The rate is that of the last minute: a task may take longer than a few seconds.
_WINDOW_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Progress:
    """How far a batch is.

    Attributes:
        stage: 'listing', 'starting', 'analysing', 'checking' or 'done'.
        n_files: files in the batch, or found so far.
        done: files, failed files and faces that are done, earlier runs included.
        n_workers: workers that are there now.
        files_per_second: at present; None if it isn't known yet.
        seconds_left: estimated time left; None if it isn't known yet.
        n_deaths: workers that ended while they analysed.
        dashboard: the address of Dask's dashboard; None if it isn't installed.
    """

    stage: str
    n_files: int = 0
    done: Totals = field(default_factory=Totals)
    n_workers: int = 0
    files_per_second: float | None = None
    seconds_left: float | None = None
    n_deaths: int = 0
    dashboard: str | None = None


class Pace:
    """Files per second over the last minute.

    Args:
        n_done: files that were done before.
    """

    def __init__(self, n_done: int) -> None:
        self._seen = [(time.monotonic(), n_done)]

    def update(self, n_done: int) -> float | None:
        """Return files per second, or None before the first task is done."""
        now = time.monotonic()
        if n_done != self._seen[-1][1]:
            self._seen.append((now, n_done))
        while len(self._seen) > 2 and now - self._seen[1][0] > _WINDOW_SECONDS:
            del self._seen[0]
        began, before = self._seen[0]
        gained = self._seen[-1][1] - before
        return gained / (now - began) if gained and now > began else None
