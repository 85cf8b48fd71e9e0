"""What a batch has found: expressions by folder and over time, and the files that failed.

The parts are read one by one, and one batch of rows at a time, so memory grows with the number of folders and hours,
not with the number of faces. Photos and videos are counted apart: a face in a video has a row in each of its frames.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path, PurePath
from typing import Annotated, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import Meta

from fer.batch.allowed import name_below
from fer.batch.inputs import named_like_video
from fer.batch.output import FACES, FILES, Output
from fer.batch.parts import part_batches
from fer.errors import BatchError
from fer.storage.files import replacing, write_json
from fer.storage.open_files import open_plain
from fer.storage.parquet_rows import rows_between
from fer.storage.schema import Count, Text, fitting, read_object
from fer.storage.values import ValuesError
from fer.streams.record import OUTCOMES

FOUND, FAILURES = "found.json", "failures.parquet"
_BATCH_ROWS: Final = 20_000
# Folders that are kept, those with most faces first.
_MOST_FOLDERS: Final = 500
# Spans of time: more of them would be too narrow to see.
_MOST_TIMES: Final = 60
# Columns with dates, the more telling first. When a file was changed is in UTC.
_DATES: Final = ("taken", "modified")
# The lengths of an ISO date that end after the hour, the day, the month and the year.
_UNITS: Final = {"hour": 13, "day": 10, "month": 7, "year": 4}
_FAILURES_SCHEMA: Final = pa.schema([("file", pa.string()), ("reason", pa.string())])
_DAMAGED: Final = (
    "The summary of this batch is missing or damaged. Reload the page; if it still is, press Resume or Run again."
)

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Row:
    """The faces of a folder, or of a span of time.

    Attributes:
        name: of the folder below its root, or the ISO date of the span: '2026-11-29T14', '2026-11-29', '2026-11'.
        n_files: analysed files.
        counts: (8,) number of rows of each of `OUTCOMES`.
    """

    name: Text
    n_files: Count
    counts: Annotated[tuple[Count, ...], Meta(min_length=len(OUTCOMES), max_length=len(OUTCOMES))]

    @property
    def n_rows(self) -> int:
        """Return the number of rows."""
        return sum(self.counts)

    @property
    def shares(self) -> tuple[float, ...]:
        """Return (8,) shares of `OUTCOMES`, all 0 without a face."""
        return tuple(number / max(1, self.n_rows) for number in self.counts)


@dataclass(frozen=True)
class Kind:
    """What was found in photos, or in videos.

    Attributes:
        total: of all of them; its name is empty.
        folders: those with most faces, by name.
        n_more_folders: folders that have no row.
        times: in order. Spans without a file have no row.
        unit: how long a span is: 'hour', 'day', 'month' or 'year'.
        n_undated: files without a date.
        dated_by: the column that dates are from: 'taken', or 'modified' if no file has that.
    """

    total: Row
    folders: tuple[Row, ...]
    n_more_folders: Count
    times: tuple[Row, ...]
    unit: Annotated[str, Meta(pattern=f"^({'|'.join(_UNITS)})$")]
    n_undated: Count
    dated_by: Annotated[str, Meta(pattern="^(taken|modified)$")]


@dataclass(frozen=True)
class Found:
    """What a batch has found.

    Attributes:
        n_files, n_failed: its files, and those that failed.
        photos, videos: None if none could be analysed.
        not_found: inputs that couldn't be searched, with one sentence each.
        n_left_out: files that are neither photos nor videos.
    """

    n_files: Count
    n_failed: Count
    photos: Kind | None
    videos: Kind | None
    not_found: tuple[tuple[Text, Text], ...] = ()
    n_left_out: Count = 0


@dataclass
class _Sum:
    n_files: int = 0
    counts: Counts = field(default_factory=lambda: np.zeros(len(OUTCOMES), np.int64))

    def add(self, n_files: int, counts: Counts) -> None:
        self.n_files += n_files
        self.counts += counts

    def row(self, name: str) -> Row:
        return Row(name, self.n_files, tuple(self.counts.tolist()))


class _KindSums:
    """Sums of photos, or of videos, by folder and by hour."""

    def __init__(self) -> None:
        self.total = _Sum()
        self.folders: defaultdict[str, _Sum] = defaultdict(_Sum)
        self.hours: dict[str, defaultdict[str, _Sum]] = {name: defaultdict(_Sum) for name in _DATES}

    def add(self, folder: str, moments: tuple[datetime | None, ...], counts: Counts) -> None:
        """Add an analysed file: its `_DATES`, and (8,) counts of its rows."""
        self.total.add(1, counts)
        self.folders[folder].add(1, counts)
        for name, moment in zip(_DATES, moments, strict=True):
            if moment is not None:
                self.hours[name][moment.isoformat()[: _UNITS["hour"]]].add(1, counts)

    def kind(self, name_of: Callable[[str], str]) -> Kind | None:
        if not self.total.n_files:
            return None
        rows = [each.row(name_of(folder)) for folder, each in self.folders.items()]
        rows.sort(key=lambda row: (-row.n_rows, row.name))
        shown = tuple(sorted(rows[:_MOST_FOLDERS], key=lambda row: row.name))
        dated_by = next((name for name in _DATES if self.hours[name]), _DATES[-1])
        hours = self.hours[dated_by]
        unit, times = _spans(hours)
        n_undated = self.total.n_files - sum(each.n_files for each in hours.values())
        return Kind(self.total.row(""), shown, len(rows) - len(shown), times, unit, n_undated, dated_by)


def _spans(hours: Mapping[str, _Sum]) -> tuple[str, tuple[Row, ...]]:
    """Return the shortest unit of which few are between the first and the last file, and the spans that have files."""
    first, last = min(hours, default=""), max(hours, default="")
    fitting_units = (unit for unit in _UNITS if hours and _between(first, last, unit) < _MOST_TIMES)
    unit = next(fitting_units, "year")
    sums: defaultdict[str, _Sum] = defaultdict(_Sum)
    for hour, each in hours.items():
        sums[hour[: _UNITS[unit]]].add(each.n_files, each.counts)
    return unit, tuple(sums[name].row(name) for name in sorted(sums))


def _between(first: str, last: str, unit: str) -> int:
    """Return how many units two hours are apart."""
    start, end = (datetime.fromisoformat(f"{hour}:00") for hour in (first, last))
    if unit in ("hour", "day"):
        return (end - start) // timedelta(**{f"{unit}s": 1})
    months = 12 * (end.year - start.year) + end.month - start.month
    return months if unit == "month" else months // 12


def find(
    output: Output,
    tasks: Sequence[str],
    roots: Sequence[Path],
    failures: Path,
    report: Callable[[float], None] = lambda share: None,
) -> Found:
    """Read all parts, and write the table of failures.

    Args:
        output: where the parts are.
        tasks: those that are done.
        roots: folders to which the names of folders are relative.
        failures: the parquet file to write.
        report: told the share of parts that was read, 0..1.

    Raises:
        BatchError: a part can't be read.
        OSError: the table can't be written.
    """
    sums = {False: _KindSums(), True: _KindSums()}
    n_files = n_failed = 0
    with replacing(failures) as stream, pq.ParquetWriter(stream, _FAILURES_SCHEMA) as writer:
        for number, task in enumerate(tasks):
            for files, counts in _counted(output, task):
                n_files += files.num_rows
                n_failed += _write_failures(files, writer)
                _add(files, counts, sums)
            report((number + 1) / len(tasks))

    def name_of(folder: str) -> str:
        return name_below(folder, roots)

    return Found(n_files, n_failed, sums[False].kind(name_of), sums[True].kind(name_of))


def _counted(output: Output, task: str) -> Iterator[tuple[Any, Counts]]:
    """Yield the files of a task with (files, 8) counts of their rows."""
    names = ["file", *_DATES, "error"]
    batches = list(part_batches(output, FILES, task, _BATCH_ROWS, names))
    if not batches:
        return
    files = pa.Table.from_batches(batches).combine_chunks()
    counts = np.zeros(len(files) * len(OUTCOMES), np.int64)
    known, outcomes = files.column("file").combine_chunks(), pa.array(OUTCOMES)
    for faces in part_batches(output, FACES, task, _BATCH_ROWS, ["file", "label"]):
        of_file, of_label = (
            pc.index_in(faces.column(name), value_set=values) for name, values in (("file", known), ("label", outcomes))
        )
        cells = pc.add(pc.multiply(of_file.cast(pa.int64()), len(OUTCOMES)), of_label.cast(pa.int64())).drop_null()
        counts += np.bincount(cells.to_numpy(zero_copy_only=False), minlength=len(counts))
    yield files, counts.reshape(len(files), len(OUTCOMES))


def _write_failures(files: Any, writer: Any) -> int:
    failed = files.filter(pc.is_valid(files.column("error")))
    if len(failed):
        table = pa.table([failed.column("file"), failed.column("error")], schema=_FAILURES_SCHEMA)
        writer.write_table(table)
    return len(failed)


def _add(files: Any, counts: Counts, sums: dict[bool, _KindSums]) -> None:
    columns = [files.column(name).to_pylist() for name in ("file", "error", *_DATES)]
    for number, (file, error, *moments) in enumerate(zip(*columns, strict=True)):
        if error is None:
            sums[named_like_video(file)].add(str(PurePath(file).parent), tuple(moments), counts[number])


def save(found: Found, folder: Path) -> None:
    """Write what was found into the folder of the job.

    Raises:
        OSError: it can't be written.
    """
    write_json(folder / FOUND, asdict(found))


def load(folder: Path) -> Found:
    """Return what was found.

    Raises:
        BatchError: it is missing or damaged.
    """
    try:
        return fitting(read_object(folder / FOUND), Found)
    except (FileNotFoundError, ValuesError) as error:
        raise BatchError(_DAMAGED) from error


def read_failures(folder: Path, start: int, stop: int) -> Any:
    """Return some rows of the table of failures as a `pyarrow.Table`, in time that doesn't grow with the table.

    Raises:
        BatchError: the table is missing or damaged.
    """
    try:
        with open_plain(folder / FAILURES) as stream:
            return rows_between(pq.ParquetFile(stream), start, stop)
    except (OSError, ValueError, KeyError) as error:
        raise BatchError(_DAMAGED) from error
