"""FER-2013 as a CSV file: `fer2013.csv`, `icml_face_data.csv`, `train.csv`, read row by row.

A row is a line, so that a damaged one costs only itself: a parser that knows quoting across lines would swallow the
rows behind a stray quote.
"""

import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from fer.arrays import SIDE
from fer.datasets.faces import FaceDataset
from fer.datasets.readers.trees import READ_ERRORS
from fer.datasets.readings import MAX_IMAGES, Progress, Reading, Rejection, silent
from fer.emotions import N_EMOTIONS
from fer.errors import DatasetError

N_PIXELS: Final = SIDE * SIDE
# An index into SPLITS; Kaggle's competition showed the score on PublicTest and ranked by PrivateTest.
USAGES: Final = {"training": 0, "publictest": 1, "privatetest": 2}
UNKNOWN_USAGE: Final = -1
# Of a first line, to tell by its columns what a file holds.
MAX_HEADER_BYTES: Final = 1000
_MAX_LINE_BYTES: Final = 1_000_000  # a row of FER-2013 has at most 9,240
_BYTES_BETWEEN_REPORTS: Final = 2**20
Line = tuple[int, bytes]
_LABELS: Final = {str(label): label for label in range(N_EMOTIONS)}


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a CSV file.

    Attributes:
        reading: the faces that were kept, and the rows that were not.
        rows: (N,) int64, the number of each kept row among all rows, from 0; what is joined by row needs it.
        usages: (n_read,) int8 of all rows, an index into `SPLITS` or `UNKNOWN_USAGE`; None without that column.
    """

    reading: Reading
    rows: npt.NDArray[np.int64]
    usages: npt.NDArray[np.int8] | None


@dataclass(frozen=True)
class Header:
    """Where the columns are and what parts them; `usage` is None where there is no such column."""

    delimiter: str
    emotion: int
    pixels: int
    usage: int | None

    @property
    def n_columns(self) -> int:
        """The least columns a whole row has."""
        return 1 + max(self.emotion, self.pixels, self.usage or 0)


class RowError(Exception):
    """A row that cannot be taken; the message is the reason."""


@dataclass
class _Columns:
    """The rows read so far; a bytearray grows without a second copy of all pixels."""

    pixels: bytearray = field(default_factory=bytearray)
    labels: list[int] = field(default_factory=list)
    splits: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    usages: list[int] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)


def split_fields(line: bytes, delimiter: str) -> list[str]:
    """The fields of one line, without quotes and outer blanks; an unclosed quote ends with the line."""
    # A character a byte: what is not ASCII is wrong in every column, and is named in the reason.
    text = line.decode("latin-1")
    try:
        return [value.strip() for value in next(csv.reader([text], delimiter=delimiter), [])]
    except csv.Error:
        return [text]


def numbered_lines(file: IO[bytes], name: str, size: int = 0, progress: Progress = silent) -> Iterator[Line]:
    """Lines that are not blank, each with its number from 1, without the line's end.

    Args:
        file: the bytes; read once, forwards.
        name: the file's name, for people.
        size: bytes in the file, for the progress; 0 if unknown.
        progress: told after the first line and every megabyte, blank lines counting as well.

    Raises:
        DatasetError: the file is damaged, or a line is too long for a table.
    """
    n_bytes = n_told = 0
    for number in itertools.count(1):
        try:
            line = file.readline(_MAX_LINE_BYTES)
        except READ_ERRORS as error:
            raise DatasetError(f"{name} is damaged at line {number:,} ({error}); download it again.") from error
        if not line:
            return
        n_bytes += len(line)
        if number == 1 or n_bytes - n_told >= _BYTES_BETWEEN_REPORTS:
            n_told = n_bytes
            progress(min(1.0, n_bytes / size) if size else 0.0, f"{number:,} lines read")
        if len(line) == _MAX_LINE_BYTES:
            raise DatasetError(f"{name}: line {number} is longer than a megabyte, so this is no FER-2013 CSV.")
        stripped = line.strip()
        if stripped.strip(b",;\t"):
            yield number, stripped


def parse_header(line: bytes, name: str) -> Header:
    """Find the columns in the first line: any case, outer blanks, a byte order mark, commas, semicolons or tabs.

    Raises:
        DatasetError: there is no column of pixels or of labels.
    """
    line = line.removeprefix(b"\xef\xbb\xbf")
    delimiter = max(",;\t", key=lambda mark: line.count(mark.encode()))
    names = [value.lower() for value in split_fields(line, delimiter)]
    for wanted, what in (("pixels", "pixels"), ("emotion", "labels")):
        if wanted not in names:
            raise DatasetError(
                f"{name} has no column '{wanted}' of {what}; expected the columns emotion, pixels and Usage of "
                f"FER-2013 in the first line."
            )
    usage = names.index("usage") if "usage" in names else None
    return Header(delimiter, names.index("emotion"), names.index("pixels"), usage)


def has_face_columns(line: bytes) -> bool:
    """Whether a first line has the columns of a table of faces."""
    try:
        parse_header(line.strip(), "")
    except DatasetError:
        return False
    return True


def parse_pixels(text: str) -> npt.NDArray[np.uint8]:
    """The pixels of a row, (2304,) uint8.

    Raises:
        RowError: not 2,304 whole numbers from 0 to 255.
    """
    # Digits and blanks alone, so that fromstring reads to the end, and neither '3.5' nor '-1' reaches it.
    if text.encode("latin-1").translate(None, b"0123456789 "):
        wrong = next((value for value in text.split() if not (value.isascii() and value.isdigit())), "a blank")
        raise RowError(f"pixel value '{wrong[:20]}' is not a whole number from 0 to 255")
    values = np.fromstring(text, np.int64, sep=" ")
    if len(values) != N_PIXELS:
        raise RowError(f"{len(values):,} pixel values, expected {N_PIXELS:,}")
    if values.max() > 255:
        raise RowError(f"pixel value '{values[values > 255][0]}' is not a whole number from 0 to 255")
    return values.astype(np.uint8)


def read_table(file: IO[bytes], name: str, size: int = 0, progress: Progress = silent) -> Table:
    """Read a CSV of FER-2013, keeping what can be read.

    Args:
        file: the bytes; read once, forwards.
        name: the dataset's name, for people.
        size: bytes in the file, for the progress; 0 if unknown.
        progress: see `numbered_lines`.

    Raises:
        DatasetError: no such table: a column is missing, or there are far too many rows.
    """
    lines = numbered_lines(file, name, size, progress)
    first = next(lines, None)
    if first is None:
        raise DatasetError(f"{name} is empty; expected the columns emotion, pixels and Usage of FER-2013.")
    header = parse_header(first[1], name)
    columns = _Columns()
    for row, (number, line) in enumerate(lines):
        if row >= MAX_IMAGES:
            raise DatasetError(f"{name} has more than {MAX_IMAGES:,} rows; FER-2013 has 35,887.")
        _read_row(line, row, number, header, columns)
    return _as_table(columns, name, header)


def _read_row(line: bytes, row: int, number: int, header: Header, columns: _Columns) -> None:
    fields = split_fields(line, header.delimiter)
    usage = 0
    if header.usage is not None:
        text = fields[header.usage].lower() if header.usage < len(fields) else ""
        usage = USAGES.get(text, UNKNOWN_USAGE)
    columns.usages.append(usage)
    try:
        if len(fields) < header.n_columns:
            raise RowError(f"cut short: {len(fields)} of {header.n_columns} columns")
        label = _LABELS.get(fields[header.emotion])
        if label is None:
            raise RowError(f"label '{fields[header.emotion][:20]}' is not a whole number from 0 to 6")
        if usage == UNKNOWN_USAGE:
            raise RowError(f"Usage '{fields[header.usage or 0][:20]}' is not Training, PublicTest or PrivateTest")
        pixels = parse_pixels(fields[header.pixels])
    except RowError as error:
        split = None if usage == UNKNOWN_USAGE else usage
        columns.rejected.append(Rejection(f"line {number}", str(error), split))
        return
    columns.pixels += pixels.tobytes()
    columns.labels.append(label)
    columns.splits.append(usage)
    columns.rows.append(row)
    columns.lines.append(number)


def _as_table(columns: _Columns, name: str, header: Header) -> Table:
    dataset = FaceDataset(
        name=name,
        images=np.frombuffer(columns.pixels, np.uint8).reshape(-1, SIDE, SIDE),
        labels=np.array(columns.labels, np.int64),
        splits=np.array(columns.splits, np.uint8),
    )
    origins = tuple(f"line {number}" for number in columns.lines)
    reading = Reading(dataset, origins, tuple(columns.rejected), form="CSV")
    usages = None if header.usage is None else np.array(columns.usages, np.int8)
    return Table(reading, np.array(columns.rows, np.int64), usages)
