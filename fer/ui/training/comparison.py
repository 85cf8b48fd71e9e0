"""Compare several runs: which is better, their results and settings, and their curves."""

from typing import Final

import pandas as pd
import streamlit as st

from fer.comparing.runs import compare_runs, differing_settings, in_words, results_row, unique_names
from fer.emotions import EMOTIONS
from fer.runs import curves, serving
from fer.runs.presets import label as setting_label
from fer.runs.store import RunSummary
from fer.text import literal
from fer.ui.frame import menu_entry
from fer.ui.training import charts
from fer.ui.training.use import Usable, question, use_button

_CURVES: Final = {
    "Validation accuracy": "val_accuracy",
    "Validation loss": "val_loss",
    "Training loss": "loss",
    **{f"Accuracy: {emotion}": f"accuracy_{emotion}" for emotion in EMOTIONS},
}


def comparison(chosen: list[RunSummary]) -> None:
    """Draw the answer to which of the chosen runs is better, and what it is based on."""
    compared = chosen[: charts.MOST_COMPARED]
    with st.container(border=True):
        st.markdown("### Comparison")
        if len(chosen) > len(compared):
            st.caption(f"Only the first {len(compared)} of the {len(chosen)} selected runs are compared.")
        names = unique_names(compared)
        best = _answer(compared, names)
        # A column per run: two runs fit next to each other on a phone.
        st.dataframe(
            pd.DataFrame({names[run.id]: results_row(run) for run in compared}), alt="Results of the compared runs"
        )
        _use(compared, names, best)
        st.markdown("**Settings that differ**")
        _settings(compared, names)
        _curves(compared, names)


def _answer(compared: list[RunSummary], names: dict[str, str]) -> str | None:
    """Draw which run is better, or why that can't be said, and return the id of the best run."""
    found = compare_runs(compared)
    said = in_words(found, names)
    if found.best is not None:
        n_answers = len(said) - len(found.untested)
        first, *rest = (literal(sentence) for sentence in said[:n_answers])
        st.markdown("\n\n".join([f"**{first}**", *rest]))
        said = said[n_answers:]
    if said:
        st.info("\n\n".join(literal(sentence) for sentence in said), icon=":material/info:")
        entry = menu_entry("Evaluation")
        st.page_link(entry.path, label="Compare two models on the same faces", icon=entry.icon)
    return found.best


def _use(compared: list[RunSummary], names: dict[str, str], best: str | None) -> None:
    in_use = serving.run_in_use()
    with st.container(horizontal=True):
        for run in compared:
            if run.has_bundle:
                label = f"'{names[run.id]}' is in use" if run.id == in_use else f"Use '{names[run.id]}'"
                use_button(Usable.of_run(run), literal(label), primary=run.id == best)
    for run in compared:
        question(Usable.of_run(run))


def _settings(compared: list[RunSummary], names: dict[str, str]) -> None:
    differing = differing_settings(compared)
    if not differing:
        st.caption("None.")
        return
    rows = {setting_label(name): values for name, values in differing.items()}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=list(names.values()))
    st.dataframe(frame, alt="Settings that differ between the runs")


def _curves(compared: list[RunSummary], names: dict[str, str]) -> None:
    tables = {names[run.id]: curves.read_metrics(run.id) for run in compared}
    kinds = st.multiselect(
        "Curves", list(_CURVES), default=list(_CURVES)[:2], key="training_compared", persist_state="session"
    )
    columns = st.columns(2)
    for index, kind in enumerate(kinds):
        figure = charts.comparison_chart(tables, _CURVES[kind], kind)
        words = ", ".join(f"{name} {table[_CURVES[kind]].iloc[-1]:.3f}" for name, table in tables.items() if len(table))
        columns[index % 2].plotly_chart(
            figure, key=f"training_compare_{kind}", config=charts.CONFIG, alt=f"{kind} at the end: {words}"
        )
