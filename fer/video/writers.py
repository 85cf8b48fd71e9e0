"""Write the rows of videos as they come: CSV, Parquet, JSON."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import IO, Any, Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from fer.emotions import EMOTIONS
from fer.provenance import PROVENANCE_COLUMNS, Provenance
from fer.results import QUALITY
from fer.text import spreadsheet_safe
from fer.video.table import COLUMNS, SMOOTHED, Row, columns_with, row_with

# Rows in memory before Parquet writes a group.
_GROUP_ROWS: Final = 20_000
_TYPES: Final = {
    **dict.fromkeys(("file", "group", "status", "label", "emotion", "reasons", "candidates"), pa.string()),
    **dict.fromkeys(("frame", "person", "x", "y", "width", "height"), pa.int32()),
    **dict.fromkeys(("time_s", "confidence", *EMOTIONS, *SMOOTHED, "yaw", "pitch", "roll", *QUALITY), pa.float64()),
    "sure": pa.bool_(),
    **dict.fromkeys(PROVENANCE_COLUMNS, pa.string()),
    "confidence_threshold": pa.float64(),
}


class RowWriter(Protocol):
    """Writes the rows of one or more videos to a stream, which the caller closes."""

    def write(self, rows: Iterable[Row]) -> None:
        """Write rows of the current video."""

    def end_video(self, about: dict[str, Any]) -> None:
        """End the current video with what is known about it."""

    def close(self) -> None:
        """Write what is left."""


class CsvWriter:
    """UTF-8 CSV, safe to open in a spreadsheet; a value that doesn't apply is empty.

    Args:
        stream: where to write.
        about: what made the results; the last columns say it in every row.
        groups: by file, the name of its group, for a column of its own; None if there are no groups.
    """

    def __init__(self, stream: IO[bytes], about: Provenance, groups: Mapping[str, str] | None = None) -> None:
        self._stream, self._groups = stream, groups
        self._text = io.StringIO(newline="")
        # Texts are quoted, so that a semicolon in a name starts no new cell in a spreadsheet that splits there.
        self._writer = csv.writer(self._text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        self._about = tuple(about.columns().values())
        self._n_names = len(columns_with(groups)) - len(COLUMNS) + 1
        stream.write(f"{','.join((*columns_with(groups), *PROVENANCE_COLUMNS))}\n".encode())

    def write(self, rows: Iterable[Row]) -> None:
        """See `RowWriter.write`."""
        self._writer.writerows((*self._safe(row_with(row, self._groups)), *self._about) for row in rows)
        self._stream.write(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()

    def end_video(self, about: dict[str, Any]) -> None:
        """See `RowWriter.end_video`."""

    def close(self) -> None:
        """See `RowWriter.close`."""

    def _safe(self, row: Row) -> Row:
        """Return a row whose file and group a spreadsheet doesn't run as formulas."""
        return (*(spreadsheet_safe(str(cell or "")) for cell in row[: self._n_names]), *row[self._n_names :])


class ParquetWriter:
    """Parquet, a group of 20,000 rows at a time.

    Args:
        stream: where to write.
        about: what made the results; the last columns say it in every row, and the schema's metadata as JSON under
            `about`.
        groups: by file, the name of its group, for a column of its own; None if there are no groups.
    """

    def __init__(self, stream: IO[bytes], about: Provenance, groups: Mapping[str, str] | None = None) -> None:
        self._about, self._groups = about.columns(), groups
        self._columns = columns_with(groups)
        self._schema = pa.schema(
            [(name, _TYPES[name]) for name in (*self._columns, *PROVENANCE_COLUMNS)],
            {"about": json.dumps(about.to_dict(), ensure_ascii=False)},
        )
        self._writer = pq.ParquetWriter(stream, self._schema, compression="zstd")
        self._rows: list[Row] = []

    def write(self, rows: Iterable[Row]) -> None:
        """See `RowWriter.write`."""
        self._rows.extend(row_with(row, self._groups) for row in rows)
        if len(self._rows) >= _GROUP_ROWS:
            self._flush()

    def end_video(self, about: dict[str, Any]) -> None:
        """See `RowWriter.end_video`."""

    def close(self) -> None:
        """See `RowWriter.close`."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            columns = [*zip(*self._rows, strict=True)]
            arrays = [pa.array(column, _TYPES[name]) for name, column in zip(self._columns, columns, strict=True)]
            arrays += [
                pa.repeat(pa.scalar(value, _TYPES[name]), len(self._rows)) for name, value in self._about.items()
            ]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
            self._rows.clear()


class JsonWriter:
    """UTF-8 JSON with the keys `about` and `files`: one object per video, its rows first.

    Args:
        stream: where to write.
        about: what made the results.
        groups: by file, the name of its group, for a column of its own; None if there are no groups.
    """

    def __init__(self, stream: IO[bytes], about: Provenance, groups: Mapping[str, str] | None = None) -> None:
        self._stream, self._groups = stream, groups
        self._columns = columns_with(groups)
        self._stream.write(f'{{"about": {json.dumps(about.to_dict(), ensure_ascii=False)}, "files": [\n'.encode())
        self._in_video = False
        self._began = False

    def write(self, rows: Iterable[Row]) -> None:
        """See `RowWriter.write`."""
        for row in rows:
            self._stream.write((",\n" if self._in_video else self._next_video()).encode())
            values = dict(zip(self._columns, row_with(row, self._groups), strict=True))
            self._stream.write(json.dumps(values, ensure_ascii=False).encode())
            self._in_video = True

    def end_video(self, about: dict[str, Any]) -> None:
        """See `RowWriter.end_video`."""
        if not self._in_video:
            self._stream.write(self._next_video().encode())
        text = json.dumps(about, ensure_ascii=False)
        self._stream.write(f"\n], {text[1:]}".encode())
        self._in_video = False

    def close(self) -> None:
        """See `RowWriter.close`."""
        self._stream.write(b"\n]}\n")

    def _next_video(self) -> str:
        opening = ",\n" if self._began else ""
        self._began = True
        return opening + '{"rows": [\n'
