"""Messages of the Training page: what a button did, next to that button, and at the top which runs have ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from fer.runs.progress import ACTIVE, FAILED, FINISHED, INTERRUPTED
from fer.runs.store import RunSummary
from fer.text import literal, percent
from fer.ui.state import remembered

# Where a message is drawn.
TOP: Final = "top"
FORM: Final = "form"
RUNS: Final = "runs"
MODELS: Final = "models"
SWEEPS: Final = "sweeps"
# Anchors of the parts of the page.
RUNNING_ANCHOR: Final = "running"
FORM_ANCHOR: Final = "new-run"
RUNS_ANCHOR: Final = "runs"
SWEEPS_ANCHOR: Final = "several-runs"
_WAITING: Final = "training_notices"
_STANDING: Final = "training_notices_drawn"
_KEEP: Final = "training_notices_keep"
_WATCHED: Final = "training_watched"
_ENDED: Final = "training_ended"


@dataclass(frozen=True)
class While:
    """The states of a run in which a message about it is true."""

    run_id: str
    states: tuple[str, ...] = ACTIVE

    def holds(self, found: Sequence[RunSummary]) -> bool:
        """Return whether the run is in one of the states."""
        return any(run.id == self.run_id and run.state in self.states for run in found)


@dataclass(frozen=True)
class _Notice:
    """A message, where it is drawn, and how long it is true (None if its truth doesn't end)."""

    text: str
    place: str
    error: bool
    true_while: While | None


def notify(text: str, place: str = TOP, *, error: bool = False, true_while: While | None = None) -> None:
    """Show a message from the page's next run on, until the user does something or it is no longer true.

    Args:
        text: the message.
        place: the part of the page that the user is looking at: TOP, FORM, RUNS, SWEEPS or MODELS.
        error: whether something failed.
        true_while: the message goes when this no longer holds.
    """
    _waiting().append(_Notice(text, place, error, true_while))


def waiting() -> bool:
    """Return whether a message waits for the page's next run."""
    return bool(_waiting())


def draw_again() -> None:
    """Run the page again because of an event, not because of the user, so messages stay."""
    st.session_state[_KEEP] = True
    st.rerun(scope="app")


def begin_notices() -> None:
    """Replace the messages by those that wait. The page calls this once, before any `notices`."""
    standing = _standing()
    if not st.session_state.pop(_KEEP, False):
        standing.clear()
    standing += _waiting()
    _waiting().clear()


def notices(place: str) -> None:
    """Draw the messages of a part of the page."""
    for notice in _standing():
        if notice.place != place:
            continue
        if notice.error:
            st.error(notice.text, icon=":material/error:")
        else:
            st.success(notice.text, icon=":material/check:")


def _waiting() -> list[_Notice]:
    return remembered(_WAITING, list[_Notice])


def _standing() -> list[_Notice]:
    return remembered(_STANDING, list[_Notice])


def watch(found: Sequence[RunSummary]) -> None:
    """Announce runs that this user saw active and that have ended, and remember the last one for `just_ended`.

    Those of a sweep are part of its results.

    Args:
        found: all runs.
    """
    _drop_outdated(found)
    watched = remembered(_WATCHED, set[str])
    active = {run.id for run in found if run.active}
    ended = [run for run in found if run.id in watched - active and not run.origin.training]
    watched.clear()
    watched.update(active)
    for run in ended:
        notify(_outcome(run), error=run.state in (FAILED, INTERRUPTED))
    if active:
        # The user now watches the next run.
        st.session_state.pop(_ENDED, None)
    elif ended:
        st.session_state[_ENDED] = max(ended, key=lambda run: run.progress.ended or 0.0).id


def _drop_outdated(found: Sequence[RunSummary]) -> None:
    for notices_list in (_standing(), _waiting()):
        notices_list[:] = [one for one in notices_list if one.true_while is None or one.true_while.holds(found)]


def just_ended() -> str | None:
    """Return the id of the run that this user saw end last, if none is active now."""
    run_id: str | None = st.session_state.get(_ENDED)
    return run_id


def _outcome(run: RunSummary) -> str:
    progress = run.progress
    if run.state == FINISHED:
        sentences = [f"'{literal(run.name)}' has finished."]
    elif run.state == FAILED:
        sentences = [f"'{literal(run.name)}' failed: {literal((progress.message or 'see its log').rstrip('.'))}."]
    elif run.state == INTERRUPTED:
        sentences = [f"'{literal(run.name)}' was interrupted."]
    else:
        early = "" if progress.epoch or progress.batch else " before its first step"
        sentences = [f"'{literal(run.name)}' was stopped{early}."]
    if run.validation_accuracy is not None:
        sentences.append(
            f"Best accuracy on validation: {percent(run.validation_accuracy)}, in epoch {progress.best_epoch}."
        )
    if run.resumable:
        sentences.append("It can be resumed.")
    return " ".join([*sentences, f"See it below, under [Runs](#{RUNS_ANCHOR})."])
