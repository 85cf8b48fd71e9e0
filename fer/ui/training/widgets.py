"""Draw the widget of a setting, according to its type and metadata."""

import dataclasses
import typing
from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from fer.recognition.bundle import BUNDLE_FILE, KERAS_FILE
from fer.runs.config import MODELS, TrainConfig
from fer.runs.presets import label
from fer.runs.store import RunSummary
from fer.ui.model_choice import models_by_path

# Shown while no model is chosen.
_NO_MODEL: Final = {"start_from": "Random initialization", "teacher": "None"}


def setting(name: str, value: Any, key: str, found: Sequence[RunSummary]) -> Any:
    """Draw the widget of a setting and return its value.

    Args:
        name: the field of `TrainConfig`.
        value: the initial value.
        key: the widget's key.
        found: all runs; a run can start from or learn from their models.
    """
    field = {item.name: item for item in dataclasses.fields(TrainConfig)}[name]
    kind = typing.get_type_hints(TrainConfig)[name]
    meta, title = field.metadata, label(name)
    # The keys are stable, so values survive a visit to another page.
    if name in MODELS:
        # A teacher only predicts; fine-tuning needs weights that Keras can train.
        options = models_by_path(KERAS_FILE if name == "start_from" else BUNDLE_FILE, found)
        options |= {path: path for path in value if path not in options}
        return tuple(
            st.multiselect(
                title,
                list(options),
                default=list(value),
                format_func=options.__getitem__,
                placeholder=_NO_MODEL[name],
                key=key,
                persist_state="session",
                help=meta["help"],
            )
        )
    if meta["choices"]:
        return st.selectbox(
            title,
            meta["choices"],
            index=meta["choices"].index(value),
            key=key,
            persist_state="session",
            help=meta["help"],
        )
    if kind is bool:
        return st.checkbox(title, value=value, key=key, persist_state="session", help=meta["help"])
    if meta["low"] is None:
        return (
            st.text_input(title, value=value or "", key=key, persist_state="session", help=meta["help"]).strip() or None
        )
    number = float if kind is float else int
    return st.number_input(
        title,
        min_value=number(meta["low"]),
        max_value=number(meta["high"]),
        value=number(value),
        step=_step(meta["low"], meta["high"], whole=number is int),
        format="%d" if number is int else "%.6g",
        key=key,
        persist_state="session",
        help=f"{meta['help']}. From {meta['low']:.10g} to {meta['high']:.10g}.",
    )


def _step(low: float, high: float, *, whole: bool) -> int | float:
    if whole:
        return 1
    if low > 0 and high / low > 1000:
        return 0.0001  # a rate that spans several powers of ten is typed in
    return 0.01 if high <= 1 else 0.5
