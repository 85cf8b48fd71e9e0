"""The parts of a task: one parquet file of faces and one of files. Both together say that the task is done.

The part of files is written last. Its footer says how many faces the other part has.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from fer.batch.inputs import Input
from fer.batch.output import FACES, FILES, Output, part_name
from fer.batch.plan import FORMAT
from fer.emotions import EMOTIONS
from fer.errors import BatchError
from fer.results import FRAME_COLUMNS, QUALITY
from fer.storage.schema import fitting
from fer.storage.values import ValuesError
from fer.text import encodable

# Only in rows of videos.
MOMENT: Final = ("frame", "time_s", "person")
FACE_COLUMNS: Final = (*FRAME_COLUMNS, *MOMENT)
FaceRow = tuple[Any, ...]
_KEY: Final = b"fer"
_GROUP_ROWS: Final = 20_000
_TEXTS: Final = ("file", "label", "emotion", "reasons", "candidates")
_NUMBERS: Final = ("confidence", *EMOTIONS, "valence", "yaw", "pitch", "roll", *QUALITY, "time_s")
_FACE_TYPES: Final = {
    **dict.fromkeys(_TEXTS, pa.string()),
    **dict.fromkeys(("face", "x", "y", "width", "height", "frame", "person"), pa.int32()),
    **dict.fromkeys(_NUMBERS, pa.float64()),
    "sure": pa.bool_(),
}
FACES_SCHEMA: Final = pa.schema([(name, _FACE_TYPES[name]) for name in FACE_COLUMNS])
FILES_SCHEMA: Final = pa.schema(
    [
        *(("file", pa.string()), ("size", pa.int64()), ("modified", pa.timestamp("us", "UTC"))),
        ("taken", pa.timestamp("s")),
        *(("digest", pa.string()), ("width", pa.int32()), ("height", pa.int32()), ("frames", pa.int32())),
        *(("faces", pa.int32()), ("seconds", pa.float64())),
        *(("error", pa.string()), ("note", pa.string()), ("annotated", pa.string())),
    ]
)
SCHEMAS: Final = {FACES: FACES_SCHEMA, FILES: FILES_SCHEMA}


@dataclass(frozen=True)
class FileResult:
    """What came of one file.

    Attributes:
        faces: number of its rows in the part of faces.
        digest: SHA-256 of its content, hexadecimal; None if it couldn't be read.
        width, height: pixels; None if it couldn't be read.
        frames: number of a video's frames; None for a photo.
        error: None, or one sentence that says why it couldn't be analysed.
        note: None, or one sentence about what had to be assumed.
        annotated: the name of its annotated copy below the output; None if there is none.
        taken: when a photo was taken, by the clock of its camera; None if it doesn't say so.
        seconds: how long it took.
    """

    faces: int = 0
    digest: str | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    error: str | None = None
    note: str | None = None
    annotated: str | None = None
    taken: datetime | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Totals:
    """What the parts of one or more tasks have: files, those that failed, and faces."""

    files: int = 0
    failed: int = 0
    faces: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        """Return the sum."""
        return Totals(self.files + other.files, self.failed + other.failed, self.faces + other.faces)


@dataclass(frozen=True)
class _Footer:
    task: str
    files: int
    failed: int
    faces: int
    format: int


class PartRows:
    """Collects the rows of one task.

    Attributes:
        totals: what was added so far.
    """

    def __init__(self, faces: Any) -> None:
        self._writer = faces
        self._faces: list[FaceRow] = []
        self.files: list[tuple[Any, ...]] = []
        self.totals = Totals()

    def add_faces(self, rows: Iterable[FaceRow]) -> None:
        """Add rows with the columns `FACE_COLUMNS`."""
        before = len(self._faces)
        self._faces.extend(rows)
        self.totals += Totals(faces=len(self._faces) - before)
        if len(self._faces) >= _GROUP_ROWS:
            self.flush()

    def add_file(self, one: Input, result: FileResult) -> None:
        """Add the row of a file."""
        modified = None if one.modified is None else datetime.fromtimestamp(one.modified, UTC)
        size = None if one.size < 0 else one.size
        what = (result.digest, result.width, result.height, result.frames, result.faces, round(result.seconds, 6))
        texts = (result.error, result.note, result.annotated)
        self.files.append((encodable(one.path), size, modified, result.taken, *what, *texts))
        self.totals += Totals(1, int(result.error is not None))

    def flush(self) -> None:
        """Write the faces that are in memory."""
        self._writer.write_table(_table(self._faces, FACES_SCHEMA))
        self._faces.clear()


@contextmanager
def writing_parts(output: Output, task: str, about: dict[str, Any]) -> Iterator[PartRows]:
    """Yield what collects the rows of a task. Its parts are written when the block ends; if it raises, neither is.

    Args:
        output: where to write.
        task: the name of the task.
        about: what made the results, as plain JSON values; each part says it.

    Raises:
        OSError: a part can't be written.
    """

    def footer() -> dict[str, str]:
        values = {"task": task, **asdict(rows.totals), "format": FORMAT, "about": about}
        return {_KEY.decode(): json.dumps(values, ensure_ascii=False)}

    def write_files(*, only_new: bool) -> None:
        with (
            output.writing(part_name(FILES, task), only_new=only_new) as stream,
            pq.ParquetWriter(stream, FILES_SCHEMA, compression="zstd") as writer,
        ):
            writer.write_table(_table(rows.files, FILES_SCHEMA))
            writer.add_key_value_metadata(footer())

    with (
        output.writing(part_name(FACES, task)) as stream,
        pq.ParquetWriter(stream, FACES_SCHEMA, compression="zstd") as writer,
    ):
        rows = PartRows(writer)
        yield rows
        rows.flush()
        writer.add_key_value_metadata(footer())
    # Last, and kept if another attempt was faster: this is what makes the task done.
    write_files(only_new=True)
    if totals_of(output, task) is None:
        # What was there was damaged, or another attempt had found other faces.
        write_files(only_new=False)


def _table(rows: list[tuple[Any, ...]], schema: Any) -> Any:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def totals_of(output: Output, task: str) -> Totals | None:
    """Return what the parts of a task have, or None unless both are whole and belong together."""
    files, faces = (_rows_and_footer(output, kind, task) for kind in (FILES, FACES))
    if files is None or faces is None:
        return None
    (n_files, footer), (n_faces, _) = files, faces
    if footer.task != task or footer.format != FORMAT or (n_files, n_faces) != (footer.files, footer.faces):
        return None
    return Totals(footer.files, footer.failed, footer.faces)


def _rows_and_footer(output: Output, kind: str, task: str) -> tuple[int, _Footer] | None:
    try:
        with output.reading(part_name(kind, task)) as stream:
            about = pq.ParquetFile(stream).metadata
            values = json.loads((about.metadata or {})[_KEY])
            values.pop("about", None)
            return about.num_rows, fitting(values, _Footer)
    except (OSError, KeyError, ValueError, ValuesError):  # pyarrow's own errors are ValueErrors and OSErrors
        return None


def valid_tasks(output: Output) -> dict[str, Totals]:
    """Return the tasks whose parts are valid, with what they have.

    Raises:
        OSError: the folder can't be read.
    """
    complete = output.tasks_with(FILES) & output.tasks_with(FACES)
    checked = ((task, totals_of(output, task)) for task in complete)
    return {task: totals for task, totals in checked if totals is not None}


def part_batches(
    output: Output, kind: str, task: str, n_rows: int, columns: Sequence[str] | None = None
) -> Iterator[Any]:
    """Yield the rows of a part as `pyarrow.RecordBatch`es.

    Args:
        output: where the part is.
        kind: 'faces' or 'files'.
        task: whose part.
        n_rows: most rows of a batch.
        columns: which columns; None for all.

    Raises:
        BatchError: the part can't be read.
    """
    try:
        with output.reading(part_name(kind, task)) as stream:
            yield from pq.ParquetFile(stream).iter_batches(n_rows, columns=columns)
    except (OSError, ValueError, KeyError) as error:  # pyarrow's own errors are ValueErrors and OSErrors
        reason = getattr(error, "strerror", None) or error
        raise BatchError(
            f"{output.where}/{part_name(kind, task)} can't be read ({reason}). Start the batch again: it replaces "
            "what is damaged."
        ) from error
