"""Run long work in the background. It continues while its viewer visits other pages, and every tab can watch it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import streamlit as st

from fer.datasets.readings import Progress
from fer.errors import FerError
from fer.text import duration

T = TypeVar("T")
RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"
_POLL_SECONDS: Final = 0.5
# Before this, the time left is only a guess.
_GUESS_SECONDS: Final = 2.0
_log = logging.getLogger(__name__)


class JobCancelledError(FerError):
    """Raised in the thread of a job when it reports progress after a viewer cancelled it."""


@dataclass(frozen=True)
class JobProgress:
    """The progress of a job: `share` in 0..1, a text, and the seconds left, None if unknown."""

    share: float
    text: str
    seconds_left: float | None


class Job(Generic[T]):
    """Work in its own thread, started when the object is created.

    Args:
        work: called with a function to report progress, which raises if the job was cancelled.
    """

    def __init__(self, work: Callable[[Progress], T]) -> None:
        self.state = RUNNING
        self.result: T | None = None
        self.error = ""
        self._work = work
        self._share, self._text = 0.0, "Starting"
        self._began = time.monotonic()
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def progress(self) -> JobProgress:
        """Return the progress."""
        share, seconds = self._share, time.monotonic() - self._began
        known = share > 0 and seconds > _GUESS_SECONDS
        return JobProgress(share, self._text, seconds * (1 - share) / share if known else None)

    def cancel(self) -> None:
        """Stop the work the next time it reports progress."""
        self._cancelled.set()

    def wait(self, seconds: float) -> None:
        """Wait until the work has ended, at most for some seconds."""
        self._thread.join(seconds)

    def _hear(self, share: float, text: str) -> None:
        self._share, self._text = min(max(share, 0.0), 1.0), text
        if self._cancelled.is_set():
            raise JobCancelledError("Cancelled. Nothing was changed.")

    def _run(self) -> None:
        try:
            self.result = self._work(self._hear)
            self.state = DONE
        except JobCancelledError as error:
            self.error, self.state = str(error), CANCELLED
        except FerError as error:
            self.error, self.state = str(error), FAILED
        except Exception:
            _log.exception("A job of the page failed")
            self.error = "It stopped unexpectedly. The terminal shows the details. Nothing was changed."
            self.state = FAILED
        finally:
            del self._work  # it may hold an upload


@st.cache_resource(show_spinner=False)
def _jobs() -> dict[str, Job[Any]]:
    return {}


_starting: Final = threading.Lock()


def find(key: str) -> Job[Any] | None:
    """Return the job with a key, running or ended, or None if there is none."""
    return _jobs().get(key)


def start(key: str, work: Callable[[Progress], Any]) -> bool:
    """Start a job, unless one with this key is running. Return whether it was started."""
    with _starting:
        job = find(key)
        if job is not None and job.state == RUNNING:
            return False
        _jobs()[key] = Job(work)
        return True


def press(key: str, work: Callable[[Progress], Any]) -> None:
    """Start a job from a button, and tell the viewer if one with this key is already running."""
    if not start(key, work):
        st.toast("Already running in another tab", icon=":material/info:")


def forget(key: str) -> None:
    """Remove a job that has ended."""
    _jobs().pop(key, None)


def forget_all(text: str) -> None:
    """Remove the jobs whose key contains a text, such as a deleted folder. A running one continues unseen."""
    for key in list(_jobs()):
        if text in key:
            forget(key)


@st.fragment(run_every=_POLL_SECONDS)
def watch(key: str) -> None:
    """Show the progress of a running job with a Cancel button, and rerun the page when it has ended."""
    job = find(key)
    if job is None or job.state != RUNNING:
        st.rerun()
    progress = job.progress
    left = "" if progress.seconds_left is None else f" · {duration(progress.seconds_left)} left"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(progress.share, text=f"{progress.text}{left}", width="stretch")
        st.button("Cancel", icon=":material/close:", key=f"cancel_{key}", on_click=job.cancel)
