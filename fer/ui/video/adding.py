"""Add videos to the queue: uploads, or files below the data folder."""

import os
import time
from pathlib import Path
from typing import Any, Final

import streamlit as st

from fer.errors import VideoError
from fer.evaluation.names import display_name
from fer.paths import data_dir
from fer.text import MB, counted, file_size
from fer.ui import resources
from fer.ui.access import gate
from fer.ui.access.settings import Role
from fer.ui.messages import forget_errors, keep_error, kept_errors
from fer.ui.received import open_upload, room_on_disk
from fer.ui.state import UploadedFile, release_upload
from fer.ui.video import library
from fer.ui.widgets import detector_choice, icon_choice
from fer.video import store
from fer.video.job import Request, VideoJob
from fer.video.limits import SUFFIXES

_DROP, _FOLDER = "Drop videos", "From data/"
_ICONS: Final = {_DROP: ":material/upload:", _FOLDER: ":material/folder_open:"}
_ALL, _NTH, _PER_SECOND = "Every frame", "Every n-th frame", "Frames per second"
_KEPT: Final = (
    "An uploaded video is stored on this machine until its analysis ends, or without one, until you close this tab. "
    "Then it is deleted. Its results, with pictures of faces, stay until you delete them on this page."
)
_ROUND: Final = "video_round"
_PLACE: Final = "video_adding"
_LISTING_SECONDS: Final = 10
_MOST_LISTED: Final = 500


def panel() -> None:
    """Draw the ways to add videos, and how they are analysed."""
    source, choices = st.columns([2, 1], gap="large")
    with choices:
        options = _options()
    with source:
        listed = _data_videos(str(data_dir())) if _may_see_data() else []
        where = icon_choice("Where from", _ICONS, key="video_source", persist_state="session") if listed else _DROP
        if where == _DROP:
            _uploads(options)
        else:
            _own_files(listed, options)


def _may_see_data() -> bool:
    who = gate.person()
    return who is not None and who.role >= Role.TRAINER


@st.cache_data(ttl=_LISTING_SECONDS, show_spinner=False)
def _data_videos(folder: str) -> list[str]:
    found = []
    for root, _, names in os.walk(folder):
        found += [str(Path(root, name)) for name in names if name.lower().endswith(SUFFIXES)]
        if len(found) >= _MOST_LISTED:
            break
    return sorted(found)[:_MOST_LISTED]


def _options() -> dict[str, Any]:
    """Draw the settings, and return the fields of `Request` that they choose."""
    detector = detector_choice(key="video_detector", persist_state="session")
    pace = st.selectbox("Analyse", (_ALL, _NTH, _PER_SECOND), key="video_pace", persist_state="session")
    every, fps = 1, None
    if pace == _NTH:
        every = int(st.number_input("n", 2, 1000, 5, key="video_every", persist_state="session"))
    elif pace == _PER_SECOND:
        fps = float(st.number_input("Per second", 0.1, 120.0, 5.0, key="video_fps", persist_state="session"))
    annotated = st.toggle(
        "Annotated video",
        True,
        key="video_annotated",
        persist_state="session",
        help="A copy with boxes, expressions and the sound. Without it, the analysis is faster and takes less room.",
    )
    blur = st.toggle(
        "Blur faces",
        False,
        key="video_blur",
        persist_state="session",
        disabled=pace != _ALL,
        help="Makes the detected faces in the annotated video unrecognisable, and keeps no pictures of them. Needs "
        "every frame. A face that isn't detected stays visible.",
    )
    return {
        "detector": detector,
        "every": every,
        "fps": fps,
        "annotated": annotated,
        "blur": blur and pace == _ALL,
    }


def _uploads(options: dict[str, Any]) -> None:
    files = st.file_uploader(
        "Videos",
        [suffix[1:] for suffix in SUFFIXES],
        accept_multiple_files=True,
        key=f"video_drop_{st.session_state.get(_ROUND, 0)}",
        on_change=forget_errors,
        args=(_PLACE,),
    )
    st.caption(_KEPT)
    _warn_of_full_disk()
    if _pressed(len(files)):
        if _add([(file.name, file) for file in files], options):
            # A new uploader lists no files. Otherwise, those that couldn't be added are still in this one.
            st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
        st.rerun()
    kept_errors(_PLACE)


def _warn_of_full_disk() -> None:
    """Say before an upload that it may not fit. The browser marks one that doesn't, without saying why."""
    room = room_on_disk()
    if room < MB * st.get_option("server.maxUploadSize"):
        said = f"The disk has room for uploads of {file_size(room)} only." if room >= MB else "The disk is full."
        st.warning(f"{said} Free some space, or delete videos here.", icon=":material/hard_drive:")


def _own_files(listed: list[str], options: dict[str, Any]) -> None:
    chosen = st.multiselect(
        "Videos",
        listed,
        format_func=lambda path: Path(path).relative_to(data_dir()).as_posix(),
        key="video_files",
        on_change=forget_errors,
        args=(_PLACE,),
    )
    st.caption("These files stay where they are. The results stay until you delete them on this page.")
    if _pressed(len(chosen)):
        _add([(f"data/{Path(path).relative_to(data_dir()).as_posix()}", Path(path)) for path in chosen], options)
        st.rerun()
    kept_errors(_PLACE)


def _pressed(n_files: int) -> bool:
    label = f"Analyse {counted(n_files, 'video')}" if n_files > 1 else "Analyse"
    return st.button(label, type="primary", icon=":material/play_arrow:", disabled=not n_files, key="video_analyse")


def _add(items: list[tuple[str, UploadedFile | Path]], options: dict[str, Any]) -> bool:
    """Put videos into the queue, and return whether all could be added. Of the others, the page says why."""
    forget_errors(_PLACE)
    bundle = resources.model_in_use()
    added: list[VideoJob] = []
    for name, item in items:
        path = str(item) if isinstance(item, Path) else None
        about = time.time(), str(bundle.path), display_name(bundle), path
        request = Request(name[:1000], *about, weights=bundle.weights, **options)
        try:
            if isinstance(item, Path):
                added.append(store.add_file(request))
            else:
                added.append(store.add_upload(open_upload(item), request))
                release_upload(item)
        except VideoError as error:
            keep_error(_PLACE, f"{name}: {error}")
            continue
        gate.record("started", "video", added[-1].id)
    if added:
        library.follow(added[0])
    try:
        store.start_next()
    except VideoError as error:
        keep_error(_PLACE, error)
    return len(added) == len(items)
