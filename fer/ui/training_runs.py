"""All runs: the table, one of them in full, several compared, and what can be done with each."""

import dataclasses
import io
import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.runs import control, curves, estimates, files, serving, store
from fer.runs.progress import FAILED, INTERRUPTED, STATES
from fer.runs.store import RunSummary
from fer.ui import training_charts as charts
from fer.ui.training import notify, show_curves
from fer.ui.training_form import clone

_TABLE: Final = "training_table"
_TABLE_PX: Final = 320
_COMPARED: Final = {
    "Validation accuracy": "val_accuracy",
    "Validation loss": "val_loss",
    "Training loss": "loss",
    **{f"Accuracy: {emotion}": f"accuracy_{emotion}" for emotion in EMOTIONS},
}


def runs() -> None:
    """The table of all runs, and what is chosen in it."""
    st.subheader("Runs", anchor=False)
    found = store.list_runs()
    _in_use()
    if not found:
        st.caption("Runs stay here, with their curves and models, until you delete them.")
        return
    shown = _filtered(found)
    chosen = _table(shown)
    if len(chosen) == 1:
        _details(chosen[0])
    elif chosen:
        _comparison(chosen)
    else:
        st.caption("Choose a run in the table to see its curves and use its model; choose several to compare them.")


def _in_use() -> None:
    run_id = serving.run_in_use()
    if serving.shipped_in_use():
        st.caption("In use on all pages: the shipped model.")
        return
    name = "a model from elsewhere"
    if run_id is not None:
        name = next(
            (f"the model of '{run.name}'" for run in store.list_runs() if run.id == run_id), "a deleted run's model"
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"In use on all pages: **{name}**.")
        st.button("Back to the shipped model", key="training_shipped", icon=":material/undo:", on_click=_use_shipped)


def _filtered(found: list[RunSummary]) -> list[RunSummary]:
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
        if (not states or run.state in states)
        and all(word in f"{run.name} {run.progress.data} {run.progress.network} {run.id}".lower() for word in words)
    ]


def _table(found: list[RunSummary]) -> list[RunSummary]:
    in_use = serving.run_in_use()
    frame = pd.DataFrame(
        [
            {
                "Name": run.name,
                "State": run.state,
                "Best": run.progress.best_accuracy,
                "Epochs": f"{run.progress.epoch} of {run.progress.epochs}",
                "Data": run.progress.data,
                "Network": run.progress.network,
                "Started": datetime.fromtimestamp(run.progress.started),
                "Took": estimates.duration(run.progress.seconds) if run.progress.seconds else "",
                "MB": run.bytes / 1e6,
                "In use": run.id == in_use,
            }
            for run in found
        ]
    )
    event = st.dataframe(
        frame,
        # Another list of runs is another table: rows are chosen by their place.
        key=f"{_TABLE}_{hash(tuple(run.id for run in found))}",
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        placeholder="",
        height=min(_TABLE_PX, 38 + 35 * len(found)),
        column_config={
            "Best": st.column_config.NumberColumn(
                format="percent", help="Best accuracy on the validation split of its data"
            ),
            "Started": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            "MB": st.column_config.NumberColumn(format="%.0f", help="On the disk"),
        },
        alt="Table of all training runs",
    )
    return [found[row] for row in event.selection.rows if row < len(found)]


def _details(run: RunSummary) -> None:
    with st.container(border=True):
        st.markdown(f"### {run.name}")
        _why(run)
        _actions(run)
        _report(run)
        if not run.active:
            show_curves(run)
        _notes(run)
        with st.expander("Settings", icon=":material/tune:"):
            _settings(run)


def _why(run: RunSummary) -> None:
    progress = run.progress
    about = f"{run.state}, {progress.epoch} of {progress.epochs} epochs, {progress.network} on {progress.data}"
    if progress.best_accuracy is not None:
        about += f", best accuracy {progress.best_accuracy:.1%} on validation (epoch {progress.best_epoch})"
    st.caption(f"{about} · {run.id}")
    if run.state == INTERRUPTED:
        st.warning(
            "Its process ended without a word: killed, out of memory, or a power cut. Resume goes on from its last "
            "checkpoint.",
            icon=":material/power_off:",
        )
    elif run.state == FAILED:
        st.error(f"{progress.message or 'It failed; the log says why.'}", icon=":material/error:")
    elif progress.message:
        st.info(progress.message, icon=":material/info:")


def _actions(run: RunSummary) -> None:
    with st.container(horizontal=True):
        if run.has_bundle and st.button(
            "Use this model",
            key=f"training_use_{run.id}",
            icon=":material/published_with_changes:",
            type="primary",
            disabled=serving.run_in_use() == run.id,
            help="Checks that the served file computes what was trained, then serves it on all pages at once.",
        ):
            _use(run)
        if run.resumable and st.button("Resume", key=f"training_resume_{run.id}", icon=":material/resume:"):
            _resume(run)
        st.button(
            "Copy the settings",
            key=f"training_clone_{run.id}",
            icon=":material/content_copy:",
            on_click=_clone,
            args=(run.id,),
        )
        _downloads(run)
        if not run.active:
            _deletion(run)


def _use(run: RunSummary) -> None:
    try:
        with st.spinner("Checking the model ..."):
            serving.use_run(run.id)
    except FerError as error:
        st.error(str(error), icon=":material/error:")
        return
    notify(f"Live and Upload now use the model of '{run.name}'.")
    st.rerun()


def _resume(run: RunSummary) -> None:
    try:
        with st.spinner("Starting ..."):
            control.resume(run.id)
    except FerError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.rerun()


def _clone(run_id: str) -> None:
    try:
        clone(run_id)
    except FerError as error:
        notify(str(error), error=True)
        return
    notify("The form 'Every setting' now holds the settings of that run.")


def _use_shipped() -> None:
    serving.use_shipped()
    notify("All pages use the shipped model again.")


def _deletion(run: RunSummary) -> None:
    """Delete, in two steps."""
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(
            f"**{run.name}**, {run.progress.epoch} epochs, {run.bytes / 1e6:.0f} MB: its curves, checkpoints and model "
            "go for good. If its model is in use, that copy stays."
        )
        st.button(
            "Delete it for good",
            key=f"training_delete_{run.id}",
            type="primary",
            icon=":material/delete:",
            on_click=_delete,
            args=(run,),
        )


def _delete(run: RunSummary) -> None:
    try:
        control.delete(run.id)
        notify(f"'{run.name}' was deleted.")
    except FerError as error:
        notify(str(error), error=True)


def _downloads(run: RunSummary) -> None:
    with st.popover("Download", icon=":material/download:"):
        if run.has_bundle:
            st.download_button(
                "Model bundle (zip)",
                # Made when it is asked for: megabytes that nobody may want.
                lambda: _zip(run.folder / files.BUNDLE),
                file_name=f"{serving.slug(run.name) or run.id}.zip",
                mime="application/zip",
                key=f"training_zip_{run.id}",
                on_click="ignore",
            )
        for title, name, mime in (
            ("Settings (JSON)", files.CONFIG, "application/json"),
            ("Curves (CSV)", files.METRICS, "text/csv"),
            ("Report (HTML)", "report.html", "text/html"),
            ("Report (JSON)", files.REPORT, "application/json"),
            ("Log", files.LOG, "text/plain"),
        ):
            file = run.folder / name
            if file.is_file():
                st.download_button(
                    title,
                    file.read_bytes,
                    file_name=f"{run.id}-{name}",
                    mime=mime,
                    key=f"training_download_{name}_{run.id}",
                    on_click="ignore",
                )


def _zip(folder: Path) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    return data.getvalue()


def _report(run: RunSummary) -> None:
    report = curves.read_report(run.id)
    splits = report.get("metrics", {})
    figures = {name: values for name, values in splits.items() if isinstance(values, dict) and "accuracy" in values}
    if not figures:
        return
    if report.get("data", {}).get("synthetic"):
        st.info("The faces are drawn: these figures say nothing about real ones.", icon=":material/draw:")
    with st.container(horizontal=True):
        for name in ("test", "validation", "calibration"):
            if name in figures:
                values = figures[name]
                low, high = values.get("accuracy_interval", (values["accuracy"],) * 2)
                st.metric(
                    f"Accuracy, {name} split",
                    f"{values['accuracy']:.1%}",
                    width="content",
                    help=f"Of {values['n']:,} faces, as served; 95 % interval {low:.1%} to {high:.1%}.",
                )
        best = figures.get("test") or figures.get("validation")
        if best:
            st.metric("Macro F1", f"{best['macro_f1']:.3f}", width="content")
            st.metric("Calibration error", f"{best['ece']:.3f}", width="content")


def _notes(run: RunSummary) -> None:
    with (
        st.expander("Name and notes", icon=":material/edit_note:", key=f"training_notes_{run.id}"),
        st.form(f"training_notes_form_{run.id}", border=False),
    ):
        name = st.text_input("Name", value=run.name, max_chars=80)
        notes = st.text_area("Notes", value=run.notes, max_chars=10_000)
        if st.form_submit_button("Save"):
            try:
                store.set_notes(run.id, name=name, notes=notes)
            except FerError as error:
                st.error(str(error), icon=":material/error:")
            else:
                st.rerun()


def _settings(run: RunSummary) -> None:
    try:
        config = store.read_config(run.id)
    except FerError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.caption("The same by hand")
    st.code(" ".join(["python", *control.train_command(config)[1:]]), language=None, wrap_lines=True)
    st.json(json.loads(config.to_json()), expanded=False)


def _comparison(chosen: list[RunSummary]) -> None:
    if len(chosen) > charts.MOST_COMPARED:
        st.caption(f"The first {charts.MOST_COMPARED} of the {len(chosen)} runs chosen are compared.")
    compared = chosen[: charts.MOST_COMPARED]
    tables: dict[str, pd.DataFrame] = {}
    for run in compared:
        # Runs of one name are told apart by their id.
        called = run.name if run.name not in tables else f"{run.name} ({run.id[-4:]})"
        tables[called] = curves.read_metrics(run.id)
    with st.container(border=True):
        st.markdown("### Compared")
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
            settings[name] = dataclasses.asdict(store.read_config(run.id))
        except FerError:
            settings[name] = {}
    frame = pd.DataFrame(settings).astype(str)
    return frame[frame.nunique(axis=1) > 1]
