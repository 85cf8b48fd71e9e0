"""A new run: its data, presets for a first try, and a form with every setting, made from the settings themselves."""

import dataclasses
import os
import subprocess
from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from fer.errors import FerError
from fer.paths import PROGRAM, home
from fer.runs import control, estimates, store
from fer.runs.checks import require_startable, typed_path, whole_path
from fer.runs.config import MODELS, NETWORKS, TrainConfig
from fer.runs.presets import GROUPS, NETWORK_FACTS, PRESETS, Preset, label
from fer.runs.store import RunSummary
from fer.text import duration
from fer.ui.data_choice import ELSEWHERE, data_options
from fer.ui.training.notices import notify
from fer.ui.training.widgets import setting

_FORM: Final = "training_form"
_PROBE_SECONDS: Final = 300
_COLUMNS: Final = 4
_START_EXPERT: Final = "Start with these settings"


@dataclasses.dataclass(frozen=True)
class _Base:
    """What the form starts from: settings, where they come from, and a number that gives its widgets new keys."""

    config: TrainConfig
    origin: str
    generation: int


def new_run(found: Sequence[RunSummary]) -> None:
    """Choose data and settings, see what it will take, and start.

    Args:
        found: all runs, whose models a new one can start from.
    """
    st.subheader("New run", anchor=False)
    chosen, named = st.columns([2, 1])
    with chosen:
        data = _choose_data()
    with named:
        name = st.text_input("Name", placeholder="made from the settings", key="training_name", max_chars=80)
    if data is None:
        return
    for column, preset in zip(st.columns(len(PRESETS)), PRESETS, strict=True):
        with column, st.container(border=True, height="stretch", vertical_alignment="distribute"):
            _preset_card(preset, data, name)
    _estimate_button(data)
    base = _base()
    with st.expander(
        f"Every setting, starting from {base.origin}",
        icon=":material/tune:",
        expanded=base.generation > 0,
        key=f"training_expert_{base.generation}",
    ):
        _expert(data, name, base, found)


def clone(run_id: str) -> None:
    """Fill the form with a run's settings.

    Raises:
        FerError: they cannot be read.
    """
    config = store.read_config(run_id)
    _start_from(config, f"the run '{store.read_run(run_id).name}'")
    options = data_options()
    st.session_state["training_data"] = config.data if config.data in options else ELSEWHERE
    if config.data not in options:
        st.session_state["training_path"] = config.data


def _choose_data() -> str | None:
    options = data_options()
    chosen = st.selectbox(
        "Data",
        list(options),
        format_func=options.__getitem__,
        key="training_data",
        persist_state="session",
        help="Drawn faces are always there and need no download; what is measured on them says nothing about real "
        "ones. FER-2013 is imported on the Data page.",
    )
    if chosen != ELSEWHERE:
        return chosen
    path = st.text_input(
        "Path on this machine",
        key="training_path",
        persist_state="session",
        placeholder="/home/me/fer2013.csv",
        help="FER-2013's CSV, or a folder with train/, validation/ and test/, a folder a class in each.",
    ).strip()
    if not path:
        st.info("Type the path of labelled faces.", icon=":material/folder_open:")
        return None
    try:
        full = typed_path("Path", path)
    except FerError as error:
        st.error(str(error), icon=":material/error:")
        return None
    if not full.exists():
        st.error(f"There is nothing at {full}; type the path of a folder or of a CSV file.", icon=":material/error:")
        return None
    return str(full.absolute())


def _preset_card(preset: Preset, data: str, name: str) -> None:
    config = preset.settings(data)
    st.markdown(f"**{preset.title}**")
    st.markdown(preset.text)
    st.caption(_takes(config) or "not timed on this machine yet")
    with st.container(horizontal=True):
        if st.button(
            "Start",
            key=f"training_start_{preset.key}",
            type="primary" if preset is PRESETS[0] else "secondary",
            icon=":material/play_arrow:",
        ):
            _start(config, name)
        st.button(
            "Change settings",
            key=f"training_edit_{preset.key}",
            type="tertiary",
            on_click=_start_from,
            args=(config, f"'{preset.title}'"),
        )


def _takes(config: TrainConfig) -> str:
    """'about 1 h 50 min on this machine', or '' where nothing of the kind was measured."""
    measured = estimates.recall(config)
    if measured is None:
        return ""
    return f"about {duration(estimates.seconds_for(config, measured))} on this machine"


def _estimate_button(data: str) -> None:
    config = PRESETS[1].settings(data)
    if estimates.recall(config) is None and st.button(
        "How long will it take?",
        icon=":material/timer:",
        type="tertiary",
        key="training_probe",
        help="Tries a few steps of the network on these data, in a process of its own: half a minute.",
    ):
        _probe(config)


def _probe(config: TrainConfig) -> None:
    """Time a few steps in a process of its own, and draw the page again with what it found."""
    if store.active_runs():
        st.warning(
            "A run is going on, and would be timed with it; ask again when it has ended.", icon=":material/timer:"
        )
        return
    with st.spinner("Trying a few steps ...", show_time=True):
        command = [*control.train_command(config), "--estimate"]
        try:
            done = subprocess.run(
                command,
                cwd=PROGRAM,
                # A relative FER_HOME is one from here, and not from where the command runs.
                env={**os.environ, "FER_HOME": str(home())},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_PROBE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            st.error("A few steps took more than five minutes; choose a smaller network or data set.")
            return
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        st.error(last.removeprefix("Error: "), icon=":material/error:")
        return
    st.rerun()


def _start(config: TrainConfig, name: str) -> None:
    try:
        with st.spinner("Starting ..."):
            run_id = control.start(config, name)
            run = store.read_run(run_id)
    except FerError as error:
        st.error(str(error), icon=":material/error:")
        return
    ahead = [other for other in store.active_runs() if other.id != run_id]
    if run.state == "queued" and ahead:
        notify(f"'{run.name}' waits until '{ahead[0].name}' has ended.")
    st.rerun()


def _base() -> _Base:
    if _FORM not in st.session_state:
        st.session_state[_FORM] = _Base(TrainConfig(), "'Standard'", 0)
    base: _Base = st.session_state[_FORM]
    return base


def _start_from(config: TrainConfig, origin: str) -> None:
    st.session_state[_FORM] = _Base(config, origin, _base().generation + 1)


def _width(field: str) -> int:
    """Columns that a setting takes: names of models need room."""
    return 2 if field in MODELS else 1


def _rows(fields: Sequence[str]) -> list[list[str]]:
    """The settings of a group in their order, in rows that they fit into."""
    rows: list[list[str]] = [[]]
    for field in fields:
        if sum(map(_width, rows[-1])) + _width(field) > _COLUMNS:
            rows.append([])
        rows[-1].append(field)
    return rows


@st.fragment
def _expert(data: str, name: str, base: _Base, found: Sequence[RunSummary]) -> None:
    """A widget for every setting. Settings that contradict each other are refused in words."""
    values: dict[str, Any] = {"data": data}
    for group, names in GROUPS.items():
        st.markdown(f"**{group}**")
        for row in _rows([field for field in names if field != "data"]):
            widths = [_width(field) for field in row]
            columns = st.columns([*widths, *[1] * (_COLUMNS - sum(widths))])
            for column, field in zip(columns, row, strict=False):
                with column:
                    key = f"training_{base.generation}_{field}"
                    values[field] = setting(field, getattr(base.config, field), key, found)
    facts = " ".join(f"{network}: {NETWORK_FACTS[network].text}." for network in NETWORKS)
    st.caption(f"Networks. {facts}")
    try:
        if values["votes"]:
            values["votes"] = whole_path("votes", values["votes"])
        config = TrainConfig(**values)
        require_startable(config)
    except FerError as error:
        name, _, rest = str(error).partition(":")
        st.error(f"{label(name)}:{rest}" if name in values else str(error), icon=":material/error:")
        st.button(_START_EXPERT, key="training_refused", icon=":material/play_arrow:", disabled=True)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(_START_EXPERT, key="training_start_expert", icon=":material/play_arrow:"):
            _start(config, name)
        takes = _takes(config)
        if takes:
            st.caption(takes)
        elif st.button("How long will it take?", key="training_probe_expert", type="tertiary", icon=":material/timer:"):
            _probe(config)
    st.caption("The same by hand")
    st.code(control.command_text(config, name.strip()), language=None, wrap_lines=True)
