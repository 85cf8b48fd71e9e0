"""The videos that this session's person may see: their own, or all if login is off."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import streamlit as st

from fer.errors import FerError
from fer.jobs.job import DONE, FAILED, RUNNING, STOPPED
from fer.text import counted, file_size, listed, literal, printable
from fer.ui.access import gate
from fer.ui.access.settings import Role
from fer.ui.messages import forget_errors, keep_error, kept_errors
from fer.ui.widgets import guarded_button
from fer.video import store
from fer.video.job import DAMAGED, QUEUED, VideoJob

_CHOSEN = "video_chosen"
_FOLLOWED = "video_followed"
_KIND = "video"
_OTHERS = "video_delete_others"
# Failed videos that are named on the page; all are in the list.
_MOST_NAMED: Final = 3
_STATES = {FAILED: "failed", STOPPED: "stopped", DAMAGED: "damaged"}


@dataclass(frozen=True)
class Listed:
    """A video with its state and name at the time that it was listed."""

    job: VideoJob
    state: str
    name: str
    added: float

    @property
    def ended(self) -> bool:
        """Return whether it is neither analysed nor waiting."""
        return self.state not in (QUEUED, RUNNING)


def own_videos() -> list[Listed]:
    """Return the videos of this session's person in the order in which they were added."""
    who = gate.person()
    return [_listed(job) for job in store.list_videos() if who is not None and gate.is_own(who, _KIND, job.id)]


def _listed(job: VideoJob) -> Listed:
    request = job.find_request()
    return Listed(job, job.state, printable(request.name) if request else job.id, request.added if request else 0.0)


def follow(job: VideoJob) -> None:
    """Show a video's results as soon as it is analysed."""
    st.session_state[_FOLLOWED] = job.id


def follow_if_idle(ended: list[Listed]) -> None:
    """Show the first of some videos that were analysed just now, unless the user looks at other results."""
    chosen = store.find_video(str(st.session_state.get(_CHOSEN, "")))
    done = [one for one in ended if one.state == DONE]
    if done and (chosen is None or chosen.state != DONE):
        follow(done[0].job)


def choose(ended: list[Listed]) -> Listed:
    """Let the user choose one of several videos, the newest first."""
    by_id = {one.job.id: one for one in reversed(ended)}
    labels = _labels(by_id.values())
    if st.session_state.get(_FOLLOWED) in by_id:
        st.session_state[_CHOSEN] = st.session_state.pop(_FOLLOWED)
    chosen = st.selectbox(
        "Results",
        list(by_id),
        format_func=labels.__getitem__,
        key=_CHOSEN,
        persist_state="session",
        label_visibility="collapsed" if len(by_id) == 1 else "visible",
    )
    shown = by_id.get(str(chosen), ended[-1])
    failed = [one for one in ended if one.state == FAILED and one is not shown]
    if failed:
        names = [literal(one.name) for one in failed[:_MOST_NAMED]]
        more = [f"{len(failed) - _MOST_NAMED:,} more"] if len(failed) > _MOST_NAMED else []
        st.caption(f"Not analysed: {listed([*names, *more])}. Choose one above to see why.")
    return shown


def _labels(videos: Iterable[Listed]) -> dict[str, str]:
    """Return a label by id. Streamlit knows a choice by its label, so each is unique and stays as it is."""
    labels: dict[str, str] = {}
    for one in videos:
        state = f" · {_STATES[one.state]}" if one.state in _STATES else ""
        when = f" · {datetime.fromtimestamp(one.added):%Y-%m-%d %H:%M:%S}" if one.added else ""
        label = f"{one.name}{state}{when}"
        # Two videos of one name that were dropped together.
        labels[one.job.id] = f"{label} · {one.job.id[-4:]}" if label in labels.values() else label
    return labels


def deletion(one: Listed) -> None:
    """Draw the button that deletes a video's results, with their size."""
    guarded_button(
        f"Delete ({file_size(store.size_of(one.job))})",
        ("deleted", _KIND, one.job.id),
        key=f"video_delete_{one.job.id}",
        icon=":material/delete:",
        help="Deletes the results of this video permanently.",
        on_click=_delete,
        args=([one.job], one.job.id),
    )
    kept_errors(one.job.id)


def _delete(jobs: list[VideoJob], place: str) -> None:
    forget_errors(place)
    for job in jobs:
        try:
            with gate.action("deleted", _KIND, job.id):
                store.delete(job)
        except FerError as error:
            keep_error(place, error)


def others(own: list[Listed]) -> None:
    """Tell an admin how much room the videos of other people take, and offer to delete them, without showing any."""
    who = gate.person()
    if who is None or who.role < Role.ADMIN:
        return
    mine = {one.job.id for one in own}
    rest = [job for job in store.list_videos() if job.id not in mine and job.ended]
    if rest:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Results of other people: {counted(len(rest), 'video')}, {file_size(_room(rest))}.")
            st.button(
                "Delete them",
                icon=":material/delete:",
                key="video_delete_others",
                on_click=_delete,
                args=(rest, _OTHERS),
            )
        kept_errors(_OTHERS)


def _room(jobs: list[VideoJob]) -> int:
    return sum(store.size_of(job) for job in jobs)
