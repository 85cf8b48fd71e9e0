"""A widget for a setting of a run, from its type and from what the setting says of itself."""

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

# What it is where no model is chosen.
_NO_MODEL: Final = {"start_from": "nothing: new weights", "teacher": "nobody"}


def setting(name: str, value: Any, key: str, found: Sequence[RunSummary]) -> Any:
    """The widget of one setting, and what is in it.

    Args:
        name: of the field of `TrainConfig`.
        value: what it holds at first.
        key: of the widget.
        found: all runs, whose models a run can start from or learn from.
    """
    field = {item.name: item for item in dataclasses.fields(TrainConfig)}[name]
    kind = typing.get_type_hints(TrainConfig)[name]
    meta, title = field.metadata, label(name)
    # Keys live as long as the form: a value outlives a visit to another page.
    if name in MODELS:
        # A teacher is asked as it is served; going on takes weights that Keras can train.
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
        return 0.0001  # a rate over several powers of ten is typed
    return 0.01 if high <= 1 else 0.5
