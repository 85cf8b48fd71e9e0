"""What the Training page has to say at its top: what a button did, and which run ended while one looked."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from fer.runs.progress import FAILED, FINISHED, INTERRUPTED
from fer.runs.store import RunSummary
from fer.ui.state import remembered

# Where the runs are on the page, to be linked to.
RUNS_ANCHOR: Final = "runs"
_WAITING: Final = "training_notices"
_STANDING: Final = "training_notices_drawn"
_KEEP: Final = "training_notices_keep"
_WATCHED: Final = "training_watched"
_ENDED: Final = "training_ended"


def notify(text: str, *, error: bool = False) -> None:
    """Show a sentence at the top of the page from its next run on, until its viewer does something."""
    _waiting().append((text, error))


def waiting() -> bool:
    """Whether a sentence waits for the page's next run."""
    return bool(_waiting())


def draw_again() -> None:
    """Run the page again for what happened, and not for what its viewer did: the sentences stay."""
    st.session_state[_KEEP] = True
    st.rerun(scope="app")


def notices() -> None:
    """Draw the sentences of `notify` and `watch`."""
    standing = remembered(_STANDING, list[tuple[str, bool]])
    if not st.session_state.pop(_KEEP, False):
        standing.clear()
    standing += _waiting()
    _waiting().clear()
    for text, error in standing:
        if error:
            st.error(text, icon=":material/error:")
        else:
            st.success(text, icon=":material/check:")


def _waiting() -> list[tuple[str, bool]]:
    return remembered(_WAITING, list[tuple[str, bool]])


def watch(found: Sequence[RunSummary]) -> None:
    """Say which runs have ended since this viewer saw them active, and remember the last for `just_ended`.

    Args:
        found: all runs.
    """
    watched = remembered(_WATCHED, set[str])
    active = {run.id for run in found if run.active}
    ended = [run for run in found if run.id in watched - active]
    watched.clear()
    watched.update(active)
    for run in ended:
        notify(_outcome(run), error=run.state in (FAILED, INTERRUPTED))
    if active:
        # Whoever started the next run looks at that one.
        st.session_state.pop(_ENDED, None)
    elif ended:
        st.session_state[_ENDED] = max(ended, key=lambda run: run.progress.ended or 0.0).id


def just_ended() -> str | None:
    """The id of the run that this viewer saw end last, while no other is active."""
    run_id: str | None = st.session_state.get(_ENDED)
    return run_id


def _outcome(run: RunSummary) -> str:
    progress = run.progress
    if run.state == FINISHED:
        sentences = [f"'{run.name}' has finished."]
    elif run.state == FAILED:
        sentences = [f"'{run.name}' failed: {(progress.message or 'its log says why').rstrip('.')}."]
    elif run.state == INTERRUPTED:
        sentences = [f"'{run.name}' was interrupted."]
    else:
        early = "" if progress.epoch or progress.batch else " before its first step was done"
        sentences = [f"'{run.name}' was stopped{early}."]
    if progress.best_accuracy is not None:
        sentences.append(f"Best accuracy on validation: {progress.best_accuracy:.1%}, in epoch {progress.best_epoch}.")
    if run.resumable:
        sentences.append("It can be resumed.")
    return " ".join([*sentences, f"It is below, under [Runs](#{RUNS_ANCHOR})."])
