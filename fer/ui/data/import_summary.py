"""Tell what an import kept and left out, and what to do next."""

from collections.abc import Callable
from typing import Final

import pandas as pd
import streamlit as st

from fer.datasets.faces import SPLITS
from fer.datasets.readings import missing_in
from fer.datasets.store import catalog
from fer.datasets.store.storage import REJECTED_FILE, DatasetInfo
from fer.text import counted, literal
from fer.ui.data.overview import DOCTOR, turn_to
from fer.ui.frame import menu_entry

_PREVIEW: Final = 200


def summary(info: DatasetInfo, on_close: Callable[[], None]) -> None:
    """Draw the summary of an import, with the next steps.

    Args:
        info: the new dataset.
        on_close: called when the user closes the summary.
    """
    left_out = f", {info.n_left_out:,} left out" if info.n_left_out else ""
    st.success(
        f"Imported '{info.name}': {counted(info.n_read, info.unit)} read, {info.n_images:,} kept, "
        f"{info.n_rejected:,} rejected{left_out}.",
        icon=":material/check_circle:",
    )
    st.caption(", ".join(f"{split} {count:,}" for split, count in info.by_split().items()))
    for change in info.changes:
        st.caption(literal(change))
    _next_steps(info, on_close)
    if info.n_rejected or info.n_left_out:
        _not_imported(info)


def _next_steps(info: DatasetInfo, on_close: Callable[[], None]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Next: look for problems",
            icon=":material/stethoscope:",
            key="data_next_doctor",
            on_click=turn_to,
            args=(DOCTOR, info.name),
        )
        if not missing_in(info.counts) and info.by_split().get(SPLITS[0]):
            entry = menu_entry("Training")
            st.page_link(entry.path, label="Next: train on it", icon=entry.icon)
        st.button("Close", icon=":material/close:", on_click=on_close)


def _not_imported(info: DatasetInfo) -> None:
    file = catalog.dataset_folder(info.name) / REJECTED_FILE
    frame = pd.read_csv(file, dtype=str)
    st.dataframe(
        frame.head(_PREVIEW).rename(columns={"where": "Where", "reason": "Reason"}),
        hide_index=True,
        alt="Rows or files that were not imported, and why",
    )
    st.download_button(
        "Not imported, as CSV",
        file.read_bytes(),
        f"{info.name}-rejected.csv",
        "text/csv",
        icon=":material/table:",
        on_click="ignore",
    )
