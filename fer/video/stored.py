"""The results of an analysed video in its folder: written once, then read piece by piece, however long the video is."""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import Meta

from fer.emotions import EMOTIONS, N_EMOTIONS, NOT_SURE
from fer.errors import VideoError
from fer.provenance import Provenance
from fer.storage.files import replacing, write_json
from fer.storage.open_files import open_plain
from fer.storage.parquet_rows import rows_between
from fer.storage.schema import Count, Seconds, Share, Text, fitting, read_object
from fer.storage.values import ValuesError
from fer.streams.record import OUTCOMES
from fer.streams.timeline import PersonLine, Timeline
from fer.summary.video_numbers import VideoNumbers
from fer.video.job import ROWS, SUMMARY
from fer.video.table import COLUMNS, Row
from fer.video.writers import CsvWriter, JsonWriter, ParquetWriter, RowWriter
from fer.vision.images import encode_jpeg

if TYPE_CHECKING:
    # It imports PyAV, which a page that shows results doesn't need.
    from fer.video.processing import VideoResult

_DAMAGED: Final = "The results of this video are damaged; delete it and add it again."
# Rows that are in memory while a file is made of them.
_BATCH_ROWS: Final = 2_000

MakeWriter = Callable[[IO[bytes], Provenance, Mapping[str, str] | None], RowWriter]
Number = Annotated[int, Meta(ge=1, le=10**9)]
Emotion = Annotated[str, Meta(pattern=f"^({'|'.join(EMOTIONS)})$")]
Outcome = Annotated[str, Meta(pattern=f"^({'|'.join(OUTCOMES)})$")]
Shares = Annotated[tuple[Share, ...], Meta(min_length=len(OUTCOMES), max_length=len(OUTCOMES))]


@dataclass(frozen=True)
class StoredPerson:
    """A person: first and last seen, and the share of time of each of `OUTCOMES`."""

    person: Number
    first_s: Seconds
    last_s: Seconds
    shares: Shares


@dataclass(frozen=True)
class StoredMoment:
    """A person's strongest moment of an expression; its picture is in a file, unless faces are blurred."""

    person: Number
    emotion: Emotion
    time_s: Seconds
    confidence: Share

    @property
    def file_name(self) -> str:
        """Return the name of its picture."""
        return f"moment-{self.person}-{self.emotion}.jpg"


@dataclass(frozen=True)
class StoredChange:
    """A person's expression changed from one of `OUTCOMES` to another."""

    person: Number
    before: Outcome
    after: Outcome
    time_s: Seconds


@dataclass(frozen=True)
class StoredLine:
    """A person's probabilities over time, a row per point; None breaks the line."""

    person: Number
    seconds: Annotated[tuple[Seconds, ...], Meta(min_length=1)]
    probabilities: tuple[Annotated[tuple[Share | None, ...], Meta(min_length=N_EMOTIONS, max_length=N_EMOTIONS)], ...]

    def __post_init__(self) -> None:
        if len(self.seconds) != len(self.probabilities):
            raise ValueError("a line has a row of probabilities per second")


@dataclass(frozen=True)
class StoredSummary:
    """The summary of a video.

    Attributes:
        width, height: pixels of the upright picture.
        seconds: when its last frame is shown.
        n_frames, n_analysed, n_rows: frames, those that were analysed, and rows of the table.
        n_changes: changes in all; `changes` has the first ones.
        notes: what was wrong with the file.
        shares: the share of time of each of `OUTCOMES`.
        about: what made the results.
        video: what JSON says about the video, see `fer.video.processing.describe`.
        numbers: what the summary of many videos needs of this one.
    """

    width: Number
    height: Number
    seconds: Seconds
    n_frames: Count
    n_analysed: Count
    n_rows: Count
    n_changes: Count
    notes: tuple[Text, ...]
    shares: Shares
    people: tuple[StoredPerson, ...]
    moments: tuple[StoredMoment, ...]
    changes: tuple[StoredChange, ...]
    lines: tuple[StoredLine, ...]
    about: Provenance
    video: dict[str, Any]
    numbers: VideoNumbers

    @classmethod
    def of(cls, result: "VideoResult", about: Provenance, video: dict[str, Any]) -> Self:
        """Return what is stored of a result."""
        assert result.info is not None
        summary = result.summary
        return cls(
            result.info.width,
            result.info.height,
            summary.last_s,
            summary.n_frames,
            summary.n_analysed,
            summary.n_rows,
            summary.n_changes,
            result.notes,
            tuple(summary.shares().values()),
            tuple(StoredPerson(one.person, one.first_s, one.last_s, one.shares) for one in summary.people()),
            tuple(
                StoredMoment(one.person, one.emotion, one.time_s, min(1.0, one.confidence)) for one in summary.moments()
            ),
            tuple(StoredChange(one.person, one.before, one.after, one.time_s) for one in summary.changes),
            tuple(_stored(line) for line in summary.timeline().lines),
            about,
            video,
            result.numbers,
        )

    def timeline(self) -> Timeline:
        """Return a line per person."""
        lines = (
            PersonLine(
                line.person,
                np.array(line.seconds, np.float64),
                np.array(line.probabilities, np.float64).astype(np.float32),
            )
            for line in self.lines
        )
        return Timeline(0.0, self.seconds, tuple(lines))


def _stored(line: PersonLine) -> StoredLine:
    rows = [
        tuple(None if np.isnan(value) else round(min(1.0, float(value)), 4) for value in row)
        for row in line.probabilities
    ]
    return StoredLine(line.person, tuple(round(float(value), 3) for value in line.seconds), tuple(rows))


def save_summary(folder: Path, result: "VideoResult", about: Provenance, video: dict[str, Any]) -> None:
    """Write the summary of a result and the pictures of its moments.

    Raises:
        OSError: a file can't be written.
    """
    summary = StoredSummary.of(result, about, video)
    for moment, stored in zip(result.summary.moments(), summary.moments, strict=True):
        if moment.picture_bgr is not None:
            with replacing(folder / stored.file_name) as stream:
                stream.write(encode_jpeg(moment.picture_bgr))
    write_json(folder / SUMMARY, asdict(summary))


def load_summary(folder: Path) -> StoredSummary:
    """Return the summary of a video.

    Raises:
        VideoError: it is missing or damaged.
    """
    try:
        return fitting(read_object(folder / SUMMARY), StoredSummary)
    except (FileNotFoundError, ValuesError) as error:
        raise VideoError(_DAMAGED) from error


def read_rows(folder: Path, start: int, stop: int) -> pa.Table:
    """Return some rows of the table, in time that doesn't grow with the video.

    Raises:
        VideoError: the table is missing or damaged.
    """
    try:
        with open_plain(folder / ROWS) as stream:
            rows = rows_between(pq.ParquetFile(stream), start, stop)
            return _with_labels(rows).select(list(COLUMNS))
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise VideoError(_DAMAGED) from error


def csv_of(folder: Path, group: str | None = None) -> Iterator[bytes]:
    """Yield the table as `fer video --csv` writes it, in pieces; with a group, each row names it.

    Raises:
        VideoError: the table is missing or damaged.
    """
    return _pieces(folder, CsvWriter, group)


def parquet_of(folder: Path, group: str) -> Iterator[bytes]:
    """Yield the table as `fer video --parquet` writes it, in pieces; each row names a group.

    Raises:
        VideoError: the table is missing or damaged.
    """
    return _pieces(folder, ParquetWriter, group)


def json_of(folder: Path, group: str | None = None) -> Iterator[bytes]:
    """Yield the table and the summary as `fer video --json` writes them, in pieces; with a group, each row names it.

    Raises:
        VideoError: the results are missing or damaged.
    """
    return _pieces(folder, JsonWriter, group)


def _pieces(folder: Path, make_writer: MakeWriter, group: str | None) -> Iterator[bytes]:
    summary, stream = load_summary(folder), io.BytesIO()
    groups = None if group is None else {summary.numbers.file: group}
    yield from _written(folder, make_writer(stream, summary.about, groups), stream, summary.video)


def _written(folder: Path, writer: RowWriter, stream: io.BytesIO, video: dict[str, Any]) -> Iterator[bytes]:
    for rows in _batches(folder):
        writer.write(rows)
        yield _taken(stream)
    writer.end_video(video)
    writer.close()
    yield _taken(stream)


def _batches(folder: Path) -> Iterator[list[Row]]:
    try:
        with open_plain(folder / ROWS) as file:
            for batch in pq.ParquetFile(file).iter_batches(_BATCH_ROWS):
                rows = _with_labels(pa.table(batch))
                columns = [rows.column(name).to_pylist() for name in COLUMNS]
                yield list(zip(*columns, strict=True))
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise VideoError(_DAMAGED) from error


def _with_labels(rows: pa.Table) -> pa.Table:
    """Return rows with the column `label`, which the first versions didn't store."""
    if "label" in rows.column_names:
        return rows
    label = pc.if_else(rows.column("sure"), rows.column("emotion"), pa.scalar(NOT_SURE))
    return rows.append_column("label", label)


def _taken(stream: io.BytesIO) -> bytes:
    data = stream.getvalue()
    stream.seek(0)
    stream.truncate()
    return data
