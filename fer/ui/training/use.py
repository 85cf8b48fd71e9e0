"""The button to use a model on all pages, which asks first if that looks like a step back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

import streamlit as st

from fer.comparing.switching import Change, change_to_imported, change_to_run
from fer.errors import FerError
from fer.recognition.current import current_bundle_path
from fer.runs import importing, serving
from fer.runs.importing import ImportedModel
from fer.runs.store import RunSummary
from fer.text import literal
from fer.ui.access import gate
from fer.ui.messages import show_error
from fer.ui.training.notices import MODELS, RUNS, notify
from fer.ui.widgets import guarded_button

# The key of the model that the user was asked about.
_ASKED: Final = "training_use_asked"


@dataclass(frozen=True)
class Usable:
    """A model that can be used on all pages.

    Attributes:
        key: identifies the model's widgets.
        kind, name: 'run' and its id, or 'model' and its name, for the access rules and the audit log.
        called: the model in a sentence: "the model of 'First try'".
        place: where the confirmation is shown.
        in_use: whether it is in use.
        compare: compares it with the model in use.
        use: puts it to use.
    """

    key: str
    kind: str
    name: str
    called: str
    place: str
    in_use: bool
    compare: Callable[[], Change]
    use: Callable[[], object]

    @classmethod
    def of_run(cls, run: RunSummary) -> Self:
        """Return the model of a run."""
        return cls(
            f"training_use_{run.id}",
            "run",
            run.id,
            f"the model of '{run.name}'",
            RUNS,
            serving.run_in_use() == run.id,
            lambda: change_to_run(run),
            lambda: serving.use_run(run.id),
        )

    @classmethod
    def of_imported(cls, model: ImportedModel) -> Self:
        """Return an imported model."""
        return cls(
            f"training_import_use_{model.name}",
            "model",
            model.name,
            f"'{model.name}'",
            MODELS,
            model.path.resolve() == current_bundle_path().resolve(),
            lambda: change_to_imported(model),
            lambda: importing.use_imported(model.name),
        )


def use_button(model: Usable, label: str = "Use this model", *, primary: bool = True) -> None:
    """Draw the button. A press compares the model with the one in use; a better one is used at once.

    Args:
        model: the model.
        label: the button's label.
        primary: whether the button stands out.
    """
    if guarded_button(
        label,
        ("promoted", model.kind, model.name),
        key=model.key,
        icon=":material/published_with_changes:",
        type="primary" if primary else "secondary",
        not_now="This model is in use." if model.in_use else None,
        help="Compares the model with the one in use, checks it, then uses it on all pages.",
    ):
        try:
            with st.spinner("Comparing and checking the model ..."):
                change = model.compare()
                if not change.doubtful:
                    _use(model, change.text)
        except FerError as error:
            show_error(error)
            return
        if change.doubtful:
            st.session_state[_ASKED] = model.key
        st.rerun()


def question(model: Usable) -> None:
    """Ask whether to use the model, if its button was pressed and the model looks worse than the one in use."""
    if st.session_state.get(_ASKED) != model.key:
        return
    if model.in_use:
        _forget()
        return
    with st.container(border=True):
        try:
            change = model.compare()
        except FerError as error:
            show_error(error)
            return
        st.warning(f"{literal(change.text)} Use it anyway?", icon=":material/balance:")
        with st.container(horizontal=True):
            if st.button("Use it anyway", key=f"{model.key}_anyway"):
                try:
                    with st.spinner("Checking the model ..."):
                        _use(model, "")
                except FerError as error:
                    show_error(error)
                    return
                st.rerun()
            st.button("Keep the model in use", key=f"{model.key}_not", type="primary", on_click=_forget)


def _use(model: Usable, change: str) -> None:
    with gate.action("promoted", model.kind, model.name):
        model.use()
    _forget()
    notify(f"Live and Upload now use {model.called}. {change}".strip(), model.place)


def _forget() -> None:
    st.session_state.pop(_ASKED, None)
