"""Bringing a data set in on the Data page: upload it, or name it inside `data/`."""

from collections import Counter
from collections.abc import Callable
from typing import IO, Any, Final

import pandas as pd
import streamlit as st

from fer.datasets.readings import Progress, Reading
from fer.datasets.store import catalog
from fer.datasets.store.importing import import_path, import_uploads, inside_data, store
from fer.datasets.store.storage import REJECTED_FILE, DatasetInfo
from fer.datasets.synthetic import make_synthetic
from fer.paths import data_dir
from fer.ui import jobs
from fer.ui.data.overview import CHOSEN
from fer.ui.state import UploadedFile, release_upload

_UPLOAD, _INSIDE, _DRAWN = "Upload", "From data/", "Drawn faces"
_ICONS: Final = {_UPLOAD: ":material/upload:", _INSIDE: ":material/folder:", _DRAWN: ":material/draw:"}
_ROUND, _MINE, _NAME = "data_import_round", "data_import_mine", "data_import_name"
_PATH: Final = "data_import_path"
_PREVIEW: Final = 200
_UNITS: Final = {"CSV": "rows", "image folders": "files"}
_KAGGLE: Final = """
FER-2013 is given away by Kaggle to people with an account, and not by this program:

1. Sign in at kaggle.com and open *Challenges in Representation Learning: Facial Expression Recognition Challenge*;
   accept its rules under *Data*.
2. Download `fer2013.tar.gz` or `icml_face_data.csv.zip`. Unpack the former: it holds `fer2013.csv`.
3. If you want the FER+ crowd's votes, download `fer2013new.csv` from Microsoft's *FERPlus* repository.
4. Drop the CSV, and the votes with it, above; or put them into `data/` and name the CSV.
"""


def _key() -> str:
    """An installation imports one set at a time."""
    return f"import {data_dir()}"


def panel(empty: bool) -> None:
    """The form, a running import, and what the last one came to.

    Args:
        empty: there is no set yet, so that the form is open.
    """
    job = jobs.find(_key())
    if job is not None and job.state == jobs.RUNNING:
        with st.container(border=True):
            st.markdown("**Importing**")
            jobs.watch(_key())
        if _uploads():
            # Not drawn, the uploader would let go of what this viewer chose while another's import began.
            with st.expander("Import a data set", icon=":material/download:", expanded=True):
                _form(busy=True)
        return
    if job is not None:
        _outcome(job)
    failed = job is not None and job.state != jobs.DONE
    with st.expander("Import a data set", icon=":material/download:", expanded=empty or failed):
        _form()


def _form(busy: bool = False) -> None:
    source = st.segmented_control(
        "Where from",
        list(_ICONS),
        format_func=lambda name: f"{_ICONS[name]} {name}",
        default=_UPLOAD,
        required=True,
        label_visibility="collapsed",
        key="data_import_source",
        # The form is not drawn while a job runs, and comes back as it was.
        persist_state="session",
    )
    number = st.session_state.get(_ROUND, 0)
    if source == _DRAWN:
        st.markdown(
            "980 drawn faces of the seven expressions, for a first look at this page and a first training in minutes. "
            "They say nothing about real faces."
        )
        st.button("Import the drawn faces", type="primary", icon=":material/draw:", on_click=_start_drawn)
        return
    if source == _UPLOAD:
        st.file_uploader(
            "A CSV of FER-2013, or a zip with it or with image folders; fer2013new.csv beside it brings the votes",
            type=["csv", "zip"],
            accept_multiple_files=True,
            key=_uploader(number),
        )
    else:
        st.text_input(
            f"A file or folder inside {data_dir()}",
            placeholder="fer2013.csv",
            key=_PATH,
            persist_state="session",
            help="FER-2013's CSV, a folder with train/, validation/ and test/, or a zip. A path that leads out of the "
            "folder is refused.",
        )
        st.caption(_what_lies_there())
    st.text_input(
        "Name",
        placeholder="after the file",
        key=_NAME,
        persist_state="session",
        help="Letters, digits, dots, dashes, underscores",
    )
    if busy:
        st.info("Another import is running. What you chose is kept: import it when that one has ended.")
    ready = bool(_uploads() if source == _UPLOAD else st.session_state.get(_PATH))
    st.button(
        "Import",
        type="primary",
        icon=":material/download:",
        disabled=busy or not ready,
        on_click=_start_upload if source == _UPLOAD else _start_path,
    )
    with st.expander("How to get FER-2013", icon=":material/help:"):
        st.markdown(_KAGGLE)


def _uploader(number: int) -> str:
    return f"data_import_files_{number}"


def _uploads() -> list[UploadedFile]:
    return st.session_state.get(_uploader(st.session_state.get(_ROUND, 0))) or []


def _what_lies_there() -> str:
    known = {info.name for info in catalog.list_datasets()}
    folder = data_dir()
    names = sorted(
        item.name
        for item in (folder.iterdir() if folder.is_dir() else ())
        if item.name not in known and not item.name.startswith((".", "README"))
    )
    return f"There now: {', '.join(names[:12])}" if names else "Nothing to import lies there now."


def _start_upload() -> None:
    uploads, name = _uploads(), st.session_state[_NAME].strip() or None
    files: dict[str, IO[bytes]] = {}
    called: Counter[str] = Counter()
    for file in uploads:
        # Files of one name are several files, of which the import says that it takes one.
        called[file.name] += 1
        files[file.name if called[file.name] == 1 else f"{file.name} ({called[file.name]})"] = file
    if not _start(lambda progress: import_uploads(files, name, progress)):
        return
    # The job holds the bytes for as long as it needs them; a new key empties the widget.
    for file in uploads:
        release_upload(file)
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _start_path() -> None:
    text, name = st.session_state[_PATH], st.session_state[_NAME].strip() or None
    _start(lambda progress: import_path(inside_data(text), name, progress=progress))


def _start_drawn() -> None:
    def draw(progress: Progress) -> DatasetInfo:
        progress(0.0, "Drawing")
        dataset = make_synthetic()
        origins = tuple(f"drawing {number}" for number in range(len(dataset)))
        name = catalog.suggest_name("drawn-faces")
        return store(Reading(dataset, origins, form="drawn"), name, "drawn by this program", progress=progress)

    _start(draw)


def _start(work: Callable[[Progress], DatasetInfo]) -> bool:
    begun = jobs.start(_key(), work)
    if begun:
        st.session_state[_MINE] = jobs.find(_key())
    else:
        st.toast("Another import is running; yours was not begun. Import it when that one has ended.")
    return begun


def _outcome(job: jobs.Job[Any]) -> None:
    made, mine = job.result, st.session_state.pop(_MINE, None) is job
    if isinstance(made, DatasetInfo) and made not in catalog.list_datasets():
        jobs.forget(_key())  # deleted since
        return
    if job.state == jobs.FAILED:
        st.error(job.error, icon=":material/error:")
    elif job.state == jobs.CANCELLED:
        st.info(job.error, icon=":material/cancel:")
    elif isinstance(made, DatasetInfo):
        if mine:
            # Once, and nobody else: whoever imports a set wants to look at it.
            st.session_state[CHOSEN] = made.name
            st.session_state[_NAME] = ""
        _summary(made)
    st.button("Close", icon=":material/close:", on_click=jobs.forget, args=(_key(),))


def _summary(info: DatasetInfo) -> None:
    unit = _UNITS.get(info.form, "images")
    st.success(
        f"Imported '{info.name}': {info.n_read:,} {unit} read = {info.n_images:,} kept + {info.n_rejected:,} rejected.",
        icon=":material/check_circle:",
    )
    if not info.n_rejected:
        return
    file = catalog.dataset_folder(info.name) / REJECTED_FILE
    frame = pd.read_csv(file, dtype=str)
    st.dataframe(
        frame.head(_PREVIEW).rename(columns={"where": "Where", "reason": "Reason"}),
        hide_index=True,
        alt="What was rejected: line or file, and the reason",
    )
    st.download_button(
        "Rejected, as CSV",
        file.read_bytes(),
        f"{info.name}-rejected.csv",
        "text/csv",
        icon=":material/table:",
        on_click="ignore",
    )
