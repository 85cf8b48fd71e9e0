"""The summary that `fer analyze --summary` writes, and how it puts photos into groups."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import click

from fer.cli.output import write_target
from fer.errors import FerError
from fer.provenance import Provenance
from fer.results import ImageAnalysis
from fer.summary.groups import PLACE, Groups, by_folder, by_pattern, by_table
from fer.summary.report import html_report
from fer.summary.statistics import summarize

FOLDER, PATTERN, TABLE = "folder", "pattern", "table"
WAYS: Final = (FOLDER, PATTERN, TABLE)

# The groups of files.
Grouping = Callable[[Sequence[str]], Groups]


def grouping(way: str | None, pattern: str | None, table: Path | None, column: str | None) -> Grouping | None:
    """Return how files are put into groups; None if they aren't.

    Args:
        way: one of `WAYS`, or None.
        pattern: for 'pattern', as `by_pattern`.
        table: for 'table', a CSV file.
        column: for 'table', its column of groups.

    Raises:
        click.UsageError: options are missing, or don't belong together.
        FerError: the table can't be read.
    """
    if way == PATTERN and not pattern:
        raise click.UsageError(f"--group-by {PATTERN} needs --pattern, such as --pattern '{PLACE}_*'.")
    if way == TABLE and not table:
        raise click.UsageError(f"--group-by {TABLE} needs --groups FILE, a CSV with the columns 'file' and 'group'.")
    for option, value, needed in (
        ("--pattern", pattern, PATTERN),
        ("--groups", table, TABLE),
        ("--column", column, TABLE),
    ):
        if value and way != needed:
            raise click.UsageError(f"{option} belongs to --group-by {needed}.")
    if way == PATTERN:
        return lambda files: by_pattern(files, pattern or "")
    if way == TABLE and table:
        data = _read(table)
        return lambda files: by_table(files, data, column)
    return by_folder if way == FOLDER else None


def _read(table: Path) -> bytes:
    try:
        return table.read_bytes()
    except OSError as error:
        raise FerError(f"'{table}' can't be read ({error.strerror}); name a CSV file.") from error


def write_summary(analyses: Sequence[ImageAnalysis], about: Provenance, target: str, groups: Grouping | None) -> None:
    """Write the summary of analyses as HTML.

    Raises:
        FerError: the photos can't be put into groups, or the file can't be written.
    """
    files = [analysis.file for analysis in analyses if analysis.error is None]
    summary = summarize(analyses, groups(files) if groups else None)
    write_target(html_report(summary, about).encode(), target)
