"""Start a new run: choose the data, a preset, or every setting in a form."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from fer.errors import FerError
from fer.runs import control, estimates, store
from fer.runs.checks import absolute_path, require_startable, typed_path
from fer.runs.config import MODELS, NETWORKS, TrainConfig
from fer.runs.making import MAX_NAME
from fer.runs.presets import GROUPS, NETWORK_FACTS, PRESETS, Preset, label
from fer.runs.probing import measure_speed
from fer.runs.progress import QUEUED
from fer.runs.store import RunSummary
from fer.text import duration, literal
from fer.ui.access import gate
from fer.ui.data_choice import ELSEWHERE, data_options
from fer.ui.messages import show_error
from fer.ui.training.notices import FORM, FORM_ANCHOR, RUNNING_ANCHOR, While, notices, notify
from fer.ui.training.sweep_form import several_runs
from fer.ui.training.widgets import setting

_FORM: Final = "training_form"
_NAME: Final = "training_name"
_NAME_USED: Final = "training_name_used"
_COLUMNS: Final = 4
_START_EXPERT: Final = "Start with these settings"


@dataclasses.dataclass(frozen=True)
class _Base:
    """The settings that fill the form, where they come from, and a number that gives the widgets new keys."""

    config: TrainConfig
    origin: str
    generation: int


def new_run(found: Sequence[RunSummary]) -> None:
    """Draw the choice of data and settings, the estimated time, and the buttons to start.

    Args:
        found: all runs; a new run can start from their models.
    """
    st.subheader("New run", anchor=FORM_ANCHOR)
    notices(FORM)
    chosen, named = st.columns([2, 1])
    with chosen:
        data = _choose_data()
    if st.session_state.pop(_NAME_USED, False):
        st.session_state[_NAME] = ""
    with named:
        name = st.text_input("Name", placeholder="optional", key=_NAME, max_chars=MAX_NAME)
    if data is None:
        return
    for column, preset in zip(st.columns(len(PRESETS)), PRESETS, strict=True):
        with column, st.container(border=True, height="stretch", vertical_alignment="distribute"):
            _preset_card(preset, data, name)
    _estimate_button(data)
    base = _base()
    with st.expander(
        f"All settings, starting from {base.origin}",
        icon=":material/tune:",
        expanded=base.generation > 0,
        key=f"training_expert_{base.generation}",
    ):
        _expert(data, name, base, found)
    several_runs(data, base.config if base.generation else None, base.origin)


def clone(run_id: str) -> None:
    """Fill the form with a run's settings.

    Raises:
        FerError: the settings can't be read.
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
        help="Synthetic faces need no download, but results on them say nothing about real faces. Import FER-2013 on "
        "the Data page.",
    )
    if chosen != ELSEWHERE:
        return chosen
    path = st.text_input(
        "Path on this computer",
        key="training_path",
        persist_state="session",
        placeholder="/home/me/fer2013.csv",
        help="FER-2013's CSV file, or a folder with train/, validation/ and test/, each with a folder per class.",
    ).strip()
    if not path:
        st.info("Type the path of a dataset of labelled faces.", icon=":material/folder_open:")
        return None
    try:
        full = typed_path("Path", path)
    except FerError as error:
        show_error(error)
        return None
    if not full.exists():
        show_error(f"{full} doesn't exist; type the path of a folder or a CSV file.")
        return None
    return str(full.absolute())


def _preset_card(preset: Preset, data: str, name: str) -> None:
    config = preset.settings(data)
    # Two blocks, one at the top and one at the bottom of the card, so that the buttons of all cards are in line.
    with st.container():
        st.markdown(f"**{preset.title}**")
        st.markdown(preset.text)
        st.caption(_takes(config) or "time not estimated yet")
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
    """Return 'about 1 h 50 min on this computer', or '' if the speed wasn't measured yet."""
    measured = estimates.recall(config)
    if measured is None:
        return ""
    return f"about {duration(estimates.seconds_for(config, measured))} on this computer"


def _estimate_button(data: str) -> None:
    unknown: dict[str, TrainConfig] = {}
    for preset in PRESETS:
        config = preset.settings(data)
        if estimates.recall(config) is None:
            unknown.setdefault(config.network, config)
    if unknown and st.button(
        "How long will it take?",
        icon=":material/timer:",
        type="tertiary",
        key="training_probe",
        help="Times a few training steps on these data. It takes a minute.",
    ):
        _measure(list(unknown.values()))


def _measure(configs: Sequence[TrainConfig]) -> None:
    """Measure the speed of this machine for each network, and draw the page again with the estimates."""
    try:
        with st.spinner("Timing a few steps ...", show_time=True):
            for config in configs:
                measure_speed(config)
    except FerError as error:
        show_error(error)
        return
    st.rerun()


def _start(config: TrainConfig, name: str) -> None:
    try:
        with st.spinner("Starting ..."):
            before = {active.id for active in store.active_runs()}
            run = store.read_run(control.start(config, name))
            # The settings of an active run start no second one, and it stays whose it is.
            if run.id not in before:
                gate.record("started", "run", run.id)
    except FerError as error:
        show_error(error)
        return
    # The next run needs another name.
    st.session_state[_NAME_USED] = True
    called, while_active = literal(run.name), While(run.id)
    ahead = [other for other in store.active_runs() if other.id != run.id]
    if run.id in before:
        notify(f"'{called}' has these settings and is {run.state} already.", FORM, true_while=while_active)
    elif run.state == QUEUED and ahead:
        first = literal(ahead[0].name)
        notify(f"'{called}' is queued and starts when '{first}' has ended.", FORM, true_while=While(run.id, (QUEUED,)))
    else:
        notify(f"'{called}' has started. [Watch it](#{RUNNING_ANCHOR}).", FORM, true_while=while_active)
    st.rerun()


def _base() -> _Base:
    if _FORM not in st.session_state:
        st.session_state[_FORM] = _Base(TrainConfig(), "'Standard'", 0)
    base: _Base = st.session_state[_FORM]
    return base


def _start_from(config: TrainConfig, origin: str) -> None:
    st.session_state[_FORM] = _Base(config, origin, _base().generation + 1)


def _width(field: str) -> int:
    """Return how many columns a setting takes; names of models need more room."""
    return 2 if field in MODELS else 1


def _rows(fields: Sequence[str]) -> list[list[str]]:
    """Arrange the settings of a group in rows, in their order."""
    rows: list[list[str]] = [[]]
    for field in fields:
        if sum(map(_width, rows[-1])) + _width(field) > _COLUMNS:
            rows.append([])
        rows[-1].append(field)
    return rows


@st.fragment
def _expert(data: str, name: str, base: _Base, found: Sequence[RunSummary]) -> None:
    """Draw a widget for every setting, with the button to start above them, where it stays visible."""
    start = st.container()
    values: dict[str, Any] = {"data": data}
    for tab, (group, names) in zip(st.tabs(list(GROUPS)), GROUPS.items(), strict=True):
        with tab:
            _group(names, values, base, found)
            if group == "Main":
                facts = " ".join(f"{network}: {NETWORK_FACTS[network].text}." for network in NETWORKS)
                st.caption(f"Networks. {facts}")
    with start:
        _start_with(values, name)


def _group(names: Sequence[str], values: dict[str, Any], base: _Base, found: Sequence[RunSummary]) -> None:
    """Draw the widgets of a group of settings, and put their values into `values`."""
    for row in _rows([name for name in names if name != "data"]):
        widths = [_width(name) for name in row]
        columns = st.columns([*widths, *[1] * (_COLUMNS - sum(widths))])
        for column, name in zip(columns, row, strict=False):
            with column:
                key = f"training_{base.generation}_{name}"
                values[name] = setting(name, getattr(base.config, name), key, found)


def _start_with(values: dict[str, Any], name: str) -> None:
    """Draw the button to start with these settings, or what is wrong with them."""
    try:
        if values["votes"]:
            values["votes"] = absolute_path("votes", values["votes"])
        config = TrainConfig(**values)
        require_startable(config)
    except FerError as error:
        wrong, _, rest = str(error).partition(":")
        show_error(f"{label(wrong)}:{rest}" if wrong in values else error)
        st.button(_START_EXPERT, key="training_refused", icon=":material/play_arrow:", disabled=True)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(_START_EXPERT, key="training_start_expert", icon=":material/play_arrow:", type="primary"):
            _start(config, name)
        takes = _takes(config)
        if takes:
            st.caption(takes)
        elif st.button("How long will it take?", key="training_probe_expert", type="tertiary", icon=":material/timer:"):
            _measure([config])
    with st.expander("Command", icon=":material/terminal:"):
        st.code(control.command_text(config, name.strip()), language=None, wrap_lines=True)
