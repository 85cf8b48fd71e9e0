"""The batches of this app, for everyone who may open the page, and what can be done with one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from fer.batch import store
from fer.batch.job import DAMAGED, INTERRUPTED, BatchJob, Request, Status
from fer.errors import FerError
from fer.jobs.job import DONE, FAILED, RUNNING, STOPPED, Progress
from fer.text import file_size, printable
from fer.ui.access import gate
from fer.ui.batch.places import allowed_now
from fer.ui.messages import forget_errors, keep_error, kept_errors
from fer.ui.paging import page_of
from fer.ui.tables import NAME_PX, row_px, table_px
from fer.ui.widgets import guarded_button

KIND: Final = "batch"
_A_PAGE: Final = 10
_CHOSEN: Final = "batch_chosen"
_STATE_PX: Final = 90
_TABLE_PX: Final = 600
_WORDS: Final = {
    RUNNING: "running",
    DONE: "done",
    FAILED: "failed",
    STOPPED: "stopped",
    INTERRUPTED: "interrupted",
    DAMAGED: "damaged",
}


@dataclass(frozen=True)
class Listed:
    """A batch as it was when it was listed; `request` is None if it can't be read."""

    job: BatchJob
    state: str
    request: Request | None
    status: Status
    progress: Progress | None

    @classmethod
    def of(cls, batch_id: str) -> "Listed":
        """Return a batch as it is now."""
        job = BatchJob(store.batches_dir() / batch_id)
        return cls(job, job.state, job.find_request(), job.status(), job.progress())

    @property
    def name(self) -> str:
        """Return what it is called."""
        return printable(self.request.name) if self.request else self.job.id


def batches() -> list[Listed]:
    """Draw the page numbers if there are many batches, and return those of the chosen page, the newest first."""
    ids = store.list_ids()
    shown = ids[page_of(len(ids), _A_PAGE, f"batch_page_{len(ids)}")]
    return [Listed.of(batch_id) for batch_id in shown]


def follow(job: BatchJob) -> None:
    """Show a batch until another one is selected."""
    st.session_state[_CHOSEN] = job.id


def choose(found: list[Listed]) -> Listed:
    """Draw the table of batches, and return the one to show: the selected one, the one just started, or the newest."""
    selected = _table(found)
    if selected:
        return selected
    chosen = st.session_state.get(_CHOSEN)
    return next((one for one in found if one.job.id == chosen), found[0])


def _table(found: list[Listed]) -> Listed | None:
    if len(found) < 2:
        return None
    frame = pd.DataFrame(
        [
            {
                "Name": one.name,
                "State": _WORDS[one.state],
                "Files": f"{one.status.done:,} of {one.status.n_files:,}" if one.status.n_files else "",
                "Failed": one.status.failed,
                "Started": f"{datetime.fromtimestamp(one.request.added):%Y-%m-%d %H:%M}" if one.request else "",
            }
            for one in found
        ]
    )
    height_of_row = row_px(frame["Name"])
    event = st.dataframe(
        frame,
        # Rows are selected by position, so another list of batches needs another key.
        key=f"batch_table_{hash(tuple(one.job.id for one in found))}",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        height=table_px(len(found), height_of_row, _TABLE_PX),
        row_height=height_of_row,
        column_config={
            "Name": st.column_config.TextColumn(width=NAME_PX),
            "State": st.column_config.TextColumn(width=_STATE_PX),
        },
        alt="Table of batches",
    )
    return next((found[row] for row in event.selection.rows if row < len(found)), None)


def actions(one: Listed) -> None:
    """Draw the buttons of a batch that doesn't run: resume it, and delete it."""
    with st.container(horizontal=True):
        if one.state != DAMAGED:
            again = one.state == DONE
            guarded_button(
                "Run again" if again else "Resume",
                ("resumed", KIND, one.job.id),
                key=f"batch_resume_{one.job.id}",
                icon=":material/replay:",
                type="secondary" if again else "primary",
                help="Analyses only files that are new or have changed." if again else "Continues where it stopped.",
                on_click=_resume,
                args=(one.job,),
            )
        guarded_button(
            f"Delete ({file_size(_size(one.job.id, f'{one.state} {one.status}'))})",
            ("deleted", KIND, one.job.id),
            key=f"batch_delete_{one.job.id}",
            icon=":material/delete:",
            help="Deletes this batch with its results permanently. The photos and videos stay.",
            on_click=_delete,
            args=(one.job,),
        )
    kept_errors(one.job.id)


@st.cache_data(max_entries=50, show_spinner="Measuring its size ...")
def _size(batch_id: str, changed: str) -> int:
    return store.size_of(BatchJob(store.batches_dir() / batch_id))


def _resume(job: BatchJob) -> None:
    forget_errors(job.id)
    follow(job)
    try:
        with gate.action("resumed", KIND, job.id):
            store.resume(job, allowed_now().roots)
    except FerError as error:
        keep_error(job.id, error)


def _delete(job: BatchJob) -> None:
    forget_errors(job.id)
    try:
        with gate.action("deleted", KIND, job.id):
            store.delete(job)
    except FerError as error:
        keep_error(job.id, error)


def stop(job: BatchJob) -> None:
    """Stop a batch; an error is kept for `kept_errors`."""
    forget_errors(job.id)
    follow(job)
    try:
        with gate.action("stopped", KIND, job.id):
            store.stop(job)
    except FerError as error:
        keep_error(job.id, error)
