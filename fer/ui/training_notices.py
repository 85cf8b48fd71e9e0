"""What the Training page has to say at its top: what a button did, and which run ended while one looked."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from fer.runs.progress import FAILED, FINISHED, INTERRUPTED
from fer.runs.store import RunSummary
from fer.ui.state import remembered

# Where the runs are on the page, to be linked to.
RUNS_ANCHOR: Final = "runs"
_NOTICES: Final = "training_notices"
_WATCHED: Final = "training_watched"
_ENDED: Final = "training_ended"


def notify(text: str, *, error: bool = False) -> None:
    """Show a sentence at the top of the page at its next run: what a button did, or why it did not."""
    _notices().append((text, error))


def waiting() -> bool:
    """Whether a sentence waits for the page's next run."""
    return bool(_notices())


def notices() -> None:
    """The sentences of `notify`, once."""
    for text, error in _notices():
        if error:
            st.error(text, icon=":material/error:")
        else:
            st.success(text, icon=":material/check:")
    _notices().clear()


def _notices() -> list[tuple[str, bool]]:
    return remembered(_NOTICES, list)


def look(found: Sequence[RunSummary]) -> None:
    """Say which runs have ended since this viewer saw them active, and remember the newest for `just_ended`.

    Args:
        found: all runs, the newest first.
    """
    watched: set[str] = remembered(_WATCHED, set)
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
        st.session_state[_ENDED] = ended[0].id


def just_ended() -> str | None:
    """The id of the run that this viewer saw end last, while no other is active."""
    run_id: str | None = st.session_state.get(_ENDED)
    return run_id


def _outcome(run: RunSummary) -> str:
    progress = run.progress
    if run.state == FINISHED:
        text = f"'{run.name}' has finished"
    elif run.state == FAILED:
        text = f"'{run.name}' failed: {progress.message or 'its log says why'}".rstrip(".")
    elif run.state == INTERRUPTED:
        text = f"'{run.name}' was interrupted"
    else:
        text = f"'{run.name}' was stopped"
    if progress.best_accuracy is not None:
        text += f": best accuracy {progress.best_accuracy:.1%} on validation, in epoch {progress.best_epoch}"
    if run.resumable:
        text += ". It can go on from its last checkpoint"
    return f"{text}. Its curves and what can be done with it are under [Runs](#{RUNS_ANCHOR})."
