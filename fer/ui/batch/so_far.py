"""Have counted what a batch that ended early has found so far, and draw how far the count is."""

from pathlib import Path
from typing import Final

import streamlit as st

from fer.batch.job import BatchJob
from fer.batch.so_far import SoFar, written
from fer.jobs.job import DONE, RUNNING
from fer.text import duration, literal
from fer.ui.frame import errors_as_sentences
from fer.ui.messages import show_error

_POLL_SECONDS: Final = 0.5


def folder_of(job: BatchJob) -> Path | None:
    """Return the folder with what a batch has found so far; None if nothing is finished, or while it is counted.

    Raises:
        BatchError: the count can't be started.
    """
    summary = SoFar.of(job)
    if written(job) is None:
        return None
    if not summary.is_current:
        progress = summary.progress()
        # The first time, or parts were added since.
        if progress is None or progress.state == DONE:
            summary.start()
        if summary.running:
            _wait(summary)
        else:
            _ended(summary)
    return summary.folder if summary.is_current else None


@st.fragment(run_every=_POLL_SECONDS)
def _wait(summary: SoFar) -> None:
    progress = summary.progress()
    if progress is None or progress.state != RUNNING:
        st.rerun()
    left = "" if progress.seconds_left is None else f" · {duration(progress.seconds_left)} left"
    st.progress(min(progress.share, 1.0), text=f"{literal(progress.text)}{left}")


def _ended(summary: SoFar) -> None:
    """Draw why the count ended early, with a way to start it again; nothing if it has just come to its end."""
    progress = summary.progress()
    if progress is None or progress.state == DONE:
        return
    if progress.error:
        show_error(progress.error)
    st.button(
        "Summarise again",
        icon=":material/replay:",
        key=f"batch_summarise_{summary.batch.id}",
        on_click=_start,
        args=(summary,),
    )


def _start(summary: SoFar) -> None:
    with errors_as_sentences():
        summary.start()
