"""Export a dataset from the Data page: a CSV, image folders or a parquet file, which import as the same dataset."""

from dataclasses import dataclass
from functools import partial
from typing import Final

import streamlit as st

from fer.datasets.store import catalog
from fer.datasets.store.corrections import correct_reading, not_applied
from fer.datasets.store.exporting import FORMS, packed, packed_name
from fer.datasets.store.storage import DatasetInfo
from fer.text import counted
from fer.ui.data.overview import corrections_of
from fer.ui.downloads import made_download, report_progress
from fer.ui.state import remembered

_TITLES: Final = {
    "csv": "CSV (FER-2013's columns, zipped)",
    "folders": "Image folders (PNG, zipped)",
    "parquet": "Parquet (Hugging Face's layout)",
}
_MIMES: Final = {"csv": "application/zip", "folders": "application/zip", "parquet": "application/octet-stream"}


@dataclass
class Exported:
    """What the last export of this tab holds, in words."""

    text: str = ""


def export(info: DatasetInfo) -> None:
    """Let the user choose a form, and offer the file.

    Raises:
        DatasetError: the corrections of the dataset are damaged.
    """
    n_corrections = len(corrections_of(info))
    st.caption(
        "Imported again, the file gives the same fingerprint, splits and groups. FER+ votes and rejected rows aren't "
        "exported."
    )
    form = st.segmented_control(
        "Form",
        FORMS,
        format_func=_TITLES.__getitem__,
        default=FORMS[0],
        required=True,
        wrap=True,
        key="data_export_form",
    )
    with_corrections = n_corrections > 0 and st.checkbox(
        f"Apply {counted(n_corrections, 'correction')} made by hand",
        value=True,
        key=f"data_export_corrections_{info.created}",
    )
    exported = remembered("data_exported", Exported)

    def tell() -> None:
        st.success(exported.text, icon=":material/check_circle:")

    made_download(
        f"Export {info.n_images:,} images",
        partial(make_export, info, str(form), with_corrections, exported),
        packed_name(str(form), info.name),
        _MIMES[str(form)],
        key=f"data_export_{info.created}_{form}_{with_corrections}",
        icon=":material/ios_share:",
        then=tell,
    )


def make_export(info: DatasetInfo, form: str, with_corrections: bool, exported: Exported) -> bytes:
    """Return the file of an export, and say in `exported` what it holds.

    Raises:
        DatasetError: the dataset or its corrections are damaged, or a group can't be a folder.
    """
    reading = catalog.open_dataset(info.name)
    # Read now, because another tab may have made more since the page was drawn.
    made = corrections_of(info)
    reading = correct_reading(reading, made) if with_corrections else reading
    data = packed(reading, form, info.name, lambda share, text: report_progress(share))
    about = f"Exported {counted(len(reading.dataset), 'image')}, fingerprint {reading.dataset.fingerprint}."
    corrections = f"{counted(len(made), 'correction')} applied." if with_corrections else not_applied(made)
    exported.text = f"{about} {corrections}".strip()
    return data
