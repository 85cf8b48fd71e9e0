"""The summary that `fer analyze` and `fer video` write with --summary, and how it puts files into groups."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from fer.cli.output import not_an_option, write_target
from fer.errors import FerError
from fer.provenance import Provenance
from fer.results import ImageAnalysis
from fer.summary.groups import PLACE, Groups, by_folder, by_pattern, by_table
from fer.summary.making import Describe
from fer.summary.report import html_report
from fer.summary.video_numbers import VideoNumbers

FOLDER, PATTERN, TABLE = "folder", "pattern", "table"
WAYS: Final = (FOLDER, PATTERN, TABLE)

Command = Callable[..., Any]
# The groups of files.
Grouping = Callable[[Sequence[str]], Groups]


def grouping_of(
    way: str | None, pattern: str | None, table: Path | None, column: str | None, targets: Sequence[str | None]
) -> Grouping | None:
    """Return how files are put into groups; None if they aren't.

    Args:
        way: one of `WAYS`, or None.
        pattern: for 'pattern', as `by_pattern`.
        table: for 'table', a CSV file.
        column: for 'table', its column of groups.
        targets: the files that are written and name the groups, None for those that aren't.

    Raises:
        click.UsageError: options are missing, or don't belong together.
        FerError: the table can't be read.
    """
    if way and not any(targets):
        raise click.UsageError("--group-by needs a file that names the groups, such as --csv FILE or --summary FILE.")
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


def summary_options(command: Command) -> Command:
    """Add the options of a summary to a command."""
    options = (
        click.option(
            "--summary",
            metavar="FILE",
            callback=not_an_option,
            help="Write counts, shares, charts and a methods paragraph as HTML",
        ),
        click.option(
            "--group-by",
            type=click.Choice(WAYS),
            help="Name the group of each file in tables, and compare the groups in the summary",
        ),
        click.option("--pattern", help=f"For --group-by pattern: a file name with {PLACE} in it, such as '{PLACE}_*'"),
        click.option(
            "--groups",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="For --group-by table: a CSV with 'file' and 'group'",
        ),
        click.option("--column", help="For --group-by table: the column of groups  [default: group]"),
    )
    for option in reversed(options):
        command = option(command)
    return command


def write_summary(
    describe: Describe,
    subjects: Sequence[ImageAnalysis] | Sequence[VideoNumbers],
    about: Provenance,
    target: str,
    groups: Groups | None,
) -> None:
    """Write the summary of photos or videos as HTML.

    Raises:
        FerError: the file can't be written.
    """
    content = describe(subjects, groups, about)
    write_target(html_report(content, about).encode(), target)
