"""Draw the summary of photos or videos: numbers, groups, charts, tests and a methods paragraph."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from fer.errors import SummaryError
from fer.provenance import Provenance
from fer.results import ImageAnalysis
from fer.summary.groups import MAX_TABLE_BYTES, Groups, by_folder, by_pattern, by_table, table_columns
from fer.summary.making import Describe, FigureFiles, MadeSummary, make_in_child, pack
from fer.summary.video_numbers import VideoNumbers
from fer.text import literal
from fer.ui.frame import errors_as_sentences
from fer.ui.received import open_upload
from fer.ui.state import release_upload

_NONE, _FOLDER, _PATTERN, _TABLE = "Nothing", "Folder", "File name", "Table"
_KEPT: Final = 4
_ANY_PATTERN: Final = "{group}_*"

Subjects = Sequence[ImageAnalysis] | Sequence[VideoNumbers]


@dataclass(frozen=True)
class _Table:
    """The table of groups that a visitor uploaded; it stays when they group in another way meanwhile."""

    name: str
    data: bytes


def section(
    describe: Describe,
    subjects: Subjects,
    about: Provenance,
    *,
    key: str,
    note: str = "",
) -> None:
    """Draw the summary. It is made when it is opened.

    Args:
        describe: puts it into words, see `fer.summary.making.make`.
        subjects: the analyses of photos, or the numbers of videos, failed ones included.
        about: what made them.
        key: in front of the keys of its widgets.
        note: what to know about the choice of subjects, as Markdown.
    """
    opened = st.expander("Summary", icon=":material/bar_chart:", key=f"{key}_summary", on_change="rerun")
    if opened.open:
        with opened, errors_as_sentences():
            if note:
                st.caption(note)
            groups = _groups_or_why_not(subjects, key)
            dark = st.context.theme.type == "dark"
            _draw(_made(pack(describe, subjects, groups, about, dark=dark)), key)


def forget_summaries() -> None:
    """Let go of the summaries that were made for this visitor's page."""
    _made.clear()


def forget_groups(key: str) -> None:
    """Let go of the table of groups that a visitor uploaded for a summary, and of its column."""
    for name in ("group_table", "group_column"):
        st.session_state.pop(f"{key}_{name}", None)
    st.session_state[f"{key}_groups_round"] = _round(key) + 1


@st.cache_data(scope="session", max_entries=_KEPT, show_spinner="Summarising ...")
def _made(packed: bytes) -> MadeSummary:
    return make_in_child(packed)


def chosen_groups(subjects: Subjects, *, key: str) -> Groups | None:
    """Return the group of each file as a visitor chose it, before the choice is drawn; None if there are no groups.

    Args:
        subjects: as for `section`.
        key: as for `section`.
    """
    with suppress(SummaryError):  # the summary says why the files can't be grouped that way
        return _groups(subjects, key)
    return None


def _groups_or_why_not(subjects: Subjects, key: str) -> Groups | None:
    try:
        _choose(key)
        return _groups(subjects, key)
    except SummaryError as error:
        st.info(literal(str(error)), icon=":material/info:")
        return None


def _groups(subjects: Subjects, key: str) -> Groups | None:
    """Return the group of each file, as the state of the widgets says.

    Raises:
        SummaryError: the files can't be grouped that way.
    """
    files = [subject.file for subject in subjects]
    way = st.session_state.get(f"{key}_group_by", _NONE)
    if way == _FOLDER:
        return by_folder(files)
    if way == _PATTERN:
        return by_pattern(files, st.session_state.get(f"{key}_pattern", _ANY_PATTERN))
    table = _table(key)
    if way == _TABLE and table:
        columns = table_columns(table.data)
        column = st.session_state.get(f"{key}_group_column")
        return by_table(files, table.data, column if column in columns else columns[0])
    return None


def _choose(key: str) -> None:
    """Draw the choice of groups.

    Raises:
        SummaryError: the table isn't one.
    """
    way = st.segmented_control(
        "Group by",
        [_NONE, _FOLDER, _PATTERN, _TABLE],
        default=_NONE,
        required=True,
        wrap=True,
        key=f"{key}_group_by",
        persist_state="session",
        help="Compare groups: by the folder of the files, which 'Choose a folder' keeps, by a part of their names, or "
        "by a table that names each file's group. The tables to download name the group, too.",
    )
    if way == _PATTERN:
        st.text_input(
            "File names look like",
            value=_ANY_PATTERN,
            key=f"{key}_pattern",
            persist_state="session",
            help="`{group}` stands for the group's name, `*` for any text: `{group}_*` takes 'anna' from anna_01.jpg.",
        )
    if way == _TABLE:
        _choose_table(key)


def _choose_table(key: str) -> None:
    # A widget of another key is empty.
    uploader = f"{key}_groups_{_round(key)}"
    shown = st.file_uploader(
        "CSV with the columns 'file' and one with the groups",
        type=["csv", "tsv", "txt"],
        key=uploader,
        on_change=_take_table,
        args=(uploader, key),
    )
    table = _table(key)
    if table is None:
        return
    if shown is None:
        # The widget is new: it forgets its file when another way is chosen.
        st.caption(f"The groups are from '{literal(table.name)}'. Another table replaces it.")
    st.selectbox(
        "Column with the groups", table_columns(table.data), key=f"{key}_group_column", persist_state="session"
    )


def _round(key: str) -> int:
    """Return how often the table was forgotten."""
    number: int = st.session_state.get(f"{key}_groups_round", 0)
    return number


def _table(key: str) -> _Table | None:
    table: _Table | None = st.session_state.get(f"{key}_group_table")
    return table


def _take_table(uploader: str, key: str) -> None:
    file = st.session_state[uploader]
    table = None
    if file is not None:
        # One byte more, so that a larger one is refused.
        table = _Table(file.name, open_upload(file).read(MAX_TABLE_BYTES + 1))
        release_upload(file)
    st.session_state[f"{key}_group_table"] = table


def _draw(made: MadeSummary, key: str) -> None:
    with st.container(horizontal=True):
        for name, number in made.numbers:
            st.metric(name, f"{number:,}", width="content")
    st.dataframe(
        pd.DataFrame(made.rows, columns=["number", *made.header[1:]]),
        column_config={"number": st.column_config.TextColumn("", width="medium")},
        hide_index=True,
        height="content",
        alt="Counts, shares with 95 % intervals, mean probabilities and valence",
    )
    st.caption(" ".join(made.notes))
    for figure in made.charts:
        _figure(figure, key)
    if made.n_groups:
        _tests(made)
    st.markdown("**For the methods section**")
    st.code(made.methods, language=None, wrap_lines=True)
    st.download_button(
        "Summary as HTML",
        made.html,
        "summary.html",
        "text/html",
        on_click="ignore",
        icon=":material/description:",
        help="One file with all of this. It opens offline.",
    )


def _figure(figure: FigureFiles, key: str) -> None:
    st.image(figure.shown_png, caption=figure.title, width="stretch", alt=figure.title)
    with st.container(horizontal=True):
        for form, data, mime in (("PNG", figure.png, "image/png"), ("SVG", figure.svg, "image/svg+xml")):
            st.download_button(
                form,
                data,
                f"{figure.name}.{form.lower()}",
                mime,
                on_click="ignore",
                icon=":material/image:",
                key=f"{key}_figure_{figure.name}_{form}",
            )


def _tests(made: MadeSummary) -> None:
    st.markdown("**Do the groups differ?**")
    if not made.tests:
        st.markdown(f"There are too few {made.unit} in too few groups for a test.")
        return
    st.markdown("\n".join(f"- {literal(text)}" for text in made.tests))
    st.caption(made.caution)
