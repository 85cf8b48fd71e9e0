"""List, choose and delete datasets on the Data page, and draw the card on Home."""

from typing import Final

import pandas as pd
import streamlit as st

from fer.datasets.faces import SPLITS
from fer.datasets.readings import Reading
from fer.datasets.store import catalog
from fer.datasets.store.corrections import Correction, corrections_file, read_corrections
from fer.datasets.store.staging import clean_staging
from fer.datasets.store.storage import DatasetInfo
from fer.errors import FerError
from fer.text import MB, file_size, literal
from fer.ui import jobs
from fer.ui.access import gate
from fer.ui.downloads import forget_offers
from fer.ui.frame import menu_entry
from fer.ui.messages import forget_errors, keep_error, kept_errors
from fer.ui.widgets import guarded_button, icon_choice

CHOSEN: Final = "data_dataset"
_VIEW: Final = "data_view"
# Where errors of a deletion are kept.
_DELETION: Final = "data_deletion"
LOOK, DOCTOR, RELABEL, EXPORT = "Look", "Doctor", "Relabel", "Export"
_VIEW_ICONS: Final = {
    LOOK: ":material/grid_view:",
    DOCTOR: ":material/stethoscope:",
    RELABEL: ":material/new_label:",
    EXPORT: ":material/ios_share:",
}


@st.cache_resource(show_spinner=False)
def tidy_up() -> None:
    """Delete what killed imports left behind, once after the app has started."""
    clean_staging()


def opened(info: DatasetInfo) -> Reading:
    """Open a stored dataset for viewing; its images stay on disk until they are shown.

    Raises:
        DatasetError: it is damaged.
    """
    return _opened(str(catalog.dataset_folder(info.name)), info.created, info.name)


@st.cache_resource(max_entries=3, show_spinner=False)
def _opened(folder: str, created: str, name: str) -> Reading:
    return catalog.open_dataset(name, in_memory=False)


def corrections_of(info: DatasetInfo) -> list[Correction]:
    """Read the corrections of a stored dataset.

    Raises:
        DatasetError: their file is damaged.
    """
    return read_corrections(corrections_file(catalog.dataset_folder(info.name)))


def stored_datasets() -> list[DatasetInfo]:
    """Return the stored datasets by name."""
    return catalog.list_datasets()


def tell_damaged() -> None:
    """Say which stored datasets can't be read; the others are listed as usual."""
    for sentence in catalog.list_damaged():
        st.warning(literal(sentence), icon=":material/folder_off:")


def datasets_table(datasets: list[DatasetInfo]) -> None:
    """Draw a table of the datasets."""
    frame = pd.DataFrame(
        [
            {
                "Name": info.name,
                "Images": info.n_images,
                **{split.capitalize(): info.by_split().get(split, 0) for split in SPLITS},
                "Votes": info.has_votes,
                "Source": f"{info.form}: {info.source}",
                "On disk, MB": catalog.disk_bytes(info.name) / MB,
                "Fingerprint": info.fingerprint,
            }
            for info in datasets
        ]
    )
    number = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        frame,
        hide_index=True,
        column_config={
            "Votes": st.column_config.CheckboxColumn(help="Has FER+ votes"),
            **dict.fromkeys(["Images", *(split.capitalize() for split in SPLITS)], number),
            "On disk, MB": st.column_config.NumberColumn(format="%.1f"),
            "Fingerprint": st.column_config.TextColumn(help="Equal for equal images and labels, in any format"),
        },
        alt="The datasets: name, images by split, votes, source, size on disk, fingerprint",
    )


def choose_dataset(datasets: list[DatasetInfo]) -> DatasetInfo:
    """Let the user choose a dataset, and delete it."""
    by_name = {info.name: info for info in datasets}
    if st.session_state.get(CHOSEN, datasets[0].name) not in by_name:
        st.session_state[CHOSEN] = datasets[0].name
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Dataset", list(by_name), key=CHOSEN, bind="query-params", on_change=forget_errors, args=(_DELETION,)
        )
        _delete(by_name[name])
    kept_errors(_DELETION)
    info = by_name[name]
    if info.synthetic:
        st.caption("Synthetic faces: results on them say nothing about real faces.")
    for change in info.changes:
        st.caption(literal(change))
    return info


def _delete(info: DatasetInfo) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        try:
            n_corrections = len(corrections_of(info))
        except FerError:
            n_corrections = 0
        with_them = f", with {n_corrections:,} corrections" if n_corrections else ""
        st.markdown(
            f"Delete **{info.name}**{with_them}? It takes {file_size(catalog.disk_bytes(info.name))}. "
            "The file it was imported from stays where it is."
        )
        guarded_button(
            "Delete for good",
            ("deleted", "dataset", info.name),
            type="primary",
            icon=":material/delete_forever:",
            on_click=_deleted,
            args=(info,),
        )


def _deleted(info: DatasetInfo) -> None:
    forget_errors(_DELETION)
    try:
        folder = str(catalog.dataset_folder(info.name))
        with gate.action("deleted", "dataset", info.name):
            catalog.delete_dataset(info.name)
    except FerError as error:
        keep_error(_DELETION, error)
        return
    # While the images are mapped, the disk space isn't freed.
    _opened.clear(folder, info.created, info.name)
    forget_offers()
    jobs.forget_all(f"{folder} {info.created}")
    st.toast(f"'{info.name}' was deleted.", icon=":material/delete:")


def choose_view() -> str:
    """Let the user choose a view, and return it; only the chosen view is computed."""
    # In the address, so that a reload stays there.
    return icon_choice("View", _VIEW_ICONS, key=_VIEW, bind="query-params")


def turn_to(view: str, name: str) -> None:
    """Show a view of a dataset from the next run on."""
    st.session_state[_VIEW], st.session_state[CHOSEN] = view, name


def card() -> None:
    """Draw the card on Home: how many datasets and images there are, and a link to the page.

    A cleaned copy has the images of its original, so it doesn't count as another dataset.
    """
    tidy_up()
    datasets = catalog.list_datasets()
    names = {info.name for info in datasets}
    originals = [info for info in datasets if info.copy_of not in names]
    st.markdown("**:material/dataset: Data**")
    if datasets:
        with st.container(horizontal=True):
            st.metric("Datasets", f"{len(originals)}", width="content")
            st.metric("Images", f"{sum(info.n_images for info in originals):,}", width="content")
        n_copies = len(datasets) - len(originals)
        copies = [f"{n_copies} cleaned {'copy' if n_copies == 1 else 'copies'}"] if n_copies else []
        st.caption(", ".join([*(literal(info.name) for info in originals), *copies]))
    else:
        st.markdown("No dataset yet. Import FER-2013 to explore it, fix its labels and train on it.")
    entry = menu_entry("Data")
    st.page_link(entry.path, label="See the data" if datasets else "Import data", icon=entry.icon)
