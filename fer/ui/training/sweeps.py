"""Show sweeps: progress, a table of mean and spread, curves with bands, and ways to stop and resume."""

import json
from collections.abc import Sequence
from typing import Final

import pandas as pd
import streamlit as st

from fer.datasets.store.loading import SYNTHETIC
from fer.errors import FerError
from fer.jobs.job import FAILED, RUNNING, STOPPED, Progress
from fer.runs.store import RunSummary
from fer.sweeps.attendance import end_at_once
from fer.sweeps.job import SweepJob, delete_sweep, describe, find_sweep, list_sweeps
from fer.sweeps.results import PointResult, caption, cells, curve, in_words, results_of_sweep, to_dict
from fer.text import duration, literal
from fer.ui.access import gate
from fer.ui.messages import show_error
from fer.ui.plots import Chart, live_charts
from fer.ui.tables import NAME_PX, row_px
from fer.ui.training import charts
from fer.ui.training.notices import SWEEPS, SWEEPS_ANCHOR, draw_again, notices, notify
from fer.ui.widgets import guarded_button

# The id of the sweep that is shown, in the session's state.
SHOWN: Final = "training_sweep_shown"
_CHOICE: Final = "training_sweep_choice"
_POLL_SECONDS: Final = 2.0
_CURVES: Final = {"Validation accuracy": "val_accuracy", "Validation loss": "val_loss"}


def sweep_names(found: Sequence[RunSummary]) -> dict[str, str]:
    """Return the names of sweeps by their id; {} if none of these runs belongs to one."""
    if not any(run.origin.sweep for run in found):
        return {}
    return {job.id: describe(job) for job in list_sweeps()}


def sweeps() -> None:
    """Draw the sweep that the user has chosen; nothing if there is none."""
    jobs = {job.id: job for job in list_sweeps()}
    if not jobs:
        return
    st.subheader("Results of several runs", anchor=SWEEPS_ANCHOR)
    notices(SWEEPS)
    job = _choose(jobs)
    running = job.running

    @st.fragment(run_every=_POLL_SECONDS if running else None)
    def live() -> None:
        if job.running != running:
            draw_again()
        _show(job)

    with st.container(border=True):
        live()


def _choose(jobs: dict[str, SweepJob]) -> SweepJob:
    """Let the user choose a sweep: the newest, or one that was started or chosen in this session."""
    if (shown := st.session_state.pop(SHOWN, None)) in jobs:
        st.session_state[_CHOICE] = shown
    if st.session_state.get(_CHOICE) not in jobs:
        st.session_state.pop(_CHOICE, None)
    names = {sweep_id: f"{describe(job)} ({sweep_id})" for sweep_id, job in jobs.items()}
    chosen = st.selectbox(
        "Sweep",
        list(jobs),
        format_func=names.__getitem__,
        key=_CHOICE,
        persist_state="session",
        label_visibility="collapsed",
    )
    return jobs[chosen]


def _show(job: SweepJob) -> None:
    progress, points = job.progress(), results_of_sweep(job)
    _state(job, progress, points)
    _actions(job, progress, points)
    if not points:
        return
    st.dataframe(
        pd.DataFrame([cells(point) for point in points]),
        hide_index=True,
        key=f"training_sweep_table_{job.id}",
        row_height=row_px(point.words for point in points),
        column_config={"Settings": st.column_config.TextColumn(pinned=True, width=NAME_PX)},
        alt="Mean and spread over seeds of each combination of values",
    )
    if text := caption(points):
        st.caption(text)
    request = job.find_request()
    if request is not None and request.config.get("data") == SYNTHETIC:
        st.info("These are synthetic faces; the results say nothing about real ones.", icon=":material/draw:")
    for point in points:
        for seed, reason in point.failures.items():
            name = f"{point.words}, seed {seed}" if point.words else f"Seed {seed}"
            show_error(f"{name}: {reason}")
    _curves(job, points)


def _state(job: SweepJob, progress: Progress | None, points: list[PointResult]) -> None:
    if progress is not None and progress.state == RUNNING:
        left = "" if progress.seconds_left is None else f", {duration(progress.seconds_left)} left"
        st.progress(min(progress.share, 1.0), text=f"{progress.text}{left}")
        if job.stopping:
            st.caption("The running trainings finish their current step and keep their best models.")
        return
    words = in_words(points) if points else "Nothing done yet"
    if progress is not None and progress.state == FAILED:
        show_error(progress.error or job.unexpected)
    stopped = progress is not None and progress.state == STOPPED
    st.markdown(f"{words}, stopped" if stopped else words)


def _actions(job: SweepJob, progress: Progress | None, points: list[PointResult]) -> None:
    with st.container(horizontal=True):
        if progress is not None and progress.state == RUNNING:
            _stop_button(job)
            return
        if any(len(point.done) < point.planned for point in points) or not points:
            guarded_button(
                "Resume",
                ("resumed", "sweep", job.id),
                key=f"training_sweep_resume_{job.id}",
                icon=":material/resume:",
                help="Trains what isn't done yet; a stopped training continues from its last checkpoint.",
                on_click=_resume,
                args=(job.id,),
            )
        if points:
            st.download_button(
                "Download (JSON)",
                json.dumps(to_dict(job, points), indent=2),
                f"sweep-{job.id}.json",
                "application/json",
                key=f"training_sweep_json_{job.id}",
                icon=":material/download:",
                on_click="ignore",
            )
        guarded_button(
            "Remove",
            ("deleted", "sweep", job.id),
            key=f"training_sweep_delete_{job.id}",
            icon=":material/delete:",
            help="Removes this table. Its runs stay.",
            on_click=_delete,
            args=(job.id,),
        )


def _stop_button(job: SweepJob) -> None:
    if job.stopping:
        guarded_button(
            "Force stop",
            ("stopped", "sweep", job.id),
            key=f"training_sweep_kill_{job.id}",
            icon=":material/dangerous:",
            help="Ends the trainings now. Anything learned since their last checkpoints is lost.",
            on_click=_stop,
            args=(job.id,),
            kwargs={"at_once": True},
        )
    else:
        guarded_button(
            "Stop all",
            ("stopped", "sweep", job.id),
            key=f"training_sweep_stop_{job.id}",
            icon=":material/stop:",
            help="Stops after the current step and starts no further training. You can resume it later.",
            on_click=_stop,
            args=(job.id,),
        )


def _stop(sweep_id: str, *, at_once: bool = False) -> None:
    try:
        with gate.action("stopped", "sweep", sweep_id):
            job = find_sweep(sweep_id)
            if not at_once:
                job.ask_to_stop()
                return
            job.stop()
            plan = job.plan()
            end_at_once(() if plan is None else plan.identities)
    except FerError as error:
        notify(literal(str(error)), SWEEPS, error=True)


def _resume(sweep_id: str) -> None:
    try:
        with gate.action("resumed", "sweep", sweep_id):
            job = find_sweep(sweep_id)
            job.start(job.read_request())
    except FerError as error:
        notify(literal(str(error)), SWEEPS, error=True)


def _delete(sweep_id: str) -> None:
    try:
        with gate.action("deleted", "sweep", sweep_id):
            delete_sweep(find_sweep(sweep_id))
    except FerError as error:
        notify(literal(str(error)), SWEEPS, error=True)


def _curves(job: SweepJob, points: list[PointResult]) -> None:
    """Draw curves of means with bands of one standard deviation, of the best combinations if there are many."""
    shown = sorted(points, key=lambda point: point.best, reverse=True)[: charts.MOST_COMPARED]
    drawn = []
    for title, column in _CURVES.items():
        tables = {point.words or "mean": curve(point, column) for point in points if point in shown}
        tables = {name: table for name, table in tables.items() if len(table)}
        if tables:
            figure = charts.band_chart(tables, column, title, f"{title}-{job.id}")
            words = ", ".join(f"{name} {table['mean'].iloc[-1]:.3f}" for name, table in tables.items())
            drawn.append(Chart(column, figure, f"{title}, mean over seeds at the end: {words}"))
    if not drawn:
        return
    live_charts(drawn, key=f"training_sweep_charts_{job.id}")
    more = "" if len(points) <= len(shown) else f" The {len(shown)} best combinations are drawn."
    st.caption(f"Mean over seeds, with a band of one standard deviation.{more}")
