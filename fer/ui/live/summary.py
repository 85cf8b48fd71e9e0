"""Show the summary and the downloads of the last session."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import streamlit as st

from fer.live.session import LiveSession
from fer.live.snapshot import LiveSnapshot
from fer.streams.record import OUTCOMES, PersonSummary
from fer.text import percent
from fer.ui.bars import show_shares
from fer.ui.live import timeline
from fer.ui.live.camera import LiveState, picture_file, snapshot_download
from fer.ui.live.webcam import CameraState
from fer.ui.timelines import clock

# Only this many people get a row of their own. The files include everyone.
_SUMMED_PEOPLE: Final = 8
_EVERYONE: Final = "everyone"


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
        record = session.record()
        files = record.files(session.facts(), session.provenance())
        return cls(
            session=session,
            stem=f"live-{record.started:%Y-%m-%d-%H-%M-%S}",
            csv=files.csv,
            json=files.json,
            picture=picture_file(session),
            people=record.people(),
            every=record.every,
        )


def last_session(state: LiveState, shown: CameraState) -> None:
    """Show the summary and the downloads of the last session while the camera is off."""
    session = state.session
    if session is None or shown.on:
        # START deletes the last session, as the notice says.
        st.session_state.pop("live_files", None)
        return
    if not session.snapshot().n_frames:
        return
    st.subheader("Your last session", anchor=False)
    _summary(files_of(session), state)


def files_of(session: LiveSession) -> SessionFiles:
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
    mostly.metric("Most often", _most_often(snapshot))
    if people:
        timeline.draw(files.session.timeline(last_s=None), "live_session")
        st.markdown("**Share of time**")
        shares: dict[str, Iterable[float]] = {_EVERYONE: snapshot.shares} if len(people) != 1 else {}
        shares |= {f"person {person.person}": person.shares for person in _longest(people)}
        show_shares(shares)
        if len(people) > _SUMMED_PEOPLE:
            st.caption(f"The {_SUMMED_PEOPLE} people seen longest. The files include everyone.")
    else:
        st.info("No face was found in this session.", icon=":material/face_retouching_off:")
    _downloads(files, state)


def _most_often(snapshot: LiveSnapshot) -> str:
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
    every = "" if files.every == 1 else f" The session was long, so the files have one frame in {files.every}."
    st.caption(f"Kept in memory until the next START, or until you reload or close this tab. Not on disk.{every}")
