"""The button to use a run's model on all pages, which asks first if that looks like a step back."""

from typing import Final

import streamlit as st

from fer.comparing.switching import change_to
from fer.errors import FerError
from fer.runs import serving
from fer.runs.store import RunSummary
from fer.text import literal
from fer.ui.access import gate
from fer.ui.training.notices import RUNS, notify

# The id of the run whose model the user was asked about.
_ASKED: Final = "training_use_asked"


def use_button(run: RunSummary, label: str = "Use this model", *, primary: bool = True) -> None:
    """Draw the button. A press compares the model with the one in use; a better one is used at once.

    Args:
        run: a run with a model.
        label: the button's label.
        primary: whether the button stands out.
    """
    why_not = gate.refusal("promoted", "run", run.id)
    if st.button(
        label,
        key=f"training_use_{run.id}",
        icon=":material/published_with_changes:",
        type="primary" if primary else "secondary",
        disabled=why_not is not None or serving.run_in_use() == run.id,
        help=why_not or "Compares the model with the one in use, checks it, then uses it on all pages.",
    ):
        try:
            with st.spinner("Comparing and checking the model ..."):
                change = change_to(run)
                if not change.doubtful:
                    _use(run, change.text)
        except FerError as error:
            st.error(str(error), icon=":material/error:")
            return
        if change.doubtful:
            st.session_state[_ASKED] = run.id
        st.rerun()


def question(run: RunSummary) -> None:
    """Ask whether to use the run's model, if its button was pressed and the model looks worse than the one in use."""
    if st.session_state.get(_ASKED) != run.id:
        return
    if serving.run_in_use() == run.id:
        del st.session_state[_ASKED]
        return
    with st.container(border=True):
        try:
            change = change_to(run)
        except FerError as error:
            st.error(str(error), icon=":material/error:")
            return
        st.warning(f"{literal(change.text)} Use it anyway?", icon=":material/balance:")
        with st.container(horizontal=True):
            if st.button("Use it anyway", key=f"training_use_anyway_{run.id}"):
                try:
                    with st.spinner("Checking the model ..."):
                        _use(run, "")
                except FerError as error:
                    st.error(str(error), icon=":material/error:")
                    return
                st.rerun()
            st.button("Keep the model in use", key=f"training_use_not_{run.id}", type="primary", on_click=_forget)


def _use(run: RunSummary, change: str) -> None:
    with gate.action("promoted", "run", run.id):
        serving.use_run(run.id)
    _forget()
    notify(f"Live and Upload now use the model of '{run.name}'. {change}".strip(), RUNS)


def _forget() -> None:
    st.session_state.pop(_ASKED, None)
