"""Show the running training, the queue, and the card of the Home page."""

from typing import Final

import streamlit as st

from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.runs import control, curves, store
from fer.runs.progress import INTERRUPTED, RUNNING
from fer.runs.store import RunSummary
from fer.text import duration, literal, percent
from fer.ui.access import gate
from fer.ui.frame import menu_entry
from fer.ui.plots import Chart, live_charts
from fer.ui.training import charts
from fer.ui.training.notices import RUNNING_ANCHOR, draw_again, notify, waiting
from fer.ui.widgets import guarded_button

_POLL_SECONDS: Final = 2.0
_LOG_LINES: Final = 12
_CELL_PX: Final = 36
_EARLY_EPOCHS: Final = 5
# What a run does during an epoch.
_IN_EPOCH: Final = ("training", "validating")
_STOPPING: Final = (
    "The run finishes its current step, then exports its best model and evaluates it. This takes about a minute, a few "
    "with a large dataset."
)
_STOPPING_EARLY: Final = "The run finishes its current step and ends. It has no model yet. You can resume it later."
STATE_ICONS: Final = {
    "queued": ":material/hourglass_empty:",
    "running": ":material/directions_run:",
    "stopped": ":material/stop_circle:",
    "interrupted": ":material/power_off:",
    "finished": ":material/check_circle:",
    "failed": ":material/error:",
}


def all_runs() -> list[RunSummary]:
    """Return all runs, the newest first, read once for all parts of the page."""
    return store.list_runs()


def now(found: list[RunSummary]) -> None:
    """Draw the running training and the queue, or how to start one.

    Args:
        found: all runs.
    """
    active = store.active_runs(found)
    shown = _seen(active)
    seen = [active]

    # Charts are updated every two seconds while a run is active.
    @st.fragment(run_every=_POLL_SECONDS if active else None)
    def live() -> None:
        # The first time it uses what the page has read; later it reads again.
        runs = seen.pop() if seen else store.active_runs()
        if _seen(runs) != shown or waiting():
            # A run started, ended, left the queue or has its first metrics, or a button left a message; the whole page
            # must show that.
            draw_again()
        _running(runs)

    live()


def _seen(active: list[RunSummary]) -> list[tuple[str, str, bool, bool]]:
    """Return what the whole page shows of the active runs."""
    return [(run.id, run.state, run.stopping, run.progress.best_epoch > 0) for run in active]


def _running(runs: list[RunSummary]) -> None:
    if not runs:
        st.info("No training is running. Pick a preset below and press Start.", icon=":material/model_training:")
        return
    first, *others = runs
    with st.container(border=True):
        _head(first)
        if first.state == RUNNING:
            show_curves(first, live=True)
    for run in others:
        with st.container(horizontal=True, vertical_alignment="center"):
            # A sweep may train several at once.
            state = where(run) if run.state == RUNNING else "is queued"
            st.markdown(f"{STATE_ICONS[run.state]} **{literal(run.name)}** {literal(state)}")
            label = "Stop" if run.state == RUNNING else "Remove from queue"
            guarded_button(
                label,
                ("stopped", "run", run.id),
                not_now="It is stopping." if run.stopping else None,
                key=f"training_stop_{run.id}",
                on_click=_stop,
                args=(run.id,),
            )


def _head(run: RunSummary) -> None:
    progress = run.progress
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(literal(run.name), anchor=RUNNING_ANCHOR)
        if run.stopping:
            guarded_button(
                "Force stop",
                ("stopped", "run", run.id),
                key=f"training_kill_{run.id}",
                icon=":material/dangerous:",
                help="Ends the process now. Anything learned since the last checkpoint is lost.",
                on_click=_stop,
                args=(run.id,),
                kwargs={"at_once": True},
            )
        else:
            guarded_button(
                "Stop",
                ("stopped", "run", run.id),
                key=f"training_stop_{run.id}",
                icon=":material/stop:",
                help="Stops after the current step and keeps the best model. You can resume it later.",
                on_click=_stop,
                args=(run.id,),
            )
    steps = progress.epochs * progress.batches
    done = (progress.epoch * progress.batches + progress.batch) / steps if steps else 0.0
    st.progress(min(1.0, done), text=where(run))
    if run.stopping:
        st.caption(_STOPPING if progress.best_epoch else _STOPPING_EARLY)


def where(run: RunSummary) -> str:
    """Describe the progress of a run: 'epoch 7 of 30, batch 210 of 448, 41 min left'."""
    progress = run.progress
    if run.stopping:
        in_step = progress.doing in _IN_EPOCH
        return "stopping: " + ("finishing the current step" if in_step else progress.doing or "waiting")
    if progress.doing not in _IN_EPOCH:
        return progress.doing or run.state
    parts = [f"epoch {min(progress.epoch + 1, progress.epochs)} of {progress.epochs}"]
    if progress.batch:
        parts.append(f"batch {progress.batch} of {progress.batches}")
    if progress.seconds_left is not None:
        parts.append(f"{duration(progress.seconds_left)} left")
    if progress.images_per_second:
        parts.append(f"{progress.images_per_second:.0f} images per second")
    return ", ".join(parts)


def show_curves(run: RunSummary, *, live: bool = False) -> None:
    """Draw the curves of a run, the confusion matrix of its best epoch, and the end of its log.

    Args:
        run: the run.
        live: whether the run is active, so that charts keep their position and zoom when they are updated.
    """
    key = f"training_{'live' if live else 'past'}_{{}}_{run.id}".format
    metrics, best_epoch = curves.read_metrics(run.id), run.progress.best_epoch
    if metrics.empty:
        st.caption("Metrics appear after the first epoch." if live else "No completed epochs.")
    else:
        words, by_class = charts.describe(metrics, best_epoch), charts.describe_classes(metrics)
        live_charts(
            [
                Chart("loss", charts.loss_chart(metrics, run.id, best_epoch), words),
                Chart("accuracy", charts.accuracy_chart(metrics, run.id, best_epoch), words),
            ],
            key=key("charts"),
        )
        st.caption(
            "Training metrics are computed on augmented images with smoothed labels and class weights, validation "
            "metrics on unchanged images. A training loss above the validation loss is normal."
        )
        _expectation(run)
        left, right = st.columns([5, 4], gap="medium")
        with left:
            live_charts(
                [Chart("classes", charts.class_chart(metrics, run.id, best_epoch), by_class)], key=key("classes")
            )
        best = curves.read_best(run.id)
        if best is not None:
            with right:
                _confusion(best, key("confusion"))
    with st.expander("Log, learning rate", icon=":material/terminal:", key=key("more")):
        if not metrics.empty:
            words = f"Learning rate, {metrics['learning_rate'].iloc[-1]:.3g} in the last epoch"
            live_charts([Chart("rate", charts.rate_chart(metrics, run.id), words)], key=key("rate"))
        st.code(store.read_log_tail(run.id, _LOG_LINES) or "Nothing yet.", language=None, wrap_lines=True)


def _expectation(run: RunSummary) -> None:
    """Explain a low accuracy in the first epochs."""
    best = curves.read_best(run.id)
    if best is None or run.progress.epoch > _EARLY_EPOCHS:
        return
    totals = [sum(row) for row in best.confusion]
    majority = max(totals) / max(1, sum(totals))
    st.caption(
        f":material/info: Always predicting the most frequent class would reach {percent(majority)}. A low accuracy is "
        "normal in the first epochs: it grows fastest in the first half of a run and gains its last points at the end. "
        "On all of FER-2013, good networks end at about 70 %, and people reach about 65 %."
    )


def _confusion(best: curves.BestEpoch, key: str) -> None:
    st.markdown(
        f"Confusion matrix, best epoch ({best.epoch})",
        help="Validation split. Rows: true class. Columns: predicted class.",
    )
    st.dataframe(
        charts.confusion_table(best),
        key=key,
        column_config={name: st.column_config.NumberColumn(name[:3], help=name, width=_CELL_PX) for name in EMOTIONS},
        alt=f"Confusion matrix of epoch {best.epoch}, accuracy {percent(best.accuracy)}. Rows: true class. Columns: "
        "predicted class.",
    )


def _stop(run_id: str, *, at_once: bool = False) -> None:
    try:
        # Pressing Stop twice, or in two tabs, must not force the stop.
        with gate.action("stopped", "run", run_id):
            control.stop(run_id, ask_only=not at_once)
    except FerError as error:
        notify(literal(str(error)), error=True)


def card() -> None:
    """Draw the card of the Home page: the running training, or the last run."""
    entry = menu_entry("Training")
    st.markdown(f"**{entry.icon} Training**")
    runs = store.list_runs()
    active = [run for run in runs if run.state == RUNNING] or [run for run in runs if run.active]
    if active:
        run = active[0]
        accuracy = run.validation_accuracy
        st.markdown(f"**{run.name}**: {where(run)}")
        if accuracy is not None:
            st.metric("Best accuracy so far", percent(accuracy))
            st.caption(f"on the validation split, epoch {run.progress.best_epoch}")
        st.page_link(entry.path, label="Watch", icon=entry.icon)
    elif runs:
        run = runs[0]
        st.markdown(f"**{run.name}**: {run.state}")
        if run.validation_accuracy is not None:
            st.metric("Best accuracy", percent(run.validation_accuracy))
            st.caption(f"on the validation split, epoch {run.progress.best_epoch} of {run.progress.epochs}")
        st.page_link(entry.path, label="Resume it" if run.state == INTERRUPTED else "All runs", icon=entry.icon)
    else:
        st.markdown("No runs yet. Training on synthetic faces takes a few minutes and needs no download.")
        st.page_link(entry.path, label="Train your own", icon=entry.icon)
