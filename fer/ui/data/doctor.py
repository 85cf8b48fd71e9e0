"""The doctor on the Data page: findings with their images, a CSV, and a cleaned copy."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from fer.datasets.doctor.checkup import KINDS, SURE_KINDS, Checkup, Finding, examine
from fer.datasets.doctor.cleaning import clean_copy
from fer.datasets.faces import SPLITS
from fer.datasets.readings import Progress, Reading
from fer.datasets.store import catalog
from fer.datasets.store.storage import REJECTED_FILE, DatasetInfo
from fer.errors import FerError
from fer.text import literal
from fer.ui import jobs
from fer.ui.access import gate
from fer.ui.data.explore import faces
from fer.ui.data.overview import CHOSEN, corrections_of, opened
from fer.ui.downloads import made_download
from fer.ui.messages import show_error
from fer.ui.paging import page_of

_GROUPS_A_PAGE: Final = 9
_COLUMNS: Final = 3
_SINGLES_A_PAGE: Final = 32
_MOST_OF_A_GROUP: Final = 12
_TITLES: Final = {kind.key: kind.title for kind in KINDS}
# Measured on two cores, rounded up.
_IMAGES_A_SECOND: Final = 700


def doctor(info: DatasetInfo) -> None:
    """Examine a dataset, show the findings, and make a cleaned copy.

    Raises:
        DatasetError: the dataset is damaged.
    """
    key = f"doctor {catalog.dataset_folder(info.name)} {info.created}"
    job = jobs.find(key)
    if job is not None and job.state == jobs.RUNNING:
        jobs.watch(key)
        return
    checkup = None if job is None else job.result
    if not isinstance(checkup, Checkup):
        if job is not None and job.state == jobs.FAILED:
            show_error(job.error)
        _invite(info, key)
        return
    reading = opened(info)
    _findings(info, checkup, reading)
    _copy(info, checkup)


def _invite(info: DatasetInfo, key: str) -> None:
    st.markdown(
        "The doctor looks for exact and near duplicates (within splits, across splits, or with contradicting labels), "
        "blank images, images without a face, class imbalance and, with FER+ votes, labels the crowd rejects. "
        "It changes nothing."
    )
    seconds = max(1, info.n_images // _IMAGES_A_SECOND)
    st.button(
        f"Examine {info.n_images:,} images",
        type="primary",
        icon=":material/stethoscope:",
        help=f"Takes about {seconds} s",
        on_click=jobs.press,
        args=(key, lambda progress: examine(catalog.open_dataset(info.name, in_memory=False).dataset, progress)),
    )


def _findings(info: DatasetInfo, checkup: Checkup, reading: Reading) -> None:
    for remark in checkup.remarks:
        st.caption(remark)
    if not checkup.findings:
        st.success("No problems found.", icon=":material/check_circle:")
        return
    table = pd.DataFrame(
        [
            {
                "Finding": item.kind.title,
                "Images": item.n_images,
                "Groups": item.n_groups if item.n_groups != item.n_images else None,
                "Removed when cleaned": len(item.drop),
            }
            for item in checkup.findings
            if item.n_images
        ]
    )
    for item in checkup.findings:
        if item.text:
            st.warning(f"{item.text} {item.kind.meaning}", icon=":material/balance:")
            _download(info, item, reading)
    if len(table):
        number = st.column_config.NumberColumn(format="localized")
        st.dataframe(
            table,
            hide_index=True,
            height="content",
            placeholder="",
            column_config=dict.fromkeys(["Images", "Groups", "Removed when cleaned"], number),
            alt="Findings: images, groups of copies, images removed when cleaned",
        )
    made_download(
        "All findings, as CSV",
        lambda: checkup.to_csv(reading).encode(),
        f"{info.name}-findings.csv",
        "text/csv",
        key=f"data_findings_{info.created}_{hash(checkup)}",
        icon=":material/table:",
    )
    with_images = {item.kind.key: item for item in checkup.findings if item.n_images}
    if with_images:
        chosen = st.selectbox(
            "Show",
            list(with_images),
            format_func=lambda key: f"{_TITLES[key]} ({with_images[key].n_images:,})",
            key=f"data_finding_{info.created}",
        )
        _gallery(info, with_images[chosen], reading)


def _gallery(info: DatasetInfo, finding: Finding, reading: Reading) -> None:
    st.caption(finding.kind.meaning)
    _download(info, finding, reading)
    singles = finding.n_groups == finding.n_images
    a_page = _SINGLES_A_PAGE if singles else _GROUPS_A_PAGE
    groups = finding.members()
    key = f"data_finding_page_{info.created}_{finding.kind.key}"
    page = page_of(len(groups), a_page, key)
    shown = groups[page]
    if singles:
        faces(reading, np.concatenate(shown), list(finding.notes[page]))
        return
    columns = st.columns(_COLUMNS)
    for place, members in enumerate(shown):
        with columns[place % _COLUMNS], st.container(border=True):
            notes = [_where(reading, index, finding) for index in members[:_MOST_OF_A_GROUP]]
            faces(reading, members[:_MOST_OF_A_GROUP], notes)
            if len(members) > _MOST_OF_A_GROUP:
                st.caption(f"and {len(members) - _MOST_OF_A_GROUP:,} more")


def _download(info: DatasetInfo, finding: Finding, reading: Reading) -> None:
    made_download(
        f"{finding.kind.title}, as CSV",
        lambda: finding.to_csv(reading).encode(),
        f"{info.name}-{finding.kind.key}.csv",
        "text/csv",
        key=f"data_{finding.kind.key}_{info.created}_{hash(finding)}",
        icon=":material/table:",
    )


def _where(reading: Reading, index: int, finding: Finding) -> str:
    place = f"{SPLITS[reading.dataset.splits[index]]}, {reading.origins[index].rsplit('/', 1)[-1]}"
    return f"{place}, left out" if index in finding.drop else place


def _copy(info: DatasetInfo, checkup: Checkup) -> None:
    st.subheader("Make a cleaned copy", anchor=False)
    key = f"clean {catalog.dataset_folder(info.name)} {info.created}"
    job = jobs.find(key)
    if job is not None and job.state == jobs.RUNNING:
        jobs.watch(key)
        return
    try:
        n_corrections = len(corrections_of(info))
    except FerError as error:
        show_error(error)
        return
    droppable = [item.kind.key for item in checkup.findings if len(item.drop)]
    if not droppable and not n_corrections:
        st.caption("Nothing to remove.")
        return
    st.caption("Creates a new dataset and keeps this one unchanged. Each image left out is listed with its reason.")
    kinds = st.multiselect(
        "Leave out",
        droppable,
        default=[kind for kind in droppable if kind in SURE_KINDS],
        format_func=lambda kind: f"{_TITLES[kind]} ({_n_drop(checkup, kind):,})",
        key=f"data_clean_kinds_{info.created}",
    )
    with_corrections = n_corrections > 0 and st.checkbox(
        f"Apply {n_corrections:,} manual corrections",
        value=True,
        key=f"data_clean_corrections_{info.created}",
    )
    name = st.text_input("Name of the copy", value=catalog.suggest_name(f"{info.name}-cleaned"), key=f"{key}_name")
    st.button(
        "Make the copy",
        type="primary",
        icon=":material/cleaning_services:",
        key=f"data_clean_{info.created}",
        on_click=jobs.press,
        args=(key, _cleaning(info, checkup, name, kinds, with_corrections)),
    )
    if job is not None:
        _outcome(job, key)


def _n_drop(checkup: Checkup, key: str) -> int:
    finding = checkup.finding(key)
    return len(finding.drop) if finding else 0


def _cleaning(
    info: DatasetInfo, checkup: Checkup, name: str, kinds: list[str], with_corrections: bool
) -> Callable[[Progress], DatasetInfo]:
    record = gate.recorder()

    def work(progress: Progress) -> DatasetInfo:
        # Read now, because another tab may have made more since the page was drawn.
        corrections = corrections_of(info)
        reading = catalog.open_dataset(info.name)
        made = clean_copy(reading, checkup, name.strip(), kinds, corrections, progress, apply=with_corrections)
        record("imported", "dataset", made.name)
        return made

    return work


def _outcome(job: jobs.Job[Any], key: str) -> None:
    if job.state == jobs.CANCELLED:
        st.info(literal(job.error), icon=":material/cancel:")
        return
    if not isinstance(job.result, DatasetInfo):
        show_error(job.error)
        return
    made = job.result
    st.success(
        f"Made '{made.name}': {made.n_images:,} images kept, {made.n_rejected:,} left out.",
        icon=":material/check_circle:",
    )
    for change in made.changes:
        st.caption(literal(change))
    with st.container(horizontal=True):
        st.button("Open", icon=":material/visibility:", on_click=_turn_to, args=(made.name, key))
        try:
            data = (catalog.dataset_folder(made.name) / REJECTED_FILE).read_bytes()
        except FerError:
            return  # deleted since
        st.download_button(
            "Left out, as CSV",
            data,
            f"{made.name}-left-out.csv",
            "text/csv",
            icon=":material/table:",
            on_click="ignore",
        )


def _turn_to(name: str, key: str) -> None:
    st.session_state[CHOSEN] = name
    jobs.forget(key)
