"""Make a whole summary, with its charts as files, here or in a child process."""

import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fer.errors import SummaryError
from fer.paths import CHECKOUT
from fer.provenance import Provenance
from fer.results import ImageAnalysis
from fer.summary.groups import Groups

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SECONDS: Final = 180
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FigureFiles:
    """A figure: its title, the name of its files, a PNG for a page, and PNG and SVG for print."""

    title: str
    name: str
    shown_png: bytes
    png: bytes
    svg: bytes


@dataclass(frozen=True)
class MadeSummary:
    """Everything that a page shows of a summary.

    Attributes:
        numbers: the main numbers by name.
        header, rows: the table, a column for all photos and one for each group.
        charts: as files; empty if there is no face.
        tests: the results of the tests between groups, as a paper states them.
        n_groups: how many groups there are; 0 if there is no grouping.
        methods: the paragraph for the methods section.
        html: the same as one HTML file.
    """

    numbers: tuple[tuple[str, int], ...]
    header: list[str]
    rows: list[list[str]]
    charts: tuple[FigureFiles, ...]
    tests: tuple[str, ...]
    n_groups: int
    methods: str
    html: bytes


def make(analyses: Sequence[ImageAnalysis], groups: Groups | None, about: Provenance, *, dark: bool) -> MadeSummary:
    """Make a summary in this process.

    Args:
        analyses: of the photos, failed ones included.
        groups: by file, the name of its group; None if there are no groups.
        about: what made the analyses.
        dark: whether the page is dark.
    """
    from fer.summary import charts, report, wording
    from fer.summary.statistics import summarize

    summary = summarize(analyses, groups)
    total = summary.total
    header, rows = wording.table(summary)
    return MadeSummary(
        numbers=(
            ("Photos", total.n_photos),
            ("Without a face", total.n_without_face),
            ("Faces", total.n_faces),
            ("Not sure", total.not_sure.count),
        ),
        header=header,
        rows=rows,
        charts=tuple(
            _figure_files(title, name, shown=draw(summary, dark=dark), printed=draw(summary))
            for title, name, draw in charts.FIGURES
            if total.n_faces
        ),
        tests=wording.tests(summary),
        n_groups=len(summary.groups),
        methods=wording.methods(summary, about),
        html=report.html_report(summary, about).encode(),
    )


def _figure_files(title: str, name: str, *, shown: "Figure", printed: "Figure") -> FigureFiles:
    from fer.summary.charts import as_png, as_svg

    return FigureFiles(title, name, as_png(shown), as_png(printed), as_svg(printed))


def pack(analyses: Sequence[ImageAnalysis], groups: Groups | None, about: Provenance, *, dark: bool) -> bytes:
    """Return what `make_in_child` makes a summary of: equal for equal summaries."""
    return pickle.dumps((list(analyses), groups and dict(groups), about, dark))


def unpack(data: bytes) -> tuple[Any, ...]:
    """Return the arguments that `pack` was given; for data of this program only."""
    packed: tuple[Any, ...] = pickle.loads(data)
    return packed


def make_in_child(packed: bytes) -> MadeSummary:
    """Make a summary in a child process, so that the 55 MB of statistics and matplotlib are freed with it.

    Raises:
        SummaryError: the child failed or took too long.
    """
    paths = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        child = subprocess.run(
            [sys.executable, "-m", "fer.summary"],
            input=packed,
            capture_output=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            timeout=_SECONDS,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SummaryError("The summary couldn't be made in time. Try again when the machine is less busy.") from error
    if child.returncode:
        _log.error("The summary failed:\n%s", child.stderr.decode(errors="replace"))
        raise SummaryError("The summary couldn't be made. The terminal shows the details. Please report this.")
    made: MadeSummary = pickle.loads(child.stdout)
    return made
