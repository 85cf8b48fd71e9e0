"""Show a batch: how it ended, expressions by folder and over time, the failures and the downloads."""

import posixpath
from pathlib import Path
from typing import Final

import pandas as pd
import streamlit as st

from fer.batch import found
from fer.batch.found import Found, Kind, Row
from fer.batch.job import DAMAGED, INTERRUPTED, BatchJob
from fer.batch.output import ANNOTATED, FILES
from fer.jobs.job import DONE, FAILED, RUNNING, STOPPED
from fer.storage.files import Signature, signature
from fer.streams.record import OUTCOMES
from fer.text import counted, literal
from fer.ui.access import gate
from fer.ui.bars import show_shares
from fer.ui.batch import files, library, so_far
from fer.ui.batch.charts import over_time
from fer.ui.batch.library import Listed
from fer.ui.batch.work import failures_table, first_failures
from fer.ui.frame import errors_as_sentences
from fer.ui.messages import show_error
from fer.ui.paging import page_of

_ROWS_A_PAGE: Final = 100
# Folders with a bar of their own; the table has all.
_MOST_BARS: Final = 12
_PHOTOS, _VIDEOS = "Photos", "Videos"
_DOWNLOADS: Final = (
    (files.PARTS, "Parquet", ":material/database:", "All parts and the manifest as one zip file."),
    (files.FACES_CSV, "Faces as CSV", ":material/table:", "One row per face; in videos, one per face and frame."),
    (files.FILES_CSV, "Files as CSV", ":material/description:", "One row per file, also for those that failed."),
)
_CODE: Final = """import pandas, polars, duckdb
pandas.read_parquet({faces!r})
polars.read_parquet({each!r})
duckdb.sql("SELECT emotion, count(*) FROM '{each}' GROUP BY emotion")"""


def result(one: Listed) -> None:
    """Draw a batch, whatever its state is."""
    st.subheader(literal(one.name), anchor=False)
    st.caption(_about(one))
    _how_it_ended(one)
    if one.state == DONE:
        with errors_as_sentences():
            _shown(one, one.job.folder, _found(one.job.folder))
    elif one.state not in (RUNNING, DAMAGED):
        with errors_as_sentences():
            _unfinished(one)
    if one.state != RUNNING:
        _downloads(one)
        library.actions(one)


def _unfinished(one: Listed) -> None:
    """Draw what a batch that ended early has found so far, or the first failures while it is counted."""
    folder = so_far.folder_of(one.job)
    if folder is None:
        first_failures(one)
        return
    found_so_far = _found(folder)
    if found_so_far.n_files:
        _shown(one, folder, found_so_far)
    else:
        st.caption("No file is finished yet.")


def _about(one: Listed) -> str:
    request, status = one.request, one.status
    if request is None:
        return one.job.id
    parts = [f"model: {literal(request.model_name)}", f"detector: {request.detector}"]
    if one.state not in (DONE, RUNNING) and status.n_files:
        parts.insert(0, f"{status.done:,} of {counted(status.n_files, 'file')} finished")
    return " · ".join(parts)


def _how_it_ended(one: Listed) -> None:
    if one.state == STOPPED:
        st.info("Stopped. Resume continues with what isn't finished.", icon=":material/stop_circle:")
    elif one.state == INTERRUPTED:
        st.warning(
            "The batch stopped unexpectedly, for example because memory ran out or the computer was switched off. "
            "Resume continues with what isn't finished.",
            icon=":material/power_off:",
        )
    elif one.state == FAILED:
        show_error((one.progress.error if one.progress else None) or one.job.unexpected)
    elif one.state == DAMAGED:
        show_error("The record of this batch is damaged. Delete it and start a new one.")


def _found(folder: Path) -> Found:
    return _loaded(str(folder), signature(folder / found.FOUND))


@st.cache_resource(max_entries=8, show_spinner=False)
def _loaded(folder: str, written: Signature | None) -> Found:
    return found.load(Path(folder))


@st.fragment
def _shown(one: Listed, folder: Path, all_found: Found) -> None:
    kinds = {_PHOTOS: all_found.photos, _VIDEOS: all_found.videos}
    here = {name: kind for name, kind in kinds.items() if kind is not None}
    with st.container(horizontal=True):
        label = "Files" if one.state == DONE else "Finished files"
        st.metric(label, f"{all_found.n_files:,}", width="content")
        for name, kind in here.items():
            st.metric(
                "Faces in photos" if name == _PHOTOS else "Faces in frames of videos",
                f"{kind.total.n_rows:,}",
                width="content",
            )
        st.metric("Failed", f"{all_found.n_failed:,}", width="content")
    for name, why in all_found.not_found:
        st.warning(f"Left out: {literal(name)}: {literal(why)}", icon=":material/folder_off:")
    if here:
        _kind(one.job, here)
    _failures(one, folder, all_found.n_failed)


def _kind(job: BatchJob, here: dict[str, Kind]) -> None:
    name = next(iter(here))
    if len(here) > 1:
        name = str(
            st.segmented_control(
                "Kind of file",
                list(here),
                default=name,
                required=True,
                label_visibility="collapsed",
                key=f"batch_kind_{job.id}",
            )
        )
    kind = here[name]
    if not kind.total.n_rows:
        st.info(f"No face was found in {counted(kind.total.n_files, name[:-1].lower())}.", icon=":material/search_off:")
        return
    of_videos = name == _VIDEOS
    st.markdown("**Share of faces**" if not of_videos else "**Share of faces in frames**")
    show_shares({"": kind.total.shares}, what="Share of faces")
    _folders(job, kind, name)
    if len(kind.times) > 1:
        st.markdown("**Over time**")
        over_time(kind, key=f"batch_times_{job.id}_{name}")


def _folders(job: BatchJob, kind: Kind, name: str) -> None:
    if len(kind.folders) + kind.n_more_folders < 2:
        return
    st.markdown("**By folder**")
    largest = sorted((row for row in kind.folders if row.n_rows), key=lambda row: -row.n_rows)[:_MOST_BARS]
    n_shared = len(_shared_folder([row.name for row in kind.folders]))
    rows = {row.name[n_shared:]: row.shares for row in sorted(largest, key=lambda row: row.name)}
    show_shares(rows, what="Share of faces")
    n_others = len(kind.folders) + kind.n_more_folders - len(largest)
    if n_others:
        st.caption(f"The {len(largest)} folders with most faces; the table has the others, too.")
    with st.expander(f"Table of folders ({len(kind.folders):,})", icon=":material/table:"):
        if kind.n_more_folders:
            st.caption(f"Without {counted(kind.n_more_folders, 'folder')} with fewer faces; the downloads have all.")
        page = page_of(len(kind.folders), _ROWS_A_PAGE, f"batch_folders_page_{job.id}_{name}")
        st.dataframe(
            pd.DataFrame([_cells(row) for row in kind.folders[page]]), hide_index=True, alt="Expressions by folder"
        )


def _shared_folder(names: list[str]) -> str:
    """Return the folder that all of these folders are in, with a '/' at its end; '' if there is none."""
    if len({posixpath.isabs(name) for name in names}) > 1:
        return ""
    shared = posixpath.commonpath(names)
    folder = posixpath.dirname(shared) if shared in names else shared
    return posixpath.join(folder, "")


def _cells(row: Row) -> dict[str, str | int]:
    counts = dict(zip(OUTCOMES, row.counts, strict=True))
    return {"folder": row.name, "files": row.n_files, "faces": row.n_rows, **counts}


def _failures(one: Listed, folder: Path, n_failed: int) -> None:
    if not n_failed:
        return
    with st.expander(f"Failed files ({n_failed:,})", icon=":material/error:", key=f"batch_failed_{one.job.id}"):
        page = page_of(n_failed, _ROWS_A_PAGE, f"batch_failed_page_{one.job.id}")
        # Meanwhile somebody may have resumed or deleted the batch. Errors of a fragment don't reach the page's handler.
        with errors_as_sentences():
            rows = found.read_failures(folder, page.start, page.stop)
            failures_table(one, zip(*(rows.column(name).to_pylist() for name in rows.column_names), strict=True))


def _downloads(one: Listed) -> None:
    job = one.job
    if not (job.results / FILES).is_dir():
        return
    st.markdown("**Downloads**" if one.state == DONE else "**Downloads of what is finished**")
    with st.container(horizontal=True):
        for name, label, icon, words in _DOWNLOADS:
            st.link_button(label, files.address_of(job, name), icon=icon, help=words)
        if (job.results / ANNOTATED).is_dir():
            st.link_button(
                "Annotated copies",
                files.address_of(job, files.ANNOTATED),
                icon=":material/photo_library:",
                help="All of them as one zip file, which may be large.",
            )
    with st.expander("Open the parts in Python or SQL", icon=":material/code:"):
        # Where people log in, the folder is on a machine that isn't theirs.
        who = gate.person()
        folder = str(job.results) if who is not None and not who.name else "."
        st.caption("On this machine." if folder != "." else "In the folder of the unpacked zip file.")
        st.code(
            _CODE.format(faces=f"{folder}/faces", each=f"{folder}/faces/*.parquet"), language="python", wrap_lines=True
        )
