"""Draw the summary of all photos of the Upload page: numbers, groups, charts, tests and a methods paragraph."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import streamlit as st

from fer.errors import FerError
from fer.provenance import Provenance
from fer.results import ImageAnalysis
from fer.summary import charts, report, wording
from fer.summary.comparison import CAUTION
from fer.summary.groups import Groups, by_folder, by_pattern, by_table, table_columns
from fer.summary.statistics import Summary, summarize
from fer.text import literal
from fer.ui.downloads import made_download

_NONE, _FOLDER, _PATTERN, _TABLE = "Nothing", "Folder", "File name", "Table"
_FIGURES: Final = (
    ("Shares of the expressions", "shares", charts.shares_figure),
    (
        "Probabilities: median, quartiles, and the range of 90 % of the faces",
        "probabilities",
        charts.probabilities_figure,
    ),
)
_KEPT: Final = 4


def section(analyses: Sequence[ImageAnalysis], about: Provenance) -> None:
    """Draw the summary below the photos. It is made when it is opened.

    Args:
        analyses: of all photos of the list, failed ones included.
        about: what made them.
    """
    opened = st.expander("Summary", icon=":material/bar_chart:", key="upload_summary", on_change="rerun")
    if opened.open:
        with opened:
            _content(analyses, about)


def _content(analyses: Sequence[ImageAnalysis], about: Provenance) -> None:
    files = [analysis.file for analysis in analyses if analysis.error is None]
    try:
        groups = _groups(files)
    except FerError as error:
        st.info(literal(str(error)), icon=":material/info:")
        groups = None
    summary = summarize(analyses, groups)
    _metrics(summary)
    header, rows = wording.table(summary)
    st.dataframe(
        pd.DataFrame(rows, columns=["number", *header[1:]]),
        column_config={"number": st.column_config.TextColumn("", width="medium")},
        hide_index=True,
        height="content",
        alt="Counts, shares with 95 % intervals, mean probabilities and valence",
    )
    st.caption(f"{wording.SHARES} {wording.VALENCE}")
    if summary.total.n_faces:
        _charts(summary)
        _tests(summary)
    st.markdown("**For the methods section**")
    st.code(wording.methods(summary, about), language=None, wrap_lines=True)
    made_download(
        "Summary as HTML",
        lambda: report.html_report(summary, about).encode(),
        "summary.html",
        "text/html",
        key="upload_summary_html",
        icon=":material/description:",
        help="One file with all of this. It opens offline.",
    )


def _groups(files: Sequence[str]) -> Groups | None:
    """Draw the choice of groups, and return the group of each file.

    Raises:
        SummaryError: the files can't be grouped that way.
    """
    way = st.segmented_control(
        "Group by",
        [_NONE, _FOLDER, _PATTERN, _TABLE],
        default=_NONE,
        required=True,
        wrap=True,
        key="upload_group_by",
        persist_state="session",
        help="Compare groups: by the folder of the photos, which 'Choose a folder' keeps, by a part of their names, or "
        "by a table that names each file's group.",
    )
    if way == _FOLDER:
        return by_folder(files)
    if way == _PATTERN:
        pattern = st.text_input(
            "File names look like",
            value="{group}_*",
            key="upload_pattern",
            persist_state="session",
            help="`{group}` stands for the group's name, `*` for any text: `{group}_*` takes 'anna' from anna_01.jpg.",
        )
        return by_pattern(files, pattern)
    if way == _TABLE:
        table = st.file_uploader(
            "CSV with the columns 'file' and one with the groups", type=["csv", "tsv", "txt"], key="upload_groups"
        )
        if table is None:
            return None
        data = table.getvalue()
        column = st.selectbox("Column with the groups", table_columns(data), key="upload_group_column")
        return by_table(files, data, column)
    return None


def _metrics(summary: Summary) -> None:
    total = summary.total
    with st.container(horizontal=True):
        for name, number in (
            ("Photos", total.n_photos),
            ("Without a face", total.n_without_face),
            ("Faces", total.n_faces),
            ("Not sure", total.not_sure.count),
        ):
            st.metric(name, f"{number:,}", width="content")


@dataclass(frozen=True)
class _Picture:
    """A figure for the page, and the same for print."""

    shown: bytes
    png: bytes
    svg: bytes


def _charts(summary: Summary) -> None:
    dark = st.context.theme.type == "dark"
    for title, name, draw in _FIGURES:
        picture = _picture(name, dark, wording.table(summary), draw, summary)
        st.image(picture.shown, caption=title, width="stretch", alt=title)
        with st.container(horizontal=True):
            for form, data, mime in (("PNG", picture.png, "image/png"), ("SVG", picture.svg, "image/svg+xml")):
                st.download_button(
                    form,
                    data,
                    f"{name}.{form.lower()}",
                    mime,
                    on_click="ignore",
                    icon=":material/image:",
                    key=f"upload_figure_{name}_{form}",
                )
    if len(summary.groups) > charts.MOST_GROUPS:
        st.caption(f"The charts show the {charts.MOST_GROUPS} groups with the most faces.")


# The table stands for the summary: it has all its numbers.
@st.cache_data(scope="session", max_entries=_KEPT, show_spinner="Drawing ...")
def _picture(
    name: str,
    dark: bool,
    table: tuple[list[str], list[list[str]]],
    _draw: Callable[..., Any],
    _summary: Summary,
) -> _Picture:
    figure = _draw(_summary)
    png = charts.as_png(figure)
    # A picture of pixels: Streamlit doesn't shrink an SVG to a phone's width.
    return _Picture(charts.as_png(_draw(_summary, dark=True)) if dark else png, png, charts.as_svg(figure))


def _tests(summary: Summary) -> None:
    if not summary.groups:
        return
    found = summary.comparison
    tests = [test.text for test in (found.expressions, found.valence) if test] if found else []
    st.markdown("**Do the groups differ?**")
    if not tests:
        st.markdown("There are too few faces in too few groups for a test.")
        return
    st.markdown("\n".join(f"- {literal(text)}" for text in tests))
    st.caption(CAUTION)
