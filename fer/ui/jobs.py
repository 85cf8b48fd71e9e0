"""Long work beside the page: it goes on when its viewer looks at another page, and every tab sees the same."""

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
# Earlier than this, time left is a guess.
_GUESS_SECONDS: Final = 2.0
_log = logging.getLogger(__name__)


class JobCancelledError(FerError):
    """A viewer cancelled the work; raised in its thread, out of the progress it reports."""


@dataclass(frozen=True)
class JobProgress:
    """How far a job is: `share` in 0..1, what it is doing, and how many seconds are left, None if nobody knows."""

    share: float
    text: str
    seconds_left: float | None


class Job(Generic[T]):
    """Work in a thread of its own, begun when the object is made.

    Args:
        work: called with a function that hears of its progress and raises when the job is cancelled.
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
        """How far it is."""
        share, seconds = self._share, time.monotonic() - self._began
        known = share > 0 and seconds > _GUESS_SECONDS
        return JobProgress(share, self._text, seconds * (1 - share) / share if known else None)

    def cancel(self) -> None:
        """End the work the next time it reports."""
        self._cancelled.set()

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, at most so long."""
        self._thread.join(seconds)

    def _hear(self, share: float, text: str) -> None:
        self._share, self._text = min(max(share, 0.0), 1.0), text
        if self._cancelled.is_set():
            raise JobCancelledError("Cancelled; nothing was changed.")

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
            self.error, self.state = "It ended unexpectedly; the app's terminal says more. Nothing was changed.", FAILED
        finally:
            del self._work  # and with it the upload that it may hold


@st.cache_resource(show_spinner=False)
def _jobs() -> dict[str, Job[Any]]:
    return {}


_starting: Final = threading.Lock()


def find(key: str) -> Job[Any] | None:
    """The job under a key, running or ended; None where there is none."""
    return _jobs().get(key)


def start(key: str, work: Callable[[Progress], Any]) -> bool:
    """Begin a job, unless one of this key is running; whether it was begun."""
    with _starting:
        job = find(key)
        if job is not None and job.state == RUNNING:
            return False
        _jobs()[key] = Job(work)
        return True


def press(key: str, work: Callable[[Progress], Any]) -> None:
    """As `start`, for a button: a viewer whose job was not begun is told so."""
    if not start(key, work):
        st.toast("This is running already, begun by another tab; yours was not begun.", icon=":material/info:")


def forget(key: str) -> None:
    """Let go of a job that has ended."""
    _jobs().pop(key, None)


def forget_all(text: str) -> None:
    """Let go of the jobs whose key holds a text, such as a folder that was deleted; one that runs goes on unseen."""
    for key in list(_jobs()):
        if text in key:
            forget(key)


@st.fragment(run_every=_POLL_SECONDS)
def watch(key: str) -> None:
    """Show how far a running job is, with a way to cancel it; draws the page once more when it has ended."""
    job = find(key)
    if job is None or job.state != RUNNING:
        st.rerun()
    progress = job.progress
    left = "" if progress.seconds_left is None else f" · {duration(progress.seconds_left)} left"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(progress.share, text=f"{progress.text}{left}", width="stretch")
        st.button("Cancel", icon=":material/close:", key=f"cancel_{key}", on_click=job.cancel)
