"""Export a dataset from the Data page: a CSV, image folders or a parquet file, which import as the same dataset."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from fer.datasets.readings import Progress
from fer.datasets.store import catalog
from fer.datasets.store.corrections import correct_reading, not_applied
from fer.datasets.store.exporting import FORMS, packed
from fer.datasets.store.storage import DatasetInfo
from fer.text import counted, file_size
from fer.ui import jobs
from fer.ui.data.overview import corrections_of

_TITLES: Final = {
    "csv": "CSV (FER-2013's columns, zipped)",
    "folders": "Image folders (PNG, zipped)",
    "parquet": "Parquet (Hugging Face's layout)",
}
_MIMES: Final = {"csv": "application/zip", "folders": "application/zip", "parquet": "application/octet-stream"}


@dataclass(frozen=True)
class _Exported:
    """A file that is ready to be saved, and what it holds."""

    form: str
    file_name: str
    data: bytes
    text: str


def export(info: DatasetInfo) -> None:
    """Let the user choose a form, make the file in the background, and offer it.

    Raises:
        DatasetError: the dataset or its corrections are damaged.
    """
    key = f"export {catalog.dataset_folder(info.name)} {info.created}"
    job = jobs.find(key)
    if job is not None and job.state == jobs.RUNNING:
        jobs.watch(key)
        return
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
    st.button(
        f"Export {info.n_images:,} images",
        type="primary",
        icon=":material/ios_share:",
        on_click=jobs.press,
        args=(key, _work(info, str(form), with_corrections)),
    )
    if job is not None:
        _outcome(job, key)


def _work(info: DatasetInfo, form: str, with_corrections: bool) -> Callable[[Progress], _Exported]:
    def work(progress: Progress) -> _Exported:
        reading = catalog.open_dataset(info.name)
        # Read now, because another tab may have made more since the page was drawn.
        made = corrections_of(info)
        reading = correct_reading(reading, made) if with_corrections else reading
        file_name, data = packed(reading, form, info.name, progress)
        n_images = counted(len(reading.dataset), "image")
        text = f"{n_images}, fingerprint {reading.dataset.fingerprint}."
        if with_corrections:
            return _Exported(form, file_name, data, f"{text} {counted(len(made), 'correction')} applied.")
        return _Exported(form, file_name, data, f"{text} {not_applied(made)}".strip())

    return work


def _outcome(job: jobs.Job[Any], key: str) -> None:
    made = job.result
    if isinstance(made, _Exported):
        st.success(f"Ready to save. {made.text}", icon=":material/check_circle:")
        with st.container(horizontal=True):
            st.download_button(
                f"Save {made.file_name} ({file_size(len(made.data))})",
                made.data,
                made.file_name,
                _MIMES[made.form],
                icon=":material/download:",
                on_click="ignore",
            )
            st.button("Close", icon=":material/close:", key="data_export_close", on_click=jobs.forget, args=(key,))
    elif job.state == jobs.CANCELLED:
        st.info(job.error, icon=":material/cancel:")
    else:
        st.error(job.error, icon=":material/error:")
