"""Buttons for a run: use its model, resume it, copy its settings, download its files, delete it."""

import streamlit as st

from fer.errors import FerError
from fer.runs import control, serving
from fer.runs.store import RunSummary
from fer.text import file_size, literal
from fer.ui.access import gate
from fer.ui.access.gate import SHIPPED
from fer.ui.downloads import made_download
from fer.ui.frame import errors_as_sentences
from fer.ui.messages import show_error
from fer.ui.training.downloads import downloads_of
from fer.ui.training.form import clone
from fer.ui.training.notices import FORM_ANCHOR, RUNNING_ANCHOR, RUNS, While, notify
from fer.ui.training.use import Usable, question, use_button
from fer.ui.widgets import guarded_button


def back_to_shipped() -> None:
    """Draw the button that returns to the shipped model."""
    guarded_button(
        "Back to the shipped model",
        ("promoted", "model", SHIPPED),
        key="training_shipped",
        icon=":material/undo:",
        on_click=_use_shipped,
    )


def actions(run: RunSummary) -> None:
    """Draw a row of buttons for the actions that are possible now."""
    with st.container(horizontal=True):
        if run.has_bundle:
            use_button(Usable.of_run(run))
        if run.resumable and guarded_button(
            "Resume", ("resumed", "run", run.id), key=f"training_resume_{run.id}", icon=":material/resume:"
        ):
            _resume(run)
        st.button(
            "Copy settings",
            key=f"training_clone_{run.id}",
            icon=":material/content_copy:",
            on_click=_clone,
            args=(run.id,),
        )
        _downloads(run)
        if not run.active:
            _deletion(run)
    question(Usable.of_run(run))


def _resume(run: RunSummary) -> None:
    try:
        with st.spinner("Starting ..."), gate.action("resumed", "run", run.id):
            control.resume(run.id)
    except FerError as error:
        show_error(error)
        return
    notify(f"'{literal(run.name)}' continues. [Watch it](#{RUNNING_ANCHOR}).", RUNS, true_while=While(run.id))
    st.rerun()


def _clone(run_id: str) -> None:
    try:
        clone(run_id)
    except FerError as error:
        notify(literal(str(error)), RUNS, error=True)
        return
    notify(f"The settings of that run are now in the form under [New run](#{FORM_ANCHOR}).", RUNS)


def _use_shipped() -> None:
    try:
        with gate.action("promoted", "model", SHIPPED):
            serving.use_shipped()
    except FerError as error:
        notify(literal(str(error)), RUNS, error=True)
        return
    notify("All pages use the shipped model again.", RUNS)


def _deletion(run: RunSummary) -> None:
    """Draw the button to delete the run, which asks for confirmation."""
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(
            f"**{run.name}**, {run.progress.epoch} epochs, {file_size(run.bytes)}. Deletes its curves, checkpoints and "
            "model permanently. If its model is in use, it stays in use."
        )
        guarded_button(
            "Delete permanently",
            ("deleted", "run", run.id),
            key=f"training_delete_{run.id}",
            type="primary",
            icon=":material/delete:",
            on_click=_delete,
            args=(run,),
        )


def _delete(run: RunSummary) -> None:
    try:
        with gate.action("deleted", "run", run.id):
            control.delete(run.id)
        notify(f"'{literal(run.name)}' was deleted.", RUNS)
    except FerError as error:
        notify(literal(str(error)), RUNS, error=True)


def _downloads(run: RunSummary) -> None:
    with st.popover("Download", icon=":material/download:"):
        for download in downloads_of(run):
            key = f"training_download_{download.key}_{run.id}"
            with errors_as_sentences():
                if download.large:
                    stamped = f"{key}_{download.stamp}"
                    made_download(download.title, download.read, download.file_name, download.mime, key=stamped)
                else:
                    content = download.read()
                    st.download_button(
                        download.title, content, download.file_name, download.mime, key=key, on_click="ignore"
                    )
