"""Read a CSV of faces row by row: `fer2013.csv`, `icml_face_data.csv`, `train.csv` and others of that form."""

from dataclasses import dataclass, field
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from fer.arrays import SIDE
from fer.datasets.faces import SPLITS
from fer.datasets.readers.collecting import Collector
from fer.datasets.readers.lines import declared_delimiter, find_delimiter, numbered_lines, split_fields
from fer.datasets.readers.names import class_number, split_named, split_of_file
from fer.datasets.readers.orders import FER2013, LabelOrder, LabelOrderError, SampleFaces, read_label
from fer.datasets.readings import MAX_IMAGES, Progress, Reading, silent
from fer.errors import DatasetError

N_PIXELS: Final = SIDE * SIDE
UNKNOWN_USAGE: Final = -1
# FER-2013's own name comes first: under it, numbers are in FER-2013's order.
LABEL_COLUMNS: Final = ("emotion", "label", "class", "expression")
USAGE_COLUMNS: Final = ("usage", "split", "subset")
GROUP_COLUMNS: Final = ("group", "person", "subject")
_TRAIN: Final = SPLITS.index("train")


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a CSV file.

    Attributes:
        reading: the faces that were kept, and the rows that were not.
        rows: (N,) int64, the number of each kept row among all rows, from 0; the votes are joined by it.
        usages: (n_read,) int8 of all rows, an index into `SPLITS` or `UNKNOWN_USAGE`; None without that column.
    """

    reading: Reading
    rows: npt.NDArray[np.int64]
    usages: npt.NDArray[np.int8] | None


@dataclass(frozen=True)
class Header:
    """The positions of the columns, and the delimiter; `usage` and `group` are None if there is no such column."""

    delimiter: str
    emotion: int
    pixels: int
    usage: int | None
    group: int | None = None
    is_fer2013: bool = True

    @property
    def n_columns(self) -> int:
        """Return the number of columns that a complete row has at least."""
        return 1 + max(self.emotion, self.pixels, self.usage or 0, self.group or 0)


class RowError(Exception):
    """A row can't be read; the message is the reason."""


@dataclass
class _Rows:
    """What was read so far, and how to read on."""

    header: Header
    order: LabelOrder | None
    split: int | None
    faces: Collector = field(default_factory=Collector)
    rows: list[int] = field(default_factory=list)
    usages: list[int] = field(default_factory=list)
    samples: SampleFaces = field(default_factory=SampleFaces)


def parse_header(line: bytes, name: str, delimiter: str | None = None) -> Header:
    """Find the columns in the first line, in any case and with any delimiter.

    Raises:
        DatasetError: there is no column of pixels or of labels.
    """
    delimiter = delimiter or find_delimiter(line)
    names = [value.lower() for value in split_fields(line, delimiter)]
    labels = _first(names, LABEL_COLUMNS)
    for place, wanted, what in ((_first(names, ("pixels",)), "pixels", "pixels"), (labels, "emotion", "labels")):
        if place is None:
            raise DatasetError(
                f"{name} has no column '{wanted}' of {what}; expected the columns emotion, pixels and Usage of "
                f"FER-2013 in the first line."
            )
    place = names.index("pixels")
    assert labels is not None
    is_fer2013 = names[labels] == LABEL_COLUMNS[0]
    return Header(delimiter, labels, place, _first(names, USAGE_COLUMNS), _first(names, GROUP_COLUMNS), is_fer2013)


def _first(names: list[str], wanted: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def has_face_columns(line: bytes) -> bool:
    """Return whether a first line has the columns of a table of faces."""
    try:
        parse_header(line.strip(b"\r\n "), "")
    except DatasetError:
        return False
    return True


def parse_pixels(text: str) -> npt.NDArray[np.uint8]:
    """Return the pixels of a row, (2304,) uint8.

    Raises:
        RowError: not 2,304 whole numbers from 0 to 255.
    """
    # Digits and spaces alone, so that fromstring reads to the end, and gets neither '3.5' nor '-1'.
    if text.encode("latin-1", "replace").translate(None, b"0123456789 "):
        wrong = next((value for value in text.split() if not (value.isascii() and value.isdigit())), "a space")
        raise RowError(f"pixel value '{wrong[:20]}' is not a whole number from 0 to 255")
    values = np.fromstring(text, np.int64, sep=" ")
    if len(values) != N_PIXELS:
        raise RowError(f"{len(values):,} pixel values, expected {N_PIXELS:,}")
    if values.max() > 255:
        raise RowError(f"pixel value '{values[values > 255][0]}' is not a whole number from 0 to 255")
    return values.astype(np.uint8)


def read_table(
    file: IO[bytes], name: str, size: int = 0, progress: Progress = silent, order: LabelOrder | None = None
) -> Table:
    """Read a CSV of faces, and keep what can be read.

    Without a column `Usage`, the split is the one in the file's name ('test.csv'), else train.

    Args:
        file: the bytes; read once, forwards.
        name: the file's name.
        size: bytes in the file, for the progress; 0 if unknown.
        progress: see `numbered_lines`.
        order: the class of each number; None takes FER-2013's for a table with its column `emotion`.

    Raises:
        LabelOrderError: labels are numbers, and the order isn't known.
        DatasetError: a column is missing, there are too many rows, or the file's name contradicts its `Usage`.
    """
    lines = numbered_lines(file, name, size, progress)
    first = next(lines, None)
    delimiter = None if first is None else declared_delimiter(first[1])
    if delimiter is not None:
        first = next(lines, None)
    if first is None:
        raise DatasetError(f"{name} is empty; expected the columns emotion, pixels and Usage of FER-2013.")
    header = parse_header(first[1], name, delimiter)
    known = FER2013 if header.is_fer2013 else None
    rows = _Rows(header, order or known, split_of_file(name))
    for row, (number, line) in enumerate(lines):
        if row >= MAX_IMAGES:
            raise DatasetError(f"{name} has more than {MAX_IMAGES:,} rows; split it, and import the parts.")
        _read_row(line, row, number, rows, name)
    if rows.samples.faces:
        raise LabelOrderError(name, rows.samples.faces)
    usages = None if header.usage is None else np.array(rows.usages, np.int8)
    return Table(rows.faces.reading(name, "CSV"), np.array(rows.rows, np.int64), usages)


def _read_row(line: bytes, row: int, number: int, rows: _Rows, name: str) -> None:
    header, faces = rows.header, rows.faces
    fields = split_fields(line, header.delimiter)
    usage = _usage(fields, number, rows, name)
    split = None if usage == UNKNOWN_USAGE else usage
    where = f"line {number}"
    rows.usages.append(usage)
    try:
        if len(fields) < header.n_columns:
            raise RowError(f"cut short: {len(fields)} of {header.n_columns} columns")
        text = fields[header.emotion]
        label = read_label(text, rows.order)
        if label is None and (rows.order is not None or class_number(text) is None):
            raise RowError(f"label '{text[:20]}' is not the name or number of a class{_hint(text, rows)}")
        if split is None:
            raise RowError(f"Usage '{fields[header.usage or 0][:20]}' is not Training, PublicTest or PrivateTest")
        pixels = parse_pixels(fields[header.pixels])
    except RowError as error:
        faces.reject(where, str(error), split)
        return
    if label is None:
        if rows.samples.wants(place := int(float(text))):
            rows.samples.add(place, pixels.reshape(SIDE, SIDE))
    elif not faces.is_left_out(label, where, split):
        faces.keep(pixels, label, split, where, fields[header.group] if header.group is not None else "")
        rows.rows.append(row)


def _hint(text: str, rows: _Rows) -> str:
    return "; try --labels ckplus" if text == "7" and rows.order is FER2013 else ""


def _usage(fields: list[str], number: int, rows: _Rows, name: str) -> int:
    place = rows.header.usage
    if place is None:
        return _TRAIN if rows.split is None else rows.split
    found = split_named(fields[place]) if place < len(fields) else None
    if found is not None and rows.split is not None and found != rows.split:
        raise DatasetError(
            f"{name} contradicts itself: its name says {SPLITS[rows.split]}, and line {number:,} says "
            f"'{fields[place][:20]}'; rename the file, or correct the column."
        )
    return UNKNOWN_USAGE if found is None else found
