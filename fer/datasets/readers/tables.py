"""Read a CSV of faces row by row: `fer2013.csv`, `icml_face_data.csv`, `train.csv` and others of that form."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from fer.arrays import SIDE
from fer.datasets.readers.collecting import TRAIN, Collector, Row, RowError, split_problem
from fer.datasets.readers.columns import (
    FER2013_LABEL,
    GROUP_COLUMNS,
    LABEL_COLUMNS,
    MAX_GROUP,
    PIXELS_COLUMN,
    SPLIT_COLUMNS,
    find_column,
)
from fer.datasets.readers.lines import numbered_rows, read_header
from fer.datasets.readers.orders import FER2013, LabelOrder
from fer.datasets.readers.split_names import split_of_path
from fer.datasets.readings import MAX_IMAGES, Progress, Reading, silent
from fer.errors import DatasetError

N_PIXELS: Final = SIDE * SIDE
UNKNOWN_USAGE: Final = -1
_PIXEL_NAME: Final = re.compile(r"(pixels?|px|p|x)?[ _]?\d+", re.IGNORECASE)
_WHOLE_FRACTION: Final = re.compile(r"\.0*(?=\s|$)")


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
    """The positions of the columns; `usage` and `group` are None if there is no such column.

    Pixels are one column of text, or as many columns as there are pixels, of which `pixels` is the first.
    """

    emotion: int
    pixels: int
    usage: int | None
    group: int | None = None
    is_fer2013: bool = True
    n_pixel_columns: int = 1

    @property
    def n_columns(self) -> int:
        """Return the number of columns that a complete row has at least."""
        last_pixel = self.pixels + self.n_pixel_columns - 1
        return 1 + max(self.emotion, last_pixel, self.usage or 0, self.group or 0)


def find_columns(names: list[str], name: str) -> Header:
    """Find the columns of a table of faces in its header, in any case.

    Raises:
        DatasetError: there is no column of pixels or of labels.
    """
    labels, pixels, n_pixel_columns = find_column(names, LABEL_COLUMNS), find_column(names, (PIXELS_COLUMN,)), 1
    if pixels is None:
        pixels, n_pixel_columns = _first_pixel(names), N_PIXELS
    if labels is None or pixels is None:
        missing = PIXELS_COLUMN if pixels is None else FER2013_LABEL
        raise DatasetError(
            f"{name} has no column '{missing}'; its first line needs the columns emotion, pixels and Usage of "
            "FER-2013, or a column with names of images and one with their labels."
        )
    is_fer2013 = names[labels].lower() == FER2013_LABEL
    split, group = find_column(names, SPLIT_COLUMNS), find_column(names, GROUP_COLUMNS)
    return Header(labels, pixels, split, group, is_fer2013, n_pixel_columns)


def _first_pixel(names: list[str]) -> int | None:
    """Return the position of the first of 2,304 columns such as pixel0, pixel1, ..., or None without them."""
    places = [place for place, name in enumerate(names) if _PIXEL_NAME.fullmatch(name.strip())]
    is_one_row = len(places) == N_PIXELS == places[-1] - places[0] + 1
    return places[0] if is_one_row else None


def has_face_columns(names: list[str]) -> bool:
    """Return whether a header has the columns of a table of faces."""
    has_pixels = find_column(names, (PIXELS_COLUMN,)) is not None or _first_pixel(names) is not None
    return has_pixels and find_column(names, LABEL_COLUMNS) is not None


def parse_pixels(text: str) -> npt.NDArray[np.uint8]:
    """Return the pixels of a row, (2304,) uint8.

    Raises:
        RowError: not 2,304 whole numbers from 0 to 255.
    """
    if not text[:1].isdecimal():
        text = text.lstrip("[( ").rstrip(")] ")
    if "," in text or "." in text:
        # A printed list, or numbers that were fractions for a while.
        text = _WHOLE_FRACTION.sub("", text.replace(",", " "))
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
    file: IO[bytes],
    path: PurePosixPath,
    size: int = 0,
    progress: Progress = silent,
    order: LabelOrder | None = None,
    default: int = TRAIN,
) -> Table:
    """Read a CSV of faces, and keep what can be read.

    Without a column `Usage`, the split is the one in the name of the file ('test.csv') or of its folder.

    Args:
        file: the bytes; read once, forwards.
        path: the file's path.
        size: bytes in the file, for the progress; 0 if unknown.
        progress: see `numbered_lines`.
        order: the class of each number; None takes FER-2013's for a table with its column `emotion`.
        default: the split if nothing gives one.

    Raises:
        LabelOrderError: labels are numbers, and the order isn't known.
        DatasetError: a column is missing, there are too many rows, or the file's name contradicts its `Usage`.
    """
    name = path.name
    rows = numbered_rows(file, name, size, progress)
    names = read_header(rows, f"{name} is empty; expected the columns emotion, pixels and Usage of FER-2013.")
    header = find_columns(names, name)
    order = order or (FER2013 if header.is_fer2013 else None)
    found = Collector(name, order, split_of_path(path), default)
    kept: list[int] = []
    usages: list[int] = []
    for place, (number, fields) in enumerate(rows):
        if place >= MAX_IMAGES:
            raise DatasetError(f"{name} has more than {MAX_IMAGES:,} rows; split it, and import the parts.")
        row = _row(fields, number, header, found)
        usages.append(UNKNOWN_USAGE if row.split is None else row.split)
        if found.add(row):
            kept.append(place)
    known = None if header.usage is None else np.array(usages, np.int8)
    return Table(found.reading("CSV"), np.array(kept, np.int64), known)


def _row(fields: list[str], number: int, header: Header, found: Collector) -> Row:
    where = f"line {number}"
    is_short = len(fields) < header.n_columns
    cells = [*fields, *[""] * header.n_columns]
    usage = None if header.usage is None else cells[header.usage]
    split = found.split_in(usage, where)
    problem = split_problem(usage) if usage is not None and split is None else ""
    if is_short:
        problem = f"cut short: {len(fields)} of {header.n_columns} columns"
    group = "" if header.group is None else cells[header.group]
    if len(group) > MAX_GROUP:
        problem, group = f"a group of more than {MAX_GROUP} characters", ""
    pixels = cells[header.pixels : header.pixels + header.n_pixel_columns]
    return Row(where, cells[header.emotion], split, lambda: parse_pixels(" ".join(pixels)), group, problem)
