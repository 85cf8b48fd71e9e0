"""Compare several runs: their curves, and the settings that differ."""

import dataclasses
from typing import Any, Final

import pandas as pd
import streamlit as st

from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.runs import curves, store
from fer.runs.config import MODELS
from fer.runs.store import RunSummary
from fer.ui.training import charts

_COMPARED: Final = {
    "Validation accuracy": "val_accuracy",
    "Validation loss": "val_loss",
    "Training loss": "loss",
    **{f"Accuracy: {emotion}": f"accuracy_{emotion}" for emotion in EMOTIONS},
}


def comparison(chosen: list[RunSummary]) -> None:
    """Draw the curves of the chosen runs, one chart per metric, and a table of the settings that differ."""
    if len(chosen) > charts.MOST_COMPARED:
        st.caption(f"Only the first {charts.MOST_COMPARED} of the {len(chosen)} selected runs are compared.")
    compared = chosen[: charts.MOST_COMPARED]
    tables: dict[str, pd.DataFrame] = {}
    for run in compared:
        # Runs with the same name are distinguished by their id.
        called = run.name if run.name not in tables else f"{run.name} ({run.id[-4:]})"
        tables[called] = curves.read_metrics(run.id)
    with st.container(border=True):
        st.markdown("### Comparison")
        kinds = st.multiselect(
            "Curves", list(_COMPARED), default=list(_COMPARED)[:2], key="training_compared", persist_state="session"
        )
        columns = st.columns(2)
        for index, kind in enumerate(kinds):
            figure = charts.comparison_chart(tables, _COMPARED[kind], kind)
            words = ", ".join(
                f"{name} {table[_COMPARED[kind]].iloc[-1]:.3f}" for name, table in tables.items() if len(table)
            )
            columns[index % 2].plotly_chart(
                figure, key=f"training_compare_{kind}", config=charts.CONFIG, alt=f"{kind} at the end: {words}"
            )
        st.markdown("**Settings that differ**")
        st.dataframe(
            _differences(dict(zip(tables, compared, strict=True))), alt="Settings that differ between the runs"
        )


def _differences(compared: dict[str, RunSummary]) -> pd.DataFrame:
    settings: dict[str, dict[str, Any]] = {}
    for name, run in compared.items():
        try:
            config = store.read_config(run.id)
            settings[name] = dataclasses.asdict(config) | {
                setting: ", ".join(getattr(config, setting)) for setting in MODELS
            }
        except FerError:
            settings[name] = {}
    frame = pd.DataFrame(settings).astype(str)
    return frame[frame.nunique(axis=1) > 1]
