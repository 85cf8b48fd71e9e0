"""Show the video that is being analysed, and those that wait."""

from typing import Final

import streamlit as st

from fer.errors import FerError
from fer.jobs.job import RUNNING
from fer.storage.open_files import read_plain
from fer.text import MB, counted, duration, literal
from fer.ui.access import gate
from fer.ui.frame import errors_as_sentences
from fer.ui.messages import forget_errors, keep_error, kept_errors
from fer.ui.video import library
from fer.ui.video.library import Listed, own_videos
from fer.ui.widgets import guarded_button
from fer.video import store
from fer.video.job import PICTURE, QUEUED

_POLL_SECONDS: Final = 1.0
_PICTURE_PX: Final = 240
_MOST_BYTES: Final = MB
_PLACE: Final = "video_work"


def queue(videos: list[Listed]) -> None:
    """Draw the progress of this session's videos, with ways to stop them; nothing if none is being analysed."""
    active = _active(videos)
    if active:
        _watch({one.job.id for one in active})


def _active(videos: list[Listed]) -> list[Listed]:
    return [one for one in videos if one.state in (RUNNING, QUEUED)]


@st.fragment(run_every=_POLL_SECONDS)
def _watch(drawn: set[str]) -> None:
    # The next one starts when the one before ends, unless that was killed.
    with errors_as_sentences():
        store.start_next()
    kept_errors(_PLACE)
    videos = own_videos()
    active = _active(videos)
    if {one.job.id for one in active} != drawn:
        library.follow_if_idle([one for one in videos if one.job.id in drawn])
        st.rerun()
    for one in active:
        if one.state == RUNNING:
            _running(one)
    waiting = [one for one in active if one.state == QUEUED]
    if waiting:
        _waiting(waiting, len(active) > len(waiting))


def _running(one: Listed) -> None:
    progress = one.job.progress()
    if progress is None:
        return
    left = "" if progress.seconds_left is None else f" · {duration(progress.seconds_left)} left"
    with st.container(border=True):
        picture, words = st.columns([1, 3], vertical_alignment="center")
        with words:
            st.markdown(f"**Analysing** {literal(one.name)}")
            st.progress(min(progress.share, 1.0), text=f"{progress.text}{left}")
            _stop_button("Stop", ":material/stop:", one)
        with picture:
            _picture(one)


def _picture(one: Listed) -> None:
    try:
        data = read_plain(one.job.folder / PICTURE, _MOST_BYTES)
    except (OSError, ValueError):  # none yet, or none any more
        return
    st.image(data, width=_PICTURE_PX, alt="The picture that the analysis has reached")


def _waiting(waiting: list[Listed], own_runs: bool) -> None:
    text = f"Queue: {counted(len(waiting), 'video')}"
    if not own_runs:
        text += ", after somebody else's video"
    st.caption(text)
    for one in waiting:
        with st.container(horizontal=True, vertical_alignment="center"):
            _stop_button("Remove from queue", ":material/close:", one)
            st.markdown(literal(one.name))


def _stop_button(label: str, icon: str, one: Listed) -> None:
    guarded_button(
        label,
        ("stopped", "video", one.job.id),
        icon=icon,
        key=f"video_stop_{one.job.id}",
        on_click=_stop,
        args=(one,),
    )


def _stop(one: Listed) -> None:
    forget_errors(_PLACE)
    try:
        with gate.action("stopped", "video", one.job.id):
            store.stop(one.job)
    except FerError as error:
        keep_error(_PLACE, error)
