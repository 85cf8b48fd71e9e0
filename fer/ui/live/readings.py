"""Show who is seen now, the last minute, and the summary of a session."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import streamlit as st

from fer.live.session import LiveSession
from fer.live.snapshot import LiveSnapshot
from fer.streams.people import Person
from fer.streams.record import OUTCOMES, PersonSummary
from fer.streams.timeline import PersonLine, Timeline
from fer.text import counted, percent
from fer.ui.charts import STATIC, describe_bars, probability_bars
from fer.ui.frame import errors_as_sentences
from fer.ui.live.camera import PATIENCE_S, PULSE_S, LiveState, checklist, follow_model, show_no_route, snapshot_download
from fer.ui.live.charts import LIVE, clock, describe_shares, describe_timeline, share_bars, timeline_chart
from fer.ui.live.webcam import CameraState
from fer.ui.plots import Chart, live_charts
from fer.vision.images import encode_jpeg

# Only this many people get bars next to the video. All are in the picture, the record and the summary.
_SHOWN_PEOPLE: Final = 4
_SUMMED_PEOPLE: Final = 8
_EVERYONE: Final = "everyone"
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
            st.plotly_chart(
                share_bars({"": snapshot.shares}), config=LIVE, key="live_shares", alt=describe_shares(snapshot.shares)
            )

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
            files = _files_of(last)
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
    for place, person in enumerate(snapshot.people[:_SHOWN_PEOPLE]):
        st.markdown(person_line(person, named=len(snapshot.people) > 1))
        st.plotly_chart(
            probability_bars(person.face.probabilities),
            config=STATIC,
            key=f"live_bars_{place}",
            alt=describe_bars(person.face.probabilities),
        )
    if len(snapshot.people) > _SHOWN_PEOPLE:
        st.caption(f"and {len(snapshot.people) - _SHOWN_PEOPLE} more in the picture")


def person_line(person: Person, *, named: bool) -> str:
    """Return a line such as '**Person 2** looks happy 0.83', or 'not sure' instead of a guess."""
    who = f"**Person {person.number}** " if named else ""
    if not person.face.sure:
        return f"{who}**{person.face.looks}**" if person.face.details == "Not sure." else f"{who}{person.face.details}"
    return f"{who}**{person.face.looks}** {person.face.confidence:.2f}"


def last_minute(state: LiveState, shown: CameraState) -> None:
    """Show the last 60 seconds of one person as lines."""
    session = state.session
    if session is None or not shown.on:
        return

    @st.fragment(run_every=PULSE_S)
    def panel() -> None:
        timeline = session.timeline()
        st.markdown("**Last minute**")
        _timeline(timeline, "live_timeline")

    panel()


def _timeline(timeline: Timeline, key: str) -> None:
    line = _chosen(timeline, f"{key}_person")
    chart = Chart("timeline", timeline_chart(timeline, line), describe_timeline(timeline, line))
    live_charts([chart], key=key)


def _chosen(timeline: Timeline, key: str) -> PersonLine | None:
    """Let the viewer choose whose line is drawn. The default is the person seen longest."""
    if not timeline.lines:
        return None
    by_length = max(timeline.lines, key=lambda line: len(line.seconds))
    if len(timeline.lines) == 1:
        return by_length
    numbers = [line.person for line in timeline.lines]
    if st.session_state.get(key) not in numbers:
        # The chosen person is no longer in the last minute.
        st.session_state[key] = by_length.person
    number = st.selectbox("Person", numbers, key=key, width=120)
    return next((line for line in timeline.lines if line.person == number), by_length)


@dataclass(frozen=True, eq=False)
class SessionFiles:
    """The files of an ended session, created once.

    Attributes:
        session: the session.
        stem: the beginning of the file names, with the time when the session began.
        csv, json: the record.
        picture: the last picture as JPEG; None if no frame arrived.
        people: everyone seen.
        every: 1 if every frame is recorded, 2 if every second is, and so on.
    """

    session: LiveSession
    stem: str
    csv: bytes
    json: bytes
    picture: bytes | None
    people: tuple[PersonSummary, ...]
    every: int

    @classmethod
    def of(cls, session: LiveSession) -> Self:
        """Create the files of a stopped session."""
        record, picture = session.record(), session.picture()
        files = record.files(session.about())
        return cls(
            session=session,
            stem=f"live-{record.started:%Y-%m-%d-%H-%M-%S}",
            csv=files.csv,
            json=files.json,
            picture=None if picture is None else encode_jpeg(picture),
            people=record.people(),
            every=record.every,
        )


def summary(state: LiveState, shown: CameraState) -> None:
    """Show the summary and the downloads of the last session while the camera is off."""
    session = state.session
    if session is None or shown.on:
        # START deletes the last session, as the notice says.
        st.session_state.pop("live_files", None)
        return
    if not session.snapshot().n_frames:
        return
    st.subheader("Your last session", anchor=False)
    _summary(_files_of(session), state)


def _files_of(session: LiveSession) -> SessionFiles:
    """Return the files of the last session, created when the page first needs them."""
    files: SessionFiles | None = st.session_state.get("live_files")
    if files is None or files.session is not session:
        with st.spinner("Summarising the session ..."):
            files = st.session_state["live_files"] = SessionFiles.of(session)
    return files


@st.fragment
def _summary(files: SessionFiles, state: LiveState) -> None:
    snapshot, people = files.session.snapshot(), files.people

    length, frames, seen, mostly = st.columns(4)
    length.metric("Length", f"{clock(snapshot.age_s)} {'min' if snapshot.age_s < 3600 else 'h'}")
    frames.metric(
        "Frames",
        f"{snapshot.n_frames:,}",
        help=f"{snapshot.n_dropped} more were dropped because the previous frame was still being processed. "
        f"{snapshot.n_failed} failed.",
    )
    seen.metric("People", len(people), help="A person who leaves and comes back is counted again.")
    mostly.metric("Most often", most_often(snapshot))
    if people:
        _timeline(files.session.timeline(last_s=None), "live_session")
        st.markdown("**Share of time**")
        shares: dict[str, Iterable[float]] = {_EVERYONE: snapshot.shares} if len(people) != 1 else {}
        shares |= {f"person {person.person}": person.shares for person in _longest(people)}
        st.plotly_chart(
            share_bars(shares), config=LIVE, key="live_session_shares", alt=describe_shares(snapshot.shares)
        )
        if len(people) > _SUMMED_PEOPLE:
            st.caption(f"The {_SUMMED_PEOPLE} people seen longest. The files include everyone.")
    else:
        st.info("No face was found in this session.", icon=":material/face_retouching_off:")
    _downloads(files, state)


def most_often(snapshot: LiveSnapshot) -> str:
    """Return the most frequent expression with its share of time, such as 'happy (45 %)'."""
    if not snapshot.shares.any():
        return "–"
    return f"{OUTCOMES[int(snapshot.shares.argmax())]} ({percent(snapshot.shares.max(), 0)})"


def _longest(people: tuple[PersonSummary, ...]) -> list[PersonSummary]:
    longest = sorted(people, key=lambda person: person.first_s - person.last_s)[:_SUMMED_PEOPLE]
    return sorted(longest, key=lambda person: person.person)


def _downloads(files: SessionFiles, state: LiveState) -> None:
    downloads = [
        ("CSV", files.csv, f"{files.stem}.csv", "text/csv", ":material/table:"),
        ("JSON", files.json, f"{files.stem}.json", "application/json", ":material/data_object:"),
    ]
    if files.picture:
        downloads.append(("Last picture", files.picture, f"{files.stem}.jpg", "image/jpeg", ":material/image:"))
    with st.container(horizontal=True):
        for label, data, name, mime, icon in downloads:
            st.download_button(label, data, name, mime, on_click="ignore", icon=icon, key=f"live_file_{label}")
        if state.snapshot:
            snapshot_download(state.snapshot, "live_file_snapshot")
    every = "" if files.every == 1 else f" The session was long, so the files have every {files.every}th frame only."
    st.caption(f"Kept in memory until the next START, or until you reload or close this tab. Not on disk.{every}")
