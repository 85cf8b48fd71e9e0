"""Show who is seen now, and the speed."""

from typing import Final

import streamlit as st

from fer.live.session import LiveSession
from fer.live.snapshot import LiveSnapshot
from fer.streams.people import Person
from fer.text import counted
from fer.ui.bars import show_probabilities, show_shares
from fer.ui.frame import errors_as_sentences
from fer.ui.live.camera import PATIENCE_S, PULSE_S, LiveState, checklist, follow_model, show_no_route
from fer.ui.live.summary import files_of
from fer.ui.live.webcam import CameraState

# Only this many people get bars next to the video. All are in the picture, the record and the summary.
_SHOWN_PEOPLE: Final = 4
# Pictures a second from which a video looks smooth, and below which it looks like single pictures.
_SMOOTH_FPS: Final = 8.0
_SLOW_FPS: Final = 4.0


def now(state: LiveState, shown: CameraState) -> None:
    """Show who is seen now, the speed and the shares of time, or an invitation while the camera is off.

    While the camera is on, this also switches the stream to a newly chosen model, and reports what may be wrong if no
    frames arrive.
    """
    session = state.session

    @st.fragment(run_every=PULSE_S if shown.on else None)
    def panel() -> None:
        if session is None or not shown.on:
            _invitation(session)
            return
        with errors_as_sentences():
            follow_model(session)
        snapshot = session.snapshot()
        st.caption(speed_line(snapshot), help=speed_details(snapshot))
        if state.webcam.waited_in_vain_s() > PATIENCE_S:
            show_no_route(state)
            return
        if snapshot.silent_s > PATIENCE_S:
            with st.container(border=True):
                st.markdown("**No picture for ten seconds.** Try these in order:")
                checklist()
            return
        if snapshot.n_failed:
            st.warning(failures_line(snapshot, blurred=session.settings.blur), icon=":material/error:")
        _people(snapshot, session.settings.detector)
        if snapshot.shares.any():
            st.markdown("**Share of time**")
            show_shares({"": snapshot.shares})

    panel()


def speed_line(snapshot: LiveSnapshot) -> str:
    """Return a line such as 'Smooth: 30 pictures a second, 1 face'."""
    paces = ((_SMOOTH_FPS, "Smooth"), (_SLOW_FPS, "A little jerky"))
    looks = next((words for least, words in paces if snapshot.fps >= least), "Slow")
    return f"{looks}: {counted(round(snapshot.fps), 'picture')} a second, {counted(len(snapshot.people), 'face')}"


def speed_details(snapshot: LiveSnapshot) -> str:
    """Return the numbers behind `speed_line`."""
    cost = "" if snapshot.processing_ms is None else f", {snapshot.processing_ms:.0f} ms of processing each"
    return (
        f"{snapshot.fps:.1f} frames per second{cost}. So far {snapshot.n_frames} frames, {snapshot.n_dropped} dropped, "
        f"{snapshot.n_failed} failed. Frames are dropped while the previous one is still being processed, which is "
        "normal."
    )


def failures_line(snapshot: LiveSnapshot, *, blurred: bool) -> str:
    """Return how many frames failed, what is shown instead, and the last reason."""
    instead = "blurred completely" if blurred else "shown unchanged"
    # In backticks, so that the text of an exception isn't read as Markdown.
    reason = (snapshot.last_failure or "").replace("`", "'")
    return (
        f"{snapshot.n_failed} of {snapshot.n_frames} frames failed and were {instead}. Last reason: `{reason}`. If "
        "this continues, press STOP and START. The terminal shows the details."
    )


def _invitation(last: LiveSession | None) -> None:
    """Invite to press START, and offer the record of the last session, which START replaces.

    Args:
        last: the last session, if there was one.
    """
    with st.container(border=True):
        if last is not None and last.snapshot().n_frames:
            st.markdown(
                "The camera is off. **Press START** for a new session. It replaces the last one: save it first."
            )
            files = files_of(last)
            st.download_button(
                "Save the last session",
                files.csv,
                f"{files.stem}.csv",
                "text/csv",
                on_click="ignore",
                icon=":material/download:",
                key="live_save_first",
                help="A CSV file with a row per face and frame. More files are below.",
            )
        else:
            st.markdown(
                "**Press START** and allow the camera. You will see the seven probabilities of each face here, and the "
                "last minute as lines below. After STOP, you can download the session."
            )


def _people(snapshot: LiveSnapshot, detector: str) -> None:
    if not snapshot.people:
        if snapshot.n_frames and snapshot.stalled:
            st.info("The camera has stopped sending frames.", icon=":material/pause_circle:")
        elif snapshot.n_frames:
            more = "choose YuNet, which finds turned and small faces too" if detector == "haar" else "raise Sensitivity"
            st.info(
                "No face found. Look into the camera with light from the front, or come closer. In the settings below, "
                f"you can {more}.",
                icon=":material/face_retouching_off:",
            )
        else:
            st.info("Opening the camera ...", icon=":material/hourglass_top:")
        return
    for person in snapshot.people[:_SHOWN_PEOPLE]:
        st.markdown(person_line(person, named=len(snapshot.people) > 1))
        show_probabilities(person.face.probabilities)
    if len(snapshot.people) > _SHOWN_PEOPLE:
        st.caption(f"and {len(snapshot.people) - _SHOWN_PEOPLE} more in the picture")


def person_line(person: Person, *, named: bool) -> str:
    """Return a line such as '**Person 2** looks happy 0.83', or 'not sure' instead of a guess."""
    who = f"**Person {person.number}** " if named else ""
    if not person.face.sure:
        return f"{who}**{person.face.looks}**" if person.face.details == "Not sure." else f"{who}{person.face.details}"
    return f"{who}**{person.face.looks}** {person.face.confidence:.2f}"
