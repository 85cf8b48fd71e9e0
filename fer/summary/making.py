"""Make a whole summary, with its charts as files, here or in a child process."""

import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fer.errors import SummaryError
from fer.paths import CHECKOUT
from fer.provenance import Provenance
from fer.summary.content import Content
from fer.summary.groups import Groups

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Puts a summary into words.
Describe = Callable[[Sequence[Any], Groups | None, Provenance], Content]

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
        unit: 'faces' or 'videos', see `Content`.
        numbers, header, rows, notes, n_groups, tests, caution, methods: see `Content`.
        charts: as files; empty if there is no face.
        html: the same as one HTML file.
    """

    unit: str
    numbers: tuple[tuple[str, int], ...]
    header: list[str]
    rows: list[list[str]]
    notes: tuple[str, ...]
    charts: tuple[FigureFiles, ...]
    tests: tuple[str, ...]
    caution: str
    n_groups: int
    methods: str
    html: bytes


def make(
    describe: Describe, subjects: Sequence[Any], groups: Groups | None, about: Provenance, *, dark: bool
) -> MadeSummary:
    """Make a summary in this process.

    Args:
        describe: `fer.summary.wording.photos_content` or `fer.summary.video_wording.videos_content`.
        subjects: what it describes: analyses of photos, or the numbers of videos. Failed ones are included.
        groups: by file, the name of its group; None if there are no groups.
        about: what made the analyses.
        dark: whether the page is dark.
    """
    from fer.summary import charts, report

    content = describe(subjects, groups, about)
    return MadeSummary(
        unit=content.unit,
        numbers=content.numbers,
        header=content.header,
        rows=content.rows,
        notes=content.notes,
        charts=tuple(
            _figure_files(
                title.format(unit=content.unit), name, about, shown=draw(content, dark=dark), printed=draw(content)
            )
            for title, name, draw in charts.CHARTS
            if any(group.n for group in content.charted)
        ),
        tests=content.tests,
        caution=content.caution,
        n_groups=content.n_groups,
        methods=content.methods,
        html=report.html_report(content, about).encode(),
    )


def _figure_files(title: str, name: str, about: Provenance, *, shown: "Figure", printed: "Figure") -> FigureFiles:
    from fer.summary.charts import as_png, as_svg

    return FigureFiles(title, name, as_png(shown, about), as_png(printed, about), as_svg(printed, about))


def pack(describe: Describe, subjects: Sequence[Any], groups: Groups | None, about: Provenance, *, dark: bool) -> bytes:
    """Return what `make_in_child` makes a summary of, with the arguments of `make`: equal for equal summaries."""
    return pickle.dumps((describe, list(subjects), groups and dict(groups), about, dark))


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
