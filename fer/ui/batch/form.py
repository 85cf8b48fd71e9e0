"""Start a batch: choose inputs below the allowed folders, see what is there, choose who works."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import streamlit as st

from fer.batch import store
from fer.batch.allowed import Allowed, find_inputs, folders_below, name_below
from fer.batch.job import Request
from fer.errors import FerError
from fer.evaluation.names import display_name
from fer.text import listed, literal
from fer.ui import resources
from fer.ui.access import gate
from fer.ui.access.settings import Role
from fer.ui.batch import count, library
from fer.ui.batch.places import allowed_now
from fer.ui.messages import forget_errors, keep_error, kept_errors, show_error
from fer.ui.widgets import detector_choice, guarded_button, icon_choice

_HERE, _SCHEDULER = "This machine", "Dask scheduler"
_ICONS: Final = {_HERE: ":material/computer:", _SCHEDULER: ":material/hub:"}
_PLACE: Final = "batch_form"
_ROUND: Final = "batch_round"
_MOST_LISTED: Final = 500
_LISTING_SECONDS: Final = 10
_TLS: Final = (
    ("ca", "Certificate authority", "The file of the scheduler's certificate authority (PEM), on the app's machine."),
    ("cert", "Certificate", "The file of the app's own certificate (PEM)."),
    ("key", "Key", "The file of its key (PEM)."),
)


def new_batch(*, opened: bool) -> None:
    """Draw the form, or what is wrong with the settings.

    Args:
        opened: whether it is open at first.
    """
    try:
        places = allowed_now()
    except FerError as error:  # batches of before can still be seen
        show_error(error)
        return
    # After a start the form is a new one, closed and empty, so that nobody starts the same batch twice.
    number = st.session_state.get(_ROUND, 0)
    with st.expander("New batch", icon=":material/add:", expanded=opened, key=f"batch_new_{number}"):
        left, right = st.columns([3, 2], gap="large")
        with left:
            inputs = _inputs(places, number)
        with right:
            options = _options(places)
        with left:
            count.show(inputs, places.roots)
        # No callback: its arguments would be those of the run before the click.
        pressed = guarded_button(
            "Start",
            ("started", library.KIND, ""),
            not_now=None if inputs and options else "Choose a folder first." if not inputs else "Name the scheduler.",
            type="primary",
            icon=":material/play_arrow:",
            key="batch_start",
        )
        if pressed:
            _start(inputs, options, places)
            st.rerun()
        kept_errors(_PLACE)


def _inputs(places: Allowed, number: int) -> tuple[str, ...]:
    """Let the user choose folders, and return what they chose as absolute paths; () if something is wrong."""
    folders = _folders(tuple(map(str, places.roots)))
    names = {name_below(folder, places.roots): folder for folder in folders}
    if not names:
        st.info(
            f"Copy photos or videos into {listed([literal(str(root)) for root in places.roots])} on the machine that "
            "runs this program, then reload the page.",
            icon=":material/folder_open:",
        )
        return ()
    chosen = st.multiselect(
        "Folders and files",
        list(names),
        accept_new_options=True,
        key=f"batch_inputs_{number}",
        persist_state="session",
        placeholder="Choose folders, or type a path",
        help="Photos and videos in them and in all folders below. You can also type the path of a file, or a pattern "
        "such as `photos/*/*.jpg`.",
        on_change=forget_errors,
        args=(_PLACE,),
    )
    try:
        return find_inputs((names.get(name, name) for name in chosen), places.roots)
    except FerError as error:
        show_error(error)
        return ()


@st.cache_data(ttl=_LISTING_SECONDS, show_spinner=False)
def _folders(roots: tuple[str, ...]) -> list[str]:
    return folders_below([Path(root) for root in roots], _MOST_LISTED)


def _options(places: Allowed) -> dict[str, Any]:
    """Draw the settings, and return the fields of `Request` that they choose; {} if something is missing."""
    options: dict[str, Any] = {"detector": detector_choice(key="batch_detector", persist_state="session")}
    options["annotated"] = st.toggle(
        "Annotated copies",
        key="batch_annotated",
        persist_state="session",
        help="Copies of all photos and videos with boxes and expressions. They need time and disk space.",
    )
    where = _HERE
    if places.scheduler or _may_name_scheduler():
        where = icon_choice("Who works", _ICONS, key="batch_where", persist_state="session")
    if where == _HERE:
        options["workers"] = int(
            st.number_input(
                "Workers",
                1,
                store.most_workers(),
                store.most_workers(),
                key="batch_workers",
                persist_state="session",
                help="Processes that analyse at the same time. One per core is fastest; fewer leave cores for others.",
            )
        )
        return options
    address = _scheduler(places)
    return {**options, **address} if address else {}


def _may_name_scheduler() -> bool:
    """Return whether this person may connect the app to any scheduler, which can run programs in its name."""
    who = gate.person()
    return who is not None and who.role >= Role.ADMIN


def _scheduler(places: Allowed) -> dict[str, Any]:
    if not _may_name_scheduler():
        st.caption(f"Scheduler: {literal(places.scheduler or '')}")
        return {"scheduler": places.scheduler, **{f"tls_{name}": file for name, file in places.tls.items()}}
    address = st.text_input(
        "Address",
        places.scheduler or "",
        placeholder="tls://host:8786",
        key="batch_scheduler",
        persist_state="session",
        help="Its workers need the photos, the videos and the folder of results under the same paths. "
        "Whoever runs the scheduler can run programs on this machine.",
    )
    files = {
        f"tls_{name}": st.text_input(
            label,
            places.tls.get(name, ""),
            key=f"batch_tls_{name}",
            persist_state="session",
            help=words,
        )
        for name, label, words in _TLS
    }
    if not address.strip():
        return {}
    return {"scheduler": address.strip(), **{name: file.strip() or None for name, file in files.items()}}


def _start(inputs: tuple[str, ...], options: dict[str, Any], places: Allowed) -> None:
    forget_errors(_PLACE)
    try:
        bundle = resources.model_in_use()
        request = Request(
            _name_of(inputs, places.roots)[:1000],
            time.time(),
            inputs,
            tuple(str(root) for root in places.roots),
            str(bundle.path),
            display_name(bundle),
            weights=bundle.weights,
            **options,
        )
        if why := gate.refusal("started", library.KIND, ""):
            keep_error(_PLACE, why)
            return
        job = store.start(request)
    except FerError as error:
        keep_error(_PLACE, error)
        return
    gate.record("started", library.KIND, job.id)
    library.follow(job)
    count.forget()
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _name_of(inputs: Sequence[str], roots: Sequence[Path]) -> str:
    first = name_below(inputs[0], roots)
    return first if len(inputs) == 1 else f"{first} and {len(inputs) - 1:,} more"
