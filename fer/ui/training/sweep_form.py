"""Start a sweep: one or two settings with several values, each combination with several seeds."""

import dataclasses
import typing
from typing import Any, Final

import streamlit as st

from fer.errors import FerError
from fer.runs import estimates
from fer.runs.config import TrainConfig
from fer.runs.presets import GROUPS, PRESETS, label
from fer.sweeps.grid import MOST_SEEDS, SINGLE, Axis, Point, axis_of, grid
from fer.sweeps.job import Request, open_sweep, request_for
from fer.sweeps.running import require_all_startable
from fer.text import counted, duration
from fer.ui.access import gate
from fer.ui.messages import show_error
from fer.ui.training.notices import SWEEPS, SWEEPS_ANCHOR, notify
from fer.ui.training.sweeps import SHOWN

_START: Final = "Start all"
_NONE: Final = ""
_DEFAULT_SEEDS: Final = 3
_FIELDS: Final = {item.name: item for item in dataclasses.fields(TrainConfig)}
_KINDS: Final = typing.get_type_hints(TrainConfig)
# What can vary, in the order of the form above.
_VARIABLE: Final = tuple(
    name for names in GROUPS.values() for name in names if name not in (*SINGLE, "data", "seed", "corrections")
)


def several_runs(data: str, copied: TrainConfig | None, origin: str) -> None:
    """Draw the form for several runs.

    Args:
        data: the chosen dataset.
        copied: the settings that somebody has copied into the form above, or None.
        origin: where those come from.
    """
    with st.expander("Several runs", icon=":material/stacked_line_chart:", key="training_several"):
        st.caption(
            "Trains every combination of values with several seeds, one after the other, and shows the mean and its "
            "spread. So you see whether a difference is more than chance."
        )
        _form(data, copied, origin)


@st.fragment
def _form(data: str, copied: TrainConfig | None, origin: str) -> None:
    bases = {preset.title: preset.settings(data) for preset in PRESETS}
    if copied is not None:
        bases[f"Settings of {origin}"] = dataclasses.replace(copied, data=data)
    chosen, seeded = st.columns([3, 1])
    with chosen:
        base = st.selectbox("Other settings", list(bases), key="training_sweep_base", persist_state="session")
    with seeded:
        seeds = st.number_input(
            "Seeds",
            min_value=1,
            max_value=MOST_SEEDS,
            value=_DEFAULT_SEEDS,
            key="training_sweep_seeds",
            persist_state="session",
            help="Trainings per combination. They differ in their random numbers alone, so their spread is that of "
            "chance. Three are the least that says something.",
        )
    try:
        axes = [axis for number in (1, 2) if (axis := _axis(number)) is not None]
        points = grid(bases[base], axes, int(seeds))
        request = request_for(bases[base], axes, int(seeds))
        require_all_startable([point.configs[0] for point in points], request)
    except FerError as error:
        wrong, colon, rest = str(error).partition(":")
        show_error(f"{label(wrong)}:{rest}" if colon and wrong in _FIELDS else error)
        st.button(_START, key="training_sweep_refused", icon=":material/play_arrow:", disabled=True)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(_START, key="training_sweep_start", icon=":material/play_arrow:", type="primary"):
            _start(request)
        st.caption(_about(points))


def _axis(number: int) -> Axis | None:
    """Draw the choice of a setting and its values; None if nothing is chosen."""
    left, right = st.columns([1, 2])
    with left:
        name = st.selectbox(
            "Setting" if number == 1 else "Second setting",
            [_NONE, *_VARIABLE],
            format_func=lambda name: label(name) if name else "None",
            key=f"training_sweep_setting_{number}",
            persist_state="session",
        )
    if not name:
        return None
    with right:
        text = st.text_input(
            "Values",
            key=f"training_sweep_values_{number}_{name}",
            persist_state="session",
            placeholder=_example(name),
            help=_range(name),
        ).strip()
    if not text:
        right.caption(f"Type values with commas between them, such as {_example(name)}.")
        return None
    return axis_of(name, text)


def _example(name: str) -> str:
    """Return values of a setting as an example: half and all of its default, or what it may be."""
    item = _FIELDS[name]
    if _KINDS[name] is bool:
        return "yes, no"
    if item.metadata["choices"]:
        return ", ".join(item.metadata["choices"])
    default: Any = item.default
    high = default or item.metadata["high"] / 2
    half = high / 2 if _KINDS[name] is float else max(int(high) // 2, item.metadata["low"])
    return f"{half:g}, {high:g}"


def _range(name: str) -> str:
    meta = _FIELDS[name].metadata
    if meta["low"] is None:
        return str(meta["help"])
    return f"{meta['help']}. From {meta['low']:.10g} to {meta['high']:.10g}."


def _about(points: list[Point]) -> str:
    """Return how many trainings these are, and how long they take here."""
    configs = [config for point in points for config in point.configs]
    measured = [estimates.recall(config) for config in configs]
    text = counted(len(configs), "training")
    if any(one is None for one in measured):
        return f"{text}, time not estimated yet"
    seconds = sum(
        estimates.seconds_for(config, one) for config, one in zip(configs, measured, strict=True) if one is not None
    )
    return f"{text}, about {duration(seconds)} on this computer"


def _start(request: Request) -> None:
    try:
        with st.spinner("Starting ..."):
            job = open_sweep(request)
            with gate.action("started" if job.progress() is None else "resumed", "sweep", job.id):
                job.start(request)
    except FerError as error:
        show_error(error)
        return
    st.session_state[SHOWN] = job.id
    notify(f"The trainings have started. [Watch them](#{SWEEPS_ANCHOR}).", SWEEPS)
    st.rerun()
