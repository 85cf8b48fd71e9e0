"""Explore a dataset on the Data page: images by class and split, samples, mean faces."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import streamlit as st

from fer.datasets.faces import SPLITS
from fer.datasets.readings import Reading
from fer.datasets.store.storage import DatasetInfo
from fer.datasets.viewing import enlarged, mean_faces, members
from fer.emotions import EMOTIONS
from fer.text import literal
from fer.ui.data.charts import STATIC, class_counts
from fer.ui.data.overview import opened
from fer.ui.paging import page_of

_ANY: Final = "all"
_PAGE: Final = 32
# Seven fill the row in a window 1280 pixels wide.
_FACE_PX: Final = 103


def look(info: DatasetInfo) -> None:
    """Show the counts, samples and mean faces of a dataset.

    Raises:
        DatasetError: it is damaged.
    """
    reading = opened(info)
    _counts(info)
    _samples(info, reading)
    _means(info)


def _counts(info: DatasetInfo) -> None:
    st.subheader("Images by class and split", anchor=False)
    present = [(split, row) for split, row in zip(SPLITS, info.counts, strict=True) if sum(row)]
    for column, (split, row) in zip(st.columns(len(present)), present, strict=True):
        with column:
            st.markdown(f"**{split}**: {sum(row):,} images")
            in_words = ", ".join(f"{name} {count:,}" for name, count in zip(EMOTIONS, row, strict=True))
            st.plotly_chart(
                class_counts(row), key=f"data_counts_{split}", config=STATIC, alt=f"Images in {split}: {in_words}"
            )


def _samples(info: DatasetInfo, reading: Reading) -> None:
    st.subheader("Samples", anchor=False)
    dataset = reading.dataset
    with st.container(horizontal=True):
        split = st.segmented_control(
            "Split",
            [_ANY, *dataset.split_names()],
            default=_ANY,
            required=True,
            key=f"data_samples_split_{info.fingerprint}",
        )
        emotion = st.segmented_control(
            "Class", [_ANY, *EMOTIONS], default=_ANY, required=True, wrap=True, key="data_samples_class"
        )
    found = members(dataset, None if split == _ANY else split, None if emotion == _ANY else emotion)
    if not len(found):
        st.info(f"No {emotion} faces in {split}. Choose another class or split.", icon=":material/search_off:")
        return
    key = f"data_samples_page_{info.fingerprint}_{split}_{emotion}"
    shown = found[page_of(len(found), _PAGE, key)]
    faces(reading, shown)
    st.caption(f"{len(found):,} images")


def faces(reading: Reading, indices: np.ndarray, notes: list[str] | None = None) -> None:
    """Show images side by side, each with its label and origin."""
    dataset = reading.dataset
    labels = [EMOTIONS[dataset.labels[index]] for index in indices]
    texts = notes or [reading.origins[index].rsplit("/", 1)[-1] for index in indices]
    captions = [f"{label} · {literal(text)}" if text else label for label, text in zip(labels, texts, strict=True)]
    _pictures(dataset.images[indices], captions, [f"Face labelled {label}" for label in labels])


def _pictures(images: Iterable[np.ndarray], captions: list[str], alts: list[str]) -> None:
    """Draw images next to each other. `st.image` with a list would leave no gap between them."""
    with st.container(horizontal=True, gap="small"):
        for image, caption, alt in zip(images, captions, alts, strict=True):
            st.image(enlarged(image), caption=caption, width=_FACE_PX, alt=alt)


def _means(info: DatasetInfo) -> None:
    st.subheader("Mean face of each class", anchor=False)
    means = _mean_faces(info.fingerprint, info)
    _pictures(means.values(), list(means), [f"Mean of all faces labelled {name}" for name in means])
    st.caption(
        "The mean shows what a class has in common. Where means differ, even a simple model can tell classes apart."
    )


@st.cache_data(max_entries=8, show_spinner=False)
def _mean_faces(fingerprint: str, _info: DatasetInfo) -> dict[str, np.ndarray]:
    return mean_faces(opened(_info).dataset)
