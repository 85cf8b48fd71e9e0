"""Import a dataset on the Data page: upload it, or name a file inside `data/`."""

from collections import Counter
from collections.abc import Callable
from typing import IO, Any, Final

import streamlit as st

from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.orders import LabelOrder
from fer.datasets.readings import Progress, Reading
from fer.datasets.store import catalog
from fer.datasets.store.importing import import_path, import_uploads, inside_data, store
from fer.datasets.store.storage import DatasetInfo
from fer.datasets.synthetic import make_synthetic
from fer.paths import data_dir
from fer.text import literal
from fer.ui import jobs
from fer.ui.access import gate
from fer.ui.data.import_summary import summary
from fer.ui.data.label_order import Question, ask, asking
from fer.ui.data.overview import CHOSEN
from fer.ui.messages import show_error
from fer.ui.received import open_upload
from fer.ui.state import UploadedFile, release_upload
from fer.ui.widgets import icon_choice

_UPLOAD, _INSIDE, _SYNTHETIC = "Upload", "From data/", "Synthetic faces"
_ICONS: Final = {_UPLOAD: ":material/upload:", _INSIDE: ":material/folder:", _SYNTHETIC: ":material/draw:"}
_ROUND, _NAME = "data_import_round", "data_import_name"
# The job that this tab began, and the one whose result it has turned to.
_MINE, _SEEN = "data_import_mine", "data_import_seen"
_PATH, _PHOTOS = "data_import_path", "data_import_photos"
_KAGGLE: Final = """
FER-2013 comes from Kaggle. You need an account there:

1. Sign in at kaggle.com and open *Challenges in Representation Learning: Facial Expression Recognition Challenge*;
   accept its rules under *Data*.
2. Download `fer2013.tar.gz` or `icml_face_data.csv.zip`. There is no need to unpack it.
3. For the FER+ votes, download `fer2013new.csv` from Microsoft's *FERPlus* repository.
4. Drop the file above, together with the votes; or copy them into `data/` and give the file's name.
"""


def _key() -> str:
    """Return the key of the job; an installation imports one dataset at a time."""
    return f"import {data_dir()}"


def panel(empty: bool) -> None:
    """Draw the form, a running import, and the result of the last one.

    Args:
        empty: there is no dataset yet, so the form is open.
    """
    job = jobs.find(_key())
    if job is not None and job.state == jobs.RUNNING:
        with st.container(border=True):
            st.markdown("**Importing**")
            jobs.watch(_key())
        if _uploads():
            # Without the uploader on the page, Streamlit would drop the files this viewer chose.
            with st.expander("Import a dataset", icon=":material/download:", expanded=True):
                _form(busy=True)
        return
    # In a container, so that the form keeps its place, and stays open, when the message above it goes.
    with st.container():
        failed = job is not None and _outcome(job)
    asked = job is not None and isinstance(job.result, Question)
    is_open = failed or bool(_uploads()) or (empty and not asked)
    with st.expander("Import a dataset", icon=":material/download:", expanded=is_open):
        _form()


def _form(busy: bool = False) -> None:
    # The form is hidden while a job runs, and keeps its values.
    source = icon_choice("Source", _ICONS, key="data_import_source", persist_state="session")
    number = st.session_state.get(_ROUND, 0)
    if source == _SYNTHETIC:
        st.markdown(
            "980 synthetic faces of the seven expressions: try this page, or train a first model in minutes. "
            "Results on them say nothing about real faces."
        )
        st.button("Import synthetic faces", type="primary", icon=":material/draw:", on_click=_start_synthetic)
        return
    if source == _UPLOAD:
        st.file_uploader(
            "CSV, parquet or npz file, or a zip or tar with tables or images; add fer2013new.csv or a label file",
            accept_multiple_files=True,
            key=_uploader(number),
            on_change=_choose_again,
        )
    else:
        st.text_input(
            f"A file or folder inside {data_dir()}",
            placeholder="fer2013.csv",
            key=_PATH,
            persist_state="session",
            on_change=_choose_again,
            help="A CSV, parquet or npz file, image folders, or a zip or tar of them. Paths outside the folder are "
            "refused.",
        )
        st.caption(_what_lies_there())
    st.toggle(
        "Whole photos",
        key=_PHOTOS,
        persist_state="session",
        help="Find the face in each image and cut it out. Photos without a face, or with several, are left out and "
        "listed.",
    )
    st.text_input(
        "Name",
        placeholder="after the file",
        key=_NAME,
        persist_state="session",
        help="Letters, digits, dots, dashes and underscores",
    )
    if busy:
        st.info("Another import is running. Your files are kept. Import them when it has finished.")
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
    return f"Files there: {literal(', '.join(names[:12]))}" if names else "There is nothing to import in this folder."


def _start_upload() -> None:
    uploads, name = _uploads(), st.session_state[_NAME].strip() or None
    options = ReadOptions(photos=bool(st.session_state.get(_PHOTOS)))
    files: dict[str, IO[bytes]] = {}
    called: Counter[str] = Counter()
    for file in uploads:
        # Keep files of the same name apart, so that the import can refuse them by name.
        called[file.name] += 1
        files[file.name if called[file.name] == 1 else f"{file.name} ({called[file.name]})"] = open_upload(file)
    if not _start(asking(lambda progress, order: import_uploads(files, name, options.ordered(order), progress))):
        return
    # The job holds the bytes while it needs them; a new key empties the widget.
    for file in uploads:
        release_upload(file)
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _start_path() -> None:
    text, name = st.session_state[_PATH], st.session_state[_NAME].strip() or None
    options = ReadOptions(photos=bool(st.session_state.get(_PHOTOS)))
    _start(asking(lambda progress, order: import_path(inside_data(text), name, options.ordered(order), progress)))


def _start_synthetic() -> None:
    def draw(progress: Progress) -> DatasetInfo:
        progress(0.0, "Drawing")
        dataset = make_synthetic()
        origins = tuple(f"synthetic {number}" for number in range(len(dataset)))
        name = catalog.suggest_name("synthetic-faces")
        return store(Reading(dataset, origins, form="synthetic"), name, "made by this program", progress=progress)

    _start(draw)


def _start(work: Callable[[Progress], DatasetInfo | Question]) -> bool:
    record = gate.recorder()

    def recorded(progress: Progress) -> DatasetInfo | Question:
        made = work(progress)
        if isinstance(made, DatasetInfo):
            record("imported", "dataset", made.name)
        return made

    begun = jobs.start(_key(), recorded)
    if begun:
        st.session_state[_MINE] = jobs.find(_key())
    else:
        st.toast("Another import is already running. Import your files when it has finished.")
    return begun


def _outcome(job: jobs.Job[Any]) -> bool:
    """Draw how an import ended, and return whether it failed. Only the tab that began it hears of it, or answers."""
    made = job.result
    if isinstance(made, Question):
        ask(made, lambda order: _answer(made, order), lambda: jobs.forget(_key()))
        return False
    if st.session_state.get(_MINE) is not job:
        return False
    if job.state == jobs.FAILED:
        show_error(job.error)
    elif job.state == jobs.CANCELLED:
        st.info(literal(job.error), icon=":material/cancel:")
    elif isinstance(made, DatasetInfo):
        if made not in catalog.list_datasets():
            _close()  # deleted meanwhile
            return False
        if st.session_state.get(_SEEN) is not job:
            st.session_state[_SEEN] = job
            st.session_state[CHOSEN] = made.name
            st.session_state[_NAME] = ""
        summary(made, _close)
    return bool(job.state != jobs.DONE)


def _choose_again() -> None:
    """Forget the message about the last import once the user turns to another one."""
    job = jobs.find(_key())
    if job is None or job.state != jobs.RUNNING:
        _close()


def _close() -> None:
    """Forget how the last import of this tab ended."""
    st.session_state.pop(_MINE, None)


def _answer(question: Question, order: LabelOrder) -> None:
    _start(question.answered(order))
