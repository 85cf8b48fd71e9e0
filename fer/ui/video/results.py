"""Show what was found in a video: the player with its timeline, people, moments, changes, the table and downloads."""

from typing import Final

import pandas as pd
import streamlit as st

from fer.emotions import looks
from fer.jobs.job import DONE, STOPPED
from fer.results import QUALITY_IN_WORDS
from fer.storage.files import Signature, signature
from fer.summary.groups import Groups
from fer.text import counted, literal
from fer.ui.bars import show_shares
from fer.ui.frame import errors_as_sentences
from fer.ui.messages import show_error
from fer.ui.paging import page_of
from fer.ui.timelines import clock, describe_timeline, timeline_chart
from fer.ui.video import files
from fer.ui.video.library import Listed, deletion
from fer.ui.video.player import player
from fer.video.job import ANNOTATED, DAMAGED, REPORT, ROWS, SUBTITLES, SUMMARY, VideoJob
from fer.video.stored import StoredMoment, StoredSummary, load_summary, read_rows

_ROWS_A_PAGE: Final = 100
_TABLE_PX: Final = 400
_MOMENT_PX: Final = 96
_DAMAGED: Final = "The record of this video is damaged. Delete it and add the video again."
_DOWNLOADS: Final = (
    (files.CSV, "CSV", ":material/table:", "One row per face and frame, and one row for a frame without a face."),
    (ROWS, "Parquet", ":material/database:", "The same rows, for pandas, Polars or DuckDB."),
    (files.JSON, "JSON", ":material/data_object:", "What made the results, the same rows, and the summary."),
    (ANNOTATED, "Annotated video", ":material/movie:", "The video with boxes, expressions and its sound (MP4)."),
    (REPORT, "Report", ":material/description:", "Charts, moments and changes as one HTML file that opens offline."),
    (SUBTITLES, "Subtitles", ":material/subtitles:", "What each person looks like, and when (WebVTT)."),
)


def result(one: Listed, groups: Groups | None) -> None:
    """Draw a video that has ended; its tables name its group, if the summary's groups have one for it."""
    if one.state == DONE:
        with errors_as_sentences():
            summary = _summary(one.job.id, signature(one.job.folder / SUMMARY), one.job)
            _shown(one.job, one.name, summary, (groups or {}).get(summary.numbers.file))
    elif one.state == STOPPED:
        st.info("Stopped. An uploaded video was deleted; add it again to analyse it.", icon=":material/stop_circle:")
    elif one.state == DAMAGED:
        show_error(_DAMAGED)
    else:
        progress = one.job.progress()
        show_error((progress.error if progress else None) or "The analysis failed. Add the video again.")
    deletion(one)


@st.cache_resource(max_entries=4, show_spinner=False)
def _summary(video_id: str, written: Signature | None, _job: VideoJob) -> StoredSummary:
    return load_summary(_job.folder)


@st.fragment
def _shown(job: VideoJob, name: str, summary: StoredSummary, group: str | None) -> None:
    for note in summary.notes:
        st.warning(literal(note), icon=":material/info:")
    person = _person(job, summary)
    left, right = st.columns([3, 2], gap="large")
    with right:
        _shares(job, summary, person)
        _moments(job, summary, person)
    with left:
        _player(job, name, summary, person)
        st.caption(_about(summary))
    _changes(job, summary, person)
    _table(job, summary)
    _downloads(job, group)


def _person(job: VideoJob, summary: StoredSummary) -> int | None:
    """Let the viewer choose a person. The default is the one seen longest."""
    if not summary.people:
        st.info("No face was found in this video.", icon=":material/face_retouching_off:")
        return None
    numbers = [one.person for one in summary.people]
    longest = max(summary.people, key=lambda one: one.last_s - one.first_s).person
    if len(numbers) == 1:
        return longest
    return st.selectbox(
        "Person",
        numbers,
        index=numbers.index(longest),
        format_func=lambda number: f"Person {number}",
        key=f"video_person_{job.id}",
        help="Numbered in the order of appearance.",
    )


def _shares(job: VideoJob, summary: StoredSummary, person: int | None) -> None:
    if person is None:
        return
    own = next(one for one in summary.people if one.person == person)
    st.markdown("**Share of time**")
    rows = {f"Person {person}": own.shares}
    if len(summary.people) > 1:
        rows["Everyone"] = summary.shares
    show_shares(rows)
    st.caption(f"Seen from {clock(own.first_s)} to {clock(own.last_s)}.")


def _moments(job: VideoJob, summary: StoredSummary, person: int | None) -> None:
    """Draw the strongest moment of each expression; a button moves the player there."""
    own = [one for one in summary.moments if one.person == person]
    if not own:
        return
    st.markdown("**Strongest moments**")
    with st.container(horizontal=True, gap="small"):
        for moment in own:
            with st.container(width=_MOMENT_PX + 24, gap="xsmall"):
                _moment(job, moment)


def _moment(job: VideoJob, moment: StoredMoment) -> None:
    picture, words = job.folder / moment.file_name, f"{moment.emotion} {moment.confidence:.2f}"
    if not picture.is_file():  # faces are blurred
        st.caption(words)
    else:
        st.image(
            str(picture),
            width=_MOMENT_PX,
            caption=words,
            alt=f"Person {moment.person} {looks(moment.emotion)} at {clock(moment.time_s)}",
        )
    st.button(
        clock(moment.time_s),
        icon=":material/play_arrow:",
        type="tertiary",
        key=f"video_moment_{job.id}_{moment.person}_{moment.emotion}",
        help="Go there",
        on_click=_wish,
        args=(job, moment.time_s),
    )


def _wish(job: VideoJob, seconds: float) -> None:
    """Move the player to a moment."""
    _, count = st.session_state.get(_moment_key(job), (0.0, 0))
    st.session_state[_moment_key(job)] = (seconds, count + 1)


def _moment_key(job: VideoJob) -> str:
    return f"video_wish_{job.id}"


def _player(job: VideoJob, name: str, summary: StoredSummary, person: int | None) -> None:
    timeline = summary.timeline()
    line = next((line for line in timeline.lines if line.person == person), None)
    figure = timeline_chart(timeline, line)
    # A click means the nearest moment, however far it is.
    figure.update_layout(hoverdistance=-1)
    player(
        files.address_of(job, ANNOTATED) if (job.folder / ANNOTATED).is_file() else None,
        figure,
        describe_timeline(timeline, line),
        name=f"The annotated video {name}",
        moment=st.session_state.get(_moment_key(job)),
        key=f"video_player_{job.id}",
    )


def _about(summary: StoredSummary) -> str:
    analysed = "" if summary.n_analysed == summary.n_frames else f", {summary.n_analysed:,} of them analysed"
    return (
        f"{summary.width} × {summary.height} pixels · {clock(summary.seconds)} · {counted(summary.n_frames, 'frame')}"
        f"{analysed} · model: {literal(summary.about.model)}"
    )


def _changes(job: VideoJob, summary: StoredSummary, person: int | None) -> None:
    own = [one for one in summary.changes if one.person == person]
    if not own:
        return
    key = f"video_changes_{job.id}_{person}"

    def turn() -> None:
        rows = st.session_state[key].selection.rows
        if rows:
            _wish(job, own[rows[0]].time_s)

    with st.expander(f"Changes ({len(own):,})", icon=":material/swap_horiz:"):
        if summary.n_changes > len(summary.changes):
            st.caption(f"The first {len(summary.changes):,} of {summary.n_changes:,}; the table has all frames.")
        st.dataframe(
            pd.DataFrame(
                {
                    "when": [clock(one.time_s) for one in own],
                    "from": [one.before for one in own],
                    "to": [one.after for one in own],
                }
            ),
            hide_index=True,
            on_select=turn,
            selection_mode="single-row",
            key=key,
            alt=f"When person {person} changed from one expression to another",
        )
        st.caption("Tick a row to go there.")


def _table(job: VideoJob, summary: StoredSummary) -> None:
    # Errors inside of a fragment don't reach the page's handler.
    with st.expander(f"Table ({counted(summary.n_rows, 'row')})", icon=":material/table:"), errors_as_sentences():
        page = page_of(summary.n_rows, _ROWS_A_PAGE, f"video_page_{job.id}")
        st.dataframe(
            read_rows(job.folder, page.start, page.stop),
            hide_index=True,
            height=_TABLE_PX,
            column_config={
                name: st.column_config.NumberColumn(help=f"The face's picture: {words}. Larger is worse.")
                for name, words in QUALITY_IN_WORDS.items()
            },
            key=f"video_table_{job.id}",
            alt="One row per face and frame",
        )


def _downloads(job: VideoJob, group: str | None) -> None:
    with st.container(horizontal=True):
        for name, label, icon, words in _DOWNLOADS:
            stored = ROWS if name in (files.CSV, files.JSON) else name
            if (job.folder / stored).is_file():
                st.link_button(label, files.address_of(job, name, group), icon=icon, help=words)
