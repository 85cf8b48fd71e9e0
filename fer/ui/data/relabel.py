"""Review labels on the Data page: the most doubtful images one by one, each with one key or click."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
import streamlit as st

from fer.datasets.doctor.crowd import describe_votes
from fer.datasets.faces import SPLITS
from fer.datasets.readings import Reading
from fer.datasets.store import catalog
from fer.datasets.store.corrections import (
    Correction,
    correct,
    corrections_file,
    latest,
    read_corrections,
    reviewed_images,
    write_corrections,
)
from fer.datasets.store.storage import DatasetInfo
from fer.datasets.viewing import enlarged
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.recognition.bundle import Bundle
from fer.text import literal
from fer.ui import resources
from fer.ui.bars import show_bars, show_probabilities
from fer.ui.data.charts import vote_bars
from fer.ui.data.doubtful import doubtful_images, model_in_use
from fer.ui.data.overview import corrections_of, opened
from fer.ui.messages import show_error
from fer.ui.state import remembered

_TIMES: Final = 5
_KEEP_KEY, _DISCARD_KEY, _UNDO_KEY, _SKIP_KEY = "K", "X", "U", "S"
# Two tabs may write at the same time; each adds to the file on disk.
_writing: Final = threading.Lock()


@dataclass
class _Session:
    """The images that a viewer skipped, and why the last correction couldn't be saved."""

    skipped: set[tuple[str, int]] = field(default_factory=set)
    error: str = ""


def relabel(info: DatasetInfo) -> None:
    """Review doubtful labels.

    Raises:
        DatasetError: the dataset or its corrections are damaged, or don't belong together.
    """
    reading = opened(info)
    state = remembered("data_relabel", _Session)
    st.caption(
        "Corrections are saved in a separate CSV; the data aren't changed. To use them, turn on corrections in the "
        "training form, or apply them to a cleaned copy."
    )
    bundle = model_in_use()
    queue = doubtful_images(info, reading, bundle)
    if queue is None:
        return
    made = corrections_of(info)
    reviewed = reviewed_images(reading.dataset, made)
    waiting = [
        int(index) for index in queue if index not in reviewed and (info.created, int(index)) not in state.skipped
    ]
    if state.error:
        show_error(state.error)
    n_done = len(queue) - len(waiting)
    if len(queue):
        st.progress(n_done / len(queue), text=f"{n_done:,} of {len(queue):,} doubtful images reviewed or skipped")
    if waiting:
        _review(info, reading, waiting[0], bundle)
    elif len(queue):
        st.success("All doubtful images are reviewed.", icon=":material/check_circle:")
    else:
        st.success("No doubtful labels.", icon=":material/check_circle:")
    _history(info, reading, made)


def _review(info: DatasetInfo, reading: Reading, index: int, bundle: Bundle | None) -> None:
    """Show one image with its votes and predictions, and the buttons."""
    dataset = reading.dataset
    label = EMOTIONS[dataset.labels[index]]
    picture, question = st.columns([1, 2])
    with picture:
        st.image(
            enlarged(dataset.images[index], _TIMES),
            caption=f"{literal(reading.origins[index])}, {SPLITS[dataset.splits[index]]}",
            alt=f"Face labelled {label}",
        )
    with question:
        _ask_person(info, reading, index)
    # Below the buttons, so that on a phone the buttons are next to the face.
    crowd, model = st.columns(2)
    if dataset.votes is not None:
        with crowd:
            st.markdown("**FER+ votes**")
            votes = dataset.votes[index]
            show_bars(vote_bars(votes), describe_votes(votes))
    if bundle is not None:
        with model:
            st.markdown("**Model**")
            _model_says(bundle, dataset.images[index])


def _ask_person(info: DatasetInfo, reading: Reading, index: int) -> None:
    label = int(reading.dataset.labels[index])

    def say(now: int | None) -> None:
        _write(info, lambda made: [*made, correct(reading.dataset, index, now)])

    st.markdown(f"Labelled **{EMOTIONS[label]}**. What does this face look like?")
    with st.container(horizontal=True):
        for number, emotion in enumerate(EMOTIONS):
            st.button(
                emotion,
                key=f"data_label_{emotion}",
                shortcut=str(number + 1),
                type="primary" if number == label else "secondary",
                on_click=say,
                args=(number,),
            )
    with st.container(horizontal=True):
        for text, icon, key, shortcut, on_click in (
            (f"Keep {EMOTIONS[label]}", "check", "data_keep", _KEEP_KEY, partial(say, label)),
            ("Discard", "delete", "data_discard", _DISCARD_KEY, partial(say, None)),
            ("Skip", "skip_next", "data_skip", _SKIP_KEY, partial(_skip, info, index)),
        ):
            st.button(text, icon=f":material/{icon}:", shortcut=shortcut, on_click=on_click, key=key)


def _model_says(bundle: Bundle, image: np.ndarray) -> None:
    try:
        (probabilities,) = resources.classifier(bundle).probabilities(np.asarray(image)[None, ..., None])
    except FerError as error:
        st.caption(literal(str(error)))
        return
    show_probabilities(probabilities)


def _history(info: DatasetInfo, reading: Reading, made: list[Correction]) -> None:
    if not made:
        return
    last = made[-1]
    if last.now is None:
        what = f"{EMOTIONS[last.was]}, discarded"
    elif last.now == last.was:
        what = f"kept as {EMOTIONS[last.was]}"
    else:
        what = f"{EMOTIONS[last.was]} to {EMOTIONS[last.now]}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Undo", icon=":material/undo:", shortcut=_UNDO_KEY, on_click=_undo, args=(info,), key="data_undo")
        st.markdown(f"Last: {literal(reading.origins[last.index])}, {what}")
    with st.container(horizontal=True, vertical_alignment="center"):
        changed = sum(item.now not in (None, item.was) for item in latest(made).values())
        gone = sum(item.now is None for item in latest(made).values())
        st.caption(f"{changed:,} corrected, {gone:,} discarded, {len(latest(made)) - changed - gone:,} confirmed")
        st.download_button(
            "Corrections, as CSV",
            corrections_file(catalog.dataset_folder(info.name)).read_bytes(),
            f"{info.name}-corrections.csv",
            "text/csv",
            icon=":material/table:",
            on_click="ignore",
        )


def _undo(info: DatasetInfo) -> None:
    _write(info, lambda made: made[:-1])


def _write(info: DatasetInfo, change: Callable[[list[Correction]], list[Correction]]) -> None:
    state = remembered("data_relabel", _Session)
    try:
        path = corrections_file(catalog.dataset_folder(info.name))
        with _writing:
            write_corrections(path, change(read_corrections(path)))
        state.error = ""
    except FerError as error:
        state.error = str(error)


def _skip(info: DatasetInfo, index: int) -> None:
    remembered("data_relabel", _Session).skipped.add((info.created, index))
