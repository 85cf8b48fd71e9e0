"""What goes on now: the run that trains, those that wait, and the card of Home."""

from typing import Final

import streamlit as st

from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.runs import control, curves, store
from fer.runs.progress import INTERRUPTED, RUNNING
from fer.runs.store import RunSummary
from fer.text import duration
from fer.ui.frame import menu_entry
from fer.ui.plots import Chart, live_charts
from fer.ui.training import charts
from fer.ui.training.notices import draw_again, notify, waiting

_POLL_SECONDS: Final = 2.0
_LOG_LINES: Final = 12
_CELL_PX: Final = 36
STATE_ICONS: Final = {
    "queued": ":material/hourglass_empty:",
    "running": ":material/directions_run:",
    "stopped": ":material/stop_circle:",
    "interrupted": ":material/power_off:",
    "finished": ":material/check_circle:",
    "failed": ":material/error:",
}


def all_runs() -> list[RunSummary]:
    """All runs, the newest first: looked at once for all parts of the page."""
    return store.list_runs()


def now(found: list[RunSummary]) -> None:
    """The run that trains, as it goes on, and the queue; an invitation where nothing does.

    Args:
        found: all runs, as the page sees them now.
    """
    active = store.active_runs(found)
    shown = [(run.id, run.state, run.stopping) for run in active]
    seen = [active]

    # Charts are replaced in place every two seconds while something runs, and rest while nothing does.
    @st.fragment(run_every=_POLL_SECONDS if active else None)
    def live() -> None:
        # With the page it is drawn from what the page saw; by itself it looks again.
        runs = seen.pop() if seen else store.active_runs()
        if [(run.id, run.state, run.stopping) for run in runs] != shown or waiting():
            # A run came, ended or took its turn, or a button here has something to say: the page shows that.
            draw_again()
        _running(runs)

    live()


def _running(runs: list[RunSummary]) -> None:
    if not runs:
        st.info(
            "No run is going on. Choose one below, press Start, and watch it learn.", icon=":material/model_training:"
        )
        return
    first, *queued = runs
    with st.container(border=True):
        _head(first)
        if first.state == RUNNING:
            show_curves(first, live=True)
    for run in queued:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{STATE_ICONS[run.state]} **{run.name}** waits for its turn")
            st.button("Take it out", key=f"training_stop_{run.id}", on_click=_stop, args=(run.id,))


def _head(run: RunSummary) -> None:
    progress = run.progress
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"### {run.name}")
        if run.stopping:
            st.button(
                "End it at once",
                key=f"training_kill_{run.id}",
                icon=":material/dangerous:",
                help="It was asked to stop, finishes its step and writes its best model. This ends its process; what "
                "it learned since its last checkpoint is lost.",
                on_click=_stop,
                args=(run.id,),
                kwargs={"at_once": True},
            )
        else:
            st.button(
                "Stop",
                key=f"training_stop_{run.id}",
                icon=":material/stop:",
                help="Ends after the current step and keeps the best model. It can go on later.",
                on_click=_stop,
                args=(run.id,),
            )
    steps = progress.epochs * progress.batches
    done = (progress.epoch * progress.batches + progress.batch) / steps if steps else 0.0
    st.progress(min(1.0, done), text=where(run))


def where(run: RunSummary) -> str:
    """How far a run is, in words: 'epoch 7 of 30, batch 210 of 448, 41 min left'."""
    progress = run.progress
    if run.stopping:
        return "stopping: " + (progress.doing or "waiting")
    if progress.doing not in ("training", "validating"):
        return progress.doing or run.state
    parts = [f"epoch {min(progress.epoch + 1, progress.epochs)} of {progress.epochs}"]
    if progress.batch:
        parts.append(f"batch {progress.batch} of {progress.batches}")
    if progress.seconds_left is not None:
        parts.append(f"{duration(progress.seconds_left)} left")
    if progress.images_per_second:
        parts.append(f"{progress.images_per_second:.0f} images a second")
    return ", ".join(parts)


def show_curves(run: RunSummary, *, live: bool = False) -> None:
    """All that a run has learned: curves, its best epoch, the end of its log.

    Args:
        run: the run.
        live: whether it goes on, so that the charts keep their place and zoom from one look to the next.
    """
    key = f"training_{'live' if live else 'past'}_{{}}_{run.id}".format
    metrics, best_epoch = curves.read_metrics(run.id), run.progress.best_epoch
    if metrics.empty:
        st.caption("The first epoch's figures come at its end." if live else "It has no epoch.")
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
            "Training figures are of altered images, with labels softened and classes weighted as the settings say; "
            "validation figures are plain. A training loss above the validation loss is no fault."
        )
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


def _confusion(best: curves.BestEpoch, key: str) -> None:
    st.markdown(f"Confusion, best epoch ({best.epoch})", help="Of the validation split: rows true, columns given")
    st.dataframe(
        charts.confusion_table(best),
        key=key,
        column_config={name: st.column_config.NumberColumn(name[:3], help=name, width=_CELL_PX) for name in EMOTIONS},
        alt=f"Confusion matrix of epoch {best.epoch}, accuracy {best.accuracy:.1%}: rows true, columns given",
    )


def _stop(run_id: str, *, at_once: bool = False) -> None:
    try:
        # A button pressed twice, or in a tab that has not heard of the first press, must not end a run.
        control.stop(run_id, ask_only=not at_once)
    except FerError as error:
        notify(str(error), error=True)


def card() -> None:
    """Home's card: what trains now, or the last run."""
    entry = menu_entry("Training")
    st.markdown(f"**{entry.icon} Training**")
    runs = store.list_runs()
    active = [run for run in runs if run.state == RUNNING] or [run for run in runs if run.active]
    if active:
        run = active[0]
        accuracy = run.progress.best_accuracy
        st.markdown(f"**{run.name}**: {where(run)}")
        if accuracy is not None:
            st.metric("Best accuracy so far", f"{accuracy:.1%}")
            st.caption(f"on the validation split, epoch {run.progress.best_epoch}")
        st.page_link(entry.path, label="Watch it", icon=entry.icon)
    elif runs:
        run = runs[0]
        st.markdown(f"**{run.name}**: {run.state}")
        if run.progress.best_accuracy is not None:
            st.metric("Best accuracy", f"{run.progress.best_accuracy:.1%}")
            st.caption(f"on the validation split, epoch {run.progress.best_epoch} of {run.progress.epochs}")
        st.page_link(entry.path, label="Go on with it" if run.state == INTERRUPTED else "All runs", icon=entry.icon)
    else:
        st.markdown("No run yet. Twelve epochs on drawn faces take a few minutes and need no download.")
        st.page_link(entry.path, label="Train your own", icon=entry.icon)
