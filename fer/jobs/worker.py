"""The side of a job that works: it reads the request and writes the progress."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, Final

import psutil
from filelock import FileLock

from fer.errors import FerError
from fer.jobs.job import DONE, FAILED, LOCK_FILE, PROGRESS_FILE, REQUEST_FILE, RUNNING, STARTING, Job, Progress
from fer.storage.ending import obeying
from fer.storage.files import write_json
from fer.storage.processes import stamp_of

_SECONDS_BETWEEN_WRITES: Final = 0.2


class Reporter:
    """Write the progress of a job, at most five times a second, with the time left at the pace of the current stage.

    Args:
        job: the job.
        paced: the stage whose pace tells the time left; that of others says nothing about it.
    """

    def __init__(self, job: Job, paced: str) -> None:
        self._file = job.folder / PROGRESS_FILE
        self._paced = paced
        self._progress = Progress(RUNNING, STARTING, **stamp_of(psutil.Process()))
        self._written = 0.0
        self._stage, self._began, self._began_share = "", time.monotonic(), 0.0

    def __call__(self, stage: str, text: str, share: float) -> None:
        """Report what the job is doing, and which share of it is done, 0..1."""
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._began, self._began_share = stage, now, share
        elif now - self._written < _SECONDS_BETWEEN_WRITES:
            return
        gained = share - self._began_share
        left = (now - self._began) / gained * (1 - share) if gained > 0 and stage == self._paced else None
        self._write(replace(self._progress, text=text, share=share, seconds_left=left))
        self._written = now

    def end(self, state: str, error: str | None = None) -> None:
        """Report the end."""
        self._write(replace(self._progress, state=state, share=1.0 if state == DONE else 0.0, error=error))

    def _write(self, progress: Progress) -> None:
        write_json(self._file, asdict(progress))


def run(job: Job, work: Callable[[dict[str, Any], Reporter], None], *, paced: str) -> None:
    """Do the work of a job in this process. An error that a user can fix becomes a sentence in the progress.

    Args:
        job: the job.
        work: does it, given the request and what reports the progress.
        paced: see `Reporter`.
    """
    # Held until this process ends. Whoever looks whether it is held has it for a moment.
    with FileLock(job.folder / LOCK_FILE, is_singleton=False), obeying(job.folder):
        _run(job, work, Reporter(job, paced))


def _run(job: Job, work: Callable[[dict[str, Any], Reporter], None], report: Reporter) -> None:
    request = json.loads((job.folder / REQUEST_FILE).read_text(encoding="utf-8"))
    try:
        work(request, report)
    except FerError as error:
        report.end(FAILED, str(error))
    except Exception:
        report.end(FAILED, job.unexpected)
        raise
    else:
        report.end(DONE)
