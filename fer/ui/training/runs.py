"""The table of all runs, the details of one, and the comparison of several."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

from fer.errors import FerError
from fer.runs import control, curves, making, serving, store
from fer.runs.progress import FAILED, INTERRUPTED, STATES
from fer.runs.store import RunSummary
from fer.text import ago, duration, literal, percent
from fer.ui.access import gate
from fer.ui.messages import show_error
from fer.ui.tables import NAME_PX, row_px, table_px
from fer.ui.training.actions import actions, back_to_shipped
from fer.ui.training.comparison import comparison
from fer.ui.training.fine_tuning import fine_tuning
from fer.ui.training.notices import RUNS, RUNS_ANCHOR, just_ended, notices
from fer.ui.training.progress import show_curves
from fer.ui.training.sweeps import sweep_names

_TABLE: Final = "training_table"
_TABLE_PX: Final = 400
# Together with name and data, these widths fit into a window of 1280 pixels; name, best and state into one of 400.
_NARROW_PX: Final = 68
_STATE_PX: Final = 76
_TIME_PX: Final = 122


def runs(found: list[RunSummary]) -> None:
    """Draw the table of all runs, and the details or the comparison of the selected ones.

    Args:
        found: all runs, the newest first.
    """
    st.subheader("Runs", anchor=RUNS_ANCHOR)
    _in_use(found)
    notices(RUNS)
    if not found:
        st.caption("No runs yet. Your runs, with their curves and models, will be listed here.")
        return
    names = sweep_names(found)
    shown = _together(_filtered(found, names))
    # A run that has just ended is shown until another one is selected.
    chosen = _table(shown, names) or [run for run in shown if run.id == just_ended()]
    if len(chosen) == 1:
        _details(chosen[0])
    elif chosen:
        comparison(chosen)
    else:
        st.caption("Select a run to see its curves and use its model. Select several to compare them.")


def _in_use(found: list[RunSummary]) -> None:
    run_id = serving.run_in_use()
    if serving.shipped_in_use():
        st.caption("Model in use: the shipped model.")
        return
    name = "an imported model"
    if run_id is not None:
        name = next((f"the model of '{run.name}'" for run in found if run.id == run_id), "a deleted run's model")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Model in use: **{name}**.")
        back_to_shipped()


def _together(found: list[RunSummary]) -> list[RunSummary]:
    """Return the runs with those of a sweep next to each other, where its newest one is."""
    first: dict[str, int] = {}
    for position, run in enumerate(found):
        first.setdefault(run.origin.sweep or run.id, position)
    return sorted(found, key=lambda run: first[run.origin.sweep or run.id])


def _filtered(found: list[RunSummary], names: Mapping[str, str]) -> list[RunSummary]:
    if len(found) < 3:
        return found
    text_place, state_place = st.columns([1, 2], vertical_alignment="bottom")
    text = text_place.text_input(
        "Filter", key="training_filter", placeholder="name, data, network", icon=":material/search:"
    )
    present = [state for state in STATES if any(run.state == state for run in found)]
    states = state_place.pills("States", present, selection_mode="multi", key="training_states")
    words = text.lower().split()
    return [
        run
        for run in found
        if (not states or run.state in states) and all(word in _searched(run, names) for word in words)
    ]


def _searched(run: RunSummary, names: Mapping[str, str]) -> str:
    """Return the text in which the filter looks for its words."""
    sweep = run.origin.sweep
    return f"{run.name} {run.progress.data} {run.progress.network} {run.id} {names.get(sweep, sweep)}".lower()


def _table(found: list[RunSummary], names: Mapping[str, str]) -> list[RunSummary]:
    # The table isn't updated while a run is active, apart from its state and its first metrics; the top of the page
    # shows its progress. The columns that matter most come first, because a phone shows no others.
    frame = pd.DataFrame(
        [
            {
                "Name": run.name,
                "Best": None if run.validation_accuracy is None else 100 * run.validation_accuracy,
                "State": "stopping" if run.stopping else run.state,
                "Started": run.started,
                "Epochs": "" if run.active else f"{run.progress.epoch} of {run.progress.epochs}",
                "Took": "" if run.active or not run.progress.seconds else duration(run.progress.seconds),
                "Network": run.progress.network,
                "Data": run.progress.data,
                **({"Sweep": names.get(run.origin.sweep, run.origin.sweep)} if names else {}),
            }
            for run in found
        ]
    )
    # In the words of every other page. A style changes what is shown, and columns are sorted by what they hold.
    words: dict[Any, str | Callable[[Any], str] | None] = {
        "Best": "{:.1f} %",
        "Started": lambda started: ago(started.isoformat()),
    }
    height_of_row = row_px(frame["Name"] if found else ())
    event = st.dataframe(
        frame.style.format(words if found else None, na_rep=""),
        # Rows are selected by position, so another list of runs needs another key.
        key=f"{_TABLE}_{hash(tuple(run.id for run in found))}",
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        placeholder="",
        height=table_px(len(found), height_of_row, _TABLE_PX),
        row_height=height_of_row,
        column_config={
            "Name": st.column_config.TextColumn(width=NAME_PX),
            "Best": st.column_config.NumberColumn(
                help="Validation accuracy of the best epoch. Select a run to see its accuracy on the test split.",
                width=_NARROW_PX,
            ),
            "State": st.column_config.TextColumn(width=_STATE_PX),
            "Started": st.column_config.DatetimeColumn(width=_TIME_PX),
            "Epochs": st.column_config.TextColumn(width=_NARROW_PX),
            "Took": st.column_config.TextColumn(width=_NARROW_PX),
            "Network": st.column_config.TextColumn(width=_STATE_PX),
        },
        alt="Table of all training runs",
    )
    return [found[row] for row in event.selection.rows if row < len(found)]


def _details(run: RunSummary) -> None:
    with st.container(border=True):
        st.markdown(f"### {run.name}")
        _why(run)
        actions(run)
        _report(run)
        fine_tuning(run.id)
        if not run.active:
            show_curves(run)
        _notes(run)
        with st.expander("Settings", icon=":material/tune:"):
            _settings(run)


def _why(run: RunSummary) -> None:
    progress = run.progress
    epochs = f"{progress.epochs} epochs" if run.active else f"{progress.epoch} of {progress.epochs} epochs"
    about = f"{run.state}, {epochs}, {progress.network} on {progress.data}"
    if run.validation_accuracy is not None and not run.active:
        about += f", best accuracy {percent(run.validation_accuracy)} on validation (epoch {progress.best_epoch})"
    st.caption(f"{about} · {run.id}")
    if run.state == INTERRUPTED:
        st.warning(
            "The run stopped unexpectedly, for example because memory ran out or the computer was switched off. Resume "
            "continues it from its last checkpoint.",
            icon=":material/power_off:",
        )
    elif run.state == FAILED:
        show_error(progress.message or "The run failed; see its log.")
    elif progress.message:
        st.info(literal(progress.message), icon=":material/info:")
    for sentence in curves.damaged_files(run.id):
        st.warning(literal(sentence), icon=":material/broken_image:")


def _report(run: RunSummary) -> None:
    report = curves.read_report(run.id)
    splits = report.get("metrics", {})
    metrics = {name: values for name, values in splits.items() if isinstance(values, dict) and "accuracy" in values}
    if not metrics:
        return
    if report.get("data", {}).get("synthetic"):
        st.info("These are synthetic faces; the results say nothing about real ones.", icon=":material/draw:")
    with st.container(horizontal=True):
        for name in ("test", "validation", "calibration"):
            if name in metrics:
                values = metrics[name]
                low, high = values.get("accuracy_interval", (values["accuracy"],) * 2)
                st.metric(
                    f"Accuracy, {name} split",
                    percent(values["accuracy"]),
                    width="content",
                    help=f"{values['n']:,} faces; 95 % confidence interval {percent(low)} to {percent(high)}.",
                )
        best = metrics.get("test") or metrics.get("validation")
        if best:
            st.metric("Macro F1", f"{best['macro_f1']:.3f}", width="content")
            st.metric("Calibration error", f"{best['ece']:.3f}", width="content")


def _notes(run: RunSummary) -> None:
    with (
        st.expander("Name and notes", icon=":material/edit_note:", key=f"training_notes_{run.id}"),
        st.form(f"training_notes_form_{run.id}", border=False),
    ):
        name = st.text_input("Name", value=run.name, max_chars=making.MAX_NAME)
        notes = st.text_area("Notes", value=run.notes, max_chars=10_000)
        why_not = gate.refusal("changed", "run", run.id)
        if st.form_submit_button("Save", disabled=why_not is not None, help=why_not):
            try:
                with gate.action("changed", "run", run.id):
                    making.set_notes(run.id, name=name, notes=notes)
            except FerError as error:
                show_error(error)
            else:
                st.rerun()


def _settings(run: RunSummary) -> None:
    try:
        config = store.read_config(run.id)
    except FerError as error:
        show_error(error)
        return
    st.caption("Command")
    st.code(control.command_text(config), language=None, wrap_lines=True)
    st.json(json.loads(config.to_json()), expanded=False)
