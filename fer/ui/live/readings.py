"""The Live page's figures: what is seen now, the last minute, and what a session leaves."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import streamlit as st

from fer.live.overlay import Person
from fer.live.record import OUTCOMES, PersonSummary
from fer.live.session import LiveSession
from fer.live.snapshot import LiveSnapshot
from fer.live.timeline import PersonLine, Timeline
from fer.text import counted
from fer.ui.charts import STATIC, describe_bars, probability_bars
from fer.ui.frame import errors_as_sentences
from fer.ui.live.camera import PATIENCE_S, PULSE_S, LiveState, checklist, follow_model, snapshot_download
from fer.ui.live.charts import LIVE, clock, describe_shares, describe_timeline, share_bars, timeline_chart
from fer.ui.live.webcam import CameraState
from fer.ui.plots import Chart, live_charts
from fer.vision.images import encode_jpeg

# More people than this are in the picture, the record and the summary, but have no bars beside the video.
_SHOWN_PEOPLE: Final = 4
_SUMMED_PEOPLE: Final = 8
_EVERYONE: Final = "everyone"


def now(state: LiveState, shown: CameraState) -> None:
    """Who is seen at this moment, how fast, and the share of time so far; at rest while the camera is off.

    While it is on, this part also hands the stream a model that was put to use since, and says what may be wrong when
    no frame comes.
    """
    session = state.session

    @st.fragment(run_every=PULSE_S if shown.on else None)
    def panel() -> None:
        if session is None or not shown.on:
            _invitation(again=session is not None)
            return
        with errors_as_sentences():
            follow_model(session)
        snapshot = session.snapshot()
        st.caption(figures_line(snapshot))
        if snapshot.silent_s > PATIENCE_S:
            with st.container(border=True):
                st.markdown("**No picture for ten seconds.** One of these helps:")
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


def figures_line(snapshot: LiveSnapshot) -> str:
    """'29.9 fps · 7 ms · 1 face · 300 frames · 0 dropped · 0 failed'."""
    cost = "–" if snapshot.processing_ms is None else f"{snapshot.processing_ms:.0f}"
    return " · ".join(
        [
            f"{snapshot.fps:.1f} fps",
            f"{cost} ms",
            counted(len(snapshot.people), "face"),
            f"{snapshot.n_frames} frames",
            f"{snapshot.n_dropped} dropped",
            f"{snapshot.n_failed} failed",
        ]
    )


def failures_line(snapshot: LiveSnapshot, *, blurred: bool) -> str:
    """How many frames failed, what is shown in their place, and why the last one did."""
    instead = "hidden altogether" if blurred else "shown as it came"
    # The reason is a program's text, not Markdown.
    reason = (snapshot.last_failure or "").replace("`", "'")
    return (
        f"{snapshot.n_failed} of {snapshot.n_frames} frames failed; such a frame is {instead}. "
        f"The last reason: `{reason}`. If it goes on, press STOP and START; the program's log says more."
    )


def _invitation(*, again: bool) -> None:
    with st.container(border=True):
        if again:
            st.markdown("The camera is off. **Press START** for a new session; it takes the place of the last one.")
        else:
            st.markdown(
                "**Press START** and allow the camera. Here you will then see each face's seven probabilities, below "
                "the last minute as lines; after STOP you can download the session."
            )


def _people(snapshot: LiveSnapshot, detector: str) -> None:
    if not snapshot.people:
        if snapshot.n_frames and snapshot.stalled:
            st.info("The camera's picture stands still: no new frame comes.", icon=":material/pause_circle:")
        elif snapshot.n_frames:
            more = "YuNet finds turned and small faces too" if detector == "haar" else "a higher sensitivity finds more"
            st.info(
                "No face is seen. Look into the camera with light from the front, or come closer; under Settings, "
                f"{more}.",
                icon=":material/face_retouching_off:",
            )
        else:
            st.info("The camera is being opened ...", icon=":material/hourglass_top:")
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
    """'**Person 2** looks happy 0.83', or 'not sure' in place of a guess."""
    who = f"**Person {person.track_id}** " if named else ""
    if not person.face.sure:
        return f"{who}**{person.face.looks}**"
    return f"{who}**{person.face.looks}** {person.face.confidence:.2f}"


def last_minute(state: LiveState, shown: CameraState) -> None:
    """The last 60 seconds of one person, as lines."""
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
    """The person whose line is drawn: whom the viewer chose, or who was there longest."""
    if not timeline.lines:
        return None
    by_length = max(timeline.lines, key=lambda line: len(line.seconds))
    if len(timeline.lines) == 1:
        return by_length
    numbers = [line.person for line in timeline.lines]
    if st.session_state.get(key) not in numbers:
        # Who left the last minute is no choice any more.
        st.session_state[key] = by_length.person
    number = st.selectbox("Person", numbers, key=key, width=120)
    return next((line for line in timeline.lines if line.person == number), by_length)


@dataclass(frozen=True, eq=False)
class SessionFiles:
    """What an ended session leaves, worked out once.

    Attributes:
        session: whose it is.
        stem: of the files' names, with the time when the session began.
        csv, json: the record.
        picture: the last one, as JPEG; None where no frame came.
        people: everyone seen.
        every: 1 where every frame is in the record, 2 where every second is, and so on.
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
        """The files of a session that was stopped."""
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
    """What the last session showed, to look at and to download, once the camera is off."""
    session = state.session
    if session is None or shown.on:
        # The next START lets go of the last session, as the notice says.
        st.session_state.pop("live_files", None)
        return
    if not session.snapshot().n_frames:
        return
    files = st.session_state.get("live_files")
    if files is None or files.session is not session:
        with st.spinner("Summing up the session ..."):
            files = st.session_state["live_files"] = SessionFiles.of(session)
    st.subheader("Your last session", anchor=False)
    _summary(files, state)


@st.fragment
def _summary(files: SessionFiles, state: LiveState) -> None:
    snapshot, people = files.session.snapshot(), files.people
    most = OUTCOMES[int(snapshot.shares.argmax())] if snapshot.shares.any() else "–"
    length, frames, seen, mostly = st.columns(4)
    length.metric("Length", f"{clock(snapshot.age_s)} {'min' if snapshot.age_s < 3600 else 'h'}")
    frames.metric(
        "Frames",
        f"{snapshot.n_frames:,}",
        help=f"{snapshot.n_dropped} more were dropped because another was in work; {snapshot.n_failed} failed.",
    )
    seen.metric("People", len(people), help="Someone who leaves and comes back is counted again.")
    mostly.metric("Most of the time", most)
    if people:
        _timeline(files.session.timeline(last_s=None), "live_session")
        st.markdown("**Share of time**")
        shares: dict[str, Iterable[float]] = {_EVERYONE: snapshot.shares} if len(people) != 1 else {}
        shares |= {f"person {person.person}": person.shares for person in _longest(people)}
        st.plotly_chart(
            share_bars(shares), config=LIVE, key="live_session_shares", alt=describe_shares(snapshot.shares)
        )
        if len(people) > _SUMMED_PEOPLE:
            st.caption(f"The {_SUMMED_PEOPLE} who were there longest; everyone is in the files.")
    else:
        st.info("No face was found in this session.", icon=":material/face_retouching_off:")
    _downloads(files, state)


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
    every = "" if files.every == 1 else f" One frame in {files.every} is in the files: the session was long."
    st.caption(f"Kept in memory until the next START or until you close this tab; nothing is on disk.{every}")
