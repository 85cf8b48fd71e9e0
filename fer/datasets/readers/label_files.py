"""Read label files: tables that name image files and their classes, such as AffectNet's, RAF-DB's and FER+'s."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import IO, Final

from fer.datasets.faces import VOTE_COLUMNS
from fer.datasets.readers.boxes import Box, between
from fer.datasets.readers.columns import (
    CORNER_COLUMNS,
    GROUP_COLUMNS,
    LABEL_COLUMNS,
    MAX_GROUP,
    MAX_PATH,
    PATH_COLUMNS,
    PIXELS_COLUMN,
    SPLIT_COLUMNS,
    find_column,
)
from fer.datasets.readers.lines import numbered_rows
from fer.datasets.readers.names import class_in_cell, class_number
from fer.datasets.readers.split_names import split_named
from fer.datasets.readings import MAX_IMAGES, Progress, silent
from fer.errors import DatasetError
from fer.vision.files.formats import SUFFIXES

_N_VOTES: Final = len(VOTE_COLUMNS)
# A FER+ label.csv has no header: the image, its box, and the votes.
_FERPLUS_COLUMNS: Final = 2 + _N_VOTES
_MOST_COLUMNS_WITHOUT_HEADER: Final = 3
# A line of ExpW: an image, the number of a face, its top, left, right and bottom, a confidence; then the class.
_EXPW: Final = re.compile(r"(.+\.\w+) \d+ (-?\d+) (-?\d+) (-?\d+) (-?\d+) [\d.]+")
_LEAST_CLASSES: Final = 2
NO_MAJORITY: Final = "no class has more than half of its votes"


@dataclass(frozen=True)
class Columns:
    """The positions of the columns of a label file; one of `label`, `votes` and `classes` is there.

    Attributes:
        image: the path of the image.
        label: its class.
        votes: ten columns of FER+ votes, by `VOTE_COLUMNS`, or ().
        classes: a column for each class, with 1 in that of the image's class, and their names; or ().
        split: train, validation or test, or None.
        group: a person or session, or None.
        corners: of the box of the face: left, top, right, bottom; or ().
        is_expw: whether the box is part of the image's column, as in ExpW.
        has_header: whether the first line names the columns.
    """

    image: int
    label: int | None = None
    votes: tuple[int, ...] = ()
    classes: tuple[tuple[int, str], ...] = ()
    split: int | None = None
    group: int | None = None
    corners: tuple[int, ...] = ()
    is_expw: bool = False
    has_header: bool = True

    @property
    def n_columns(self) -> int:
        """Return the number of columns that a complete row has at least."""
        classes = [place for place, _ in self.classes]
        others = (self.label or 0, self.split or 0, self.group or 0)
        return 1 + max(self.image, *others, *self.votes, *classes, *self.corners)


@dataclass(frozen=True, slots=True)
class LabelledPath:
    """One row of a label file.

    Attributes:
        where: such as 'train.csv, line 12'.
        path: of the image, as it is written.
        label: the word or number of its class.
        split: the cell that names the split, or None without such a column.
        group: the person or session, or ''.
        votes: ten FER+ votes, or ().
        problem: why the row can't be read, or ''.
        unusable: why the row can be read and isn't used, or ''.
        box: of the face in the image, or None if the image is a face.
    """

    where: str
    path: str
    label: str
    split: str | None = None
    group: str = ""
    votes: tuple[int, ...] = ()
    problem: str = ""
    unusable: str = ""
    box: Box | None = None


def find_label_columns(first: list[str]) -> Columns | None:
    """Return the columns of a label file by its first line, or None if it isn't one.

    Without a header, a line is a path, a class and perhaps a split; or a path, a box and ten votes as in FER+; or a
    path, a box and a class as in ExpW.
    """
    names = [name.strip().lower() for name in first]
    image, label = find_column(names, PATH_COLUMNS), find_column(names, LABEL_COLUMNS)
    if image is not None and PIXELS_COLUMN not in names:
        votes = tuple(names.index(name.lower()) for name in VOTE_COLUMNS if name.lower() in names)
        split, group = find_column(names, SPLIT_COLUMNS), find_column(names, GROUP_COLUMNS)
        if len(votes) == _N_VOTES:
            return Columns(image, votes=votes, split=split, group=group)
        if label is not None:
            return Columns(image, label, split=split, group=group, corners=_corners(names))
        classes = tuple((place, name) for place, name in enumerate(names) if class_in_cell(name) is not None)
        return Columns(image, classes=classes, split=split, group=group) if len(classes) >= _LEAST_CLASSES else None
    return _without_header(first)


def _corners(names: list[str]) -> tuple[int, ...]:
    found = next((wanted for wanted in CORNER_COLUMNS if set(wanted) <= set(names)), ())
    return tuple(names.index(name) for name in found)


def _without_header(first: list[str]) -> Columns | None:
    if len(first) == 2 and _EXPW.fullmatch(first[0]) and class_number(first[1]) is not None:
        return Columns(0, 1, is_expw=True, has_header=False)
    if len(first) == 2 and not _is_image(first[0]) and _is_image(first[1]) and _is_class(first[0]):
        return Columns(1, 0, has_header=False)
    if not first or not _is_image(first[0]):
        return None
    if len(first) == _FERPLUS_COLUMNS and all(cell.isdecimal() for cell in first[2:]):
        return Columns(0, votes=tuple(range(2, _FERPLUS_COLUMNS)), has_header=False)
    if len(first) > _MOST_COLUMNS_WITHOUT_HEADER:
        return None
    places = range(1, len(first))
    label = next((place for place in places if _is_class(first[place])), None)
    split = next((place for place in places if split_named(first[place]) is not None), None)
    return None if label is None else Columns(0, label, split=split, has_header=False)


def _is_image(cell: str) -> bool:
    return PurePosixPath(cell.replace("\\", "/")).suffix.lower() in SUFFIXES


def _is_class(cell: str) -> bool:
    return class_in_cell(cell) is not None or class_number(cell) is not None


def read_label_file(file: IO[bytes], name: str, size: int = 0, progress: Progress = silent) -> Iterator[LabelledPath]:
    """Yield the rows of a label file.

    Args:
        file: the bytes; read once, forwards.
        name: the file's name.
        size: bytes in the file, for the progress; 0 if unknown.
        progress: see `numbered_lines`.

    Raises:
        DatasetError: it isn't a label file, is damaged, or has too many rows.
    """
    columns: Columns | None = None
    for place, (number, cells) in enumerate(numbered_rows(file, name, size, progress)):
        if place > MAX_IMAGES:
            raise DatasetError(f"{name} has more than {MAX_IMAGES:,} rows; split it, and import the parts.")
        if columns is None:
            columns = find_label_columns(cells)
            if columns is None:
                raise DatasetError(f"{name} names no images and classes; expected columns such as file and label.")
            if columns.has_header:
                continue
        yield _row(cells, f"{name}, line {number}", columns)


def _row(cells: list[str], where: str, columns: Columns) -> LabelledPath:
    problem = "" if len(cells) >= columns.n_columns else f"cut short: {len(cells)} of {columns.n_columns} columns"
    padded = [*cells, *[""] * columns.n_columns]
    split = None if columns.split is None else padded[columns.split]
    group = "" if columns.group is None else padded[columns.group]
    path, box = padded[columns.image], None
    if columns.is_expw and (found := _EXPW.fullmatch(path)):
        top, left, right, bottom = map(float, found.groups()[1:])
        path, box = found[1], between(left, top, right, bottom)
    elif columns.corners:
        box = _box([padded[place] for place in columns.corners])
        problem = problem or ("" if box else "the corners of its box aren't numbers")
    if len(path) > MAX_PATH or len(group) > MAX_GROUP:
        return LabelledPath(where, "", "", problem=f"a name of more than {MAX_GROUP:,} characters")
    if columns.classes:
        return _one_hot(padded, columns, LabelledPath(where, path, "", split, group, problem=problem))
    if columns.label is not None:
        return LabelledPath(where, path, padded[columns.label][:MAX_GROUP], split, group, problem=problem, box=box)
    return _most_voted(padded, columns, LabelledPath(where, path, "", split, group, problem=problem))


def _box(cells: list[str]) -> Box | None:
    try:
        return between(*map(float, cells))
    except ValueError:
        return None


def _one_hot(cells: list[str], columns: Columns, row: LabelledPath) -> LabelledPath:
    """Return a row with the class whose column has a 1."""
    values = [(name, class_number(cells[place])) for place, name in columns.classes]
    if not all(value in (0, 1) for _, value in values):
        return replace(row, problem=row.problem or "the columns of its classes aren't 0 or 1")
    marked = [name for name, value in values if value]
    if len(marked) == 1:
        return replace(row, label=marked[0])
    return replace(row, unusable="several classes are marked" if marked else "no class is marked")


def _most_voted(cells: list[str], columns: Columns, row: LabelledPath) -> LabelledPath:
    """Return a row with the class that most people chose."""
    texts = [cells[place] for place in columns.votes]
    if not all(text.isascii() and text.isdecimal() and int(text) <= 255 for text in texts):
        return replace(row, problem=row.problem or "its votes aren't whole numbers")
    votes = tuple(map(int, texts))
    best = max(range(_N_VOTES), key=votes.__getitem__)
    unusable = NO_MAJORITY if 2 * votes[best] <= sum(votes) else ""
    return replace(row, label=VOTE_COLUMNS[best], votes=votes, unusable=unusable)
