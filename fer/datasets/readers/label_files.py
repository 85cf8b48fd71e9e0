"""Read label files: tables that name image files and their classes, such as AffectNet's, RAF-DB's and FER+'s."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Final

from fer.datasets.faces import VOTE_COLUMNS
from fer.datasets.readers.columns import (
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
from fer.datasets.readers.names import class_in_cell, class_number, split_named
from fer.datasets.readings import MAX_IMAGES, Progress, silent
from fer.errors import DatasetError
from fer.vision.files.formats import SUFFIXES

_N_VOTES: Final = len(VOTE_COLUMNS)
# A FER+ label.csv has no header: the image, its box, and the votes.
_FERPLUS_COLUMNS: Final = 2 + _N_VOTES
_MOST_COLUMNS_WITHOUT_HEADER: Final = 3
NO_MAJORITY: Final = "no class has more than half of its votes"


@dataclass(frozen=True)
class Columns:
    """The positions of the columns of a label file; either `label` or `votes` is there.

    Attributes:
        image: the path of the image.
        label: its class.
        votes: ten columns of FER+ votes, by `VOTE_COLUMNS`, or ().
        split: train, validation or test, or None.
        group: a person or session, or None.
        has_header: whether the first line names the columns.
    """

    image: int
    label: int | None = None
    votes: tuple[int, ...] = ()
    split: int | None = None
    group: int | None = None
    has_header: bool = True


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
    """

    where: str
    path: str
    label: str
    split: str | None = None
    group: str = ""
    votes: tuple[int, ...] = ()
    problem: str = ""
    unusable: str = ""


def find_label_columns(first: list[str]) -> Columns | None:
    """Return the columns of a label file by its first line, or None if it isn't one.

    Without a header, a line is a path, a class and perhaps a split, or a path, a box and ten votes as in FER+.
    """
    names = [name.strip().lower() for name in first]
    image, label = find_column(names, PATH_COLUMNS), find_column(names, LABEL_COLUMNS)
    if image is not None and PIXELS_COLUMN not in names:
        votes = tuple(names.index(name.lower()) for name in VOTE_COLUMNS if name.lower() in names)
        split, group = find_column(names, SPLIT_COLUMNS), find_column(names, GROUP_COLUMNS)
        if len(votes) == _N_VOTES:
            return Columns(image, None, votes, split, group)
        return None if label is None else Columns(image, label, (), split, group)
    return _without_header(first)


def _without_header(first: list[str]) -> Columns | None:
    if not first or PurePosixPath(first[0]).suffix.lower() not in SUFFIXES:
        return None
    if len(first) == _FERPLUS_COLUMNS and all(cell.isdecimal() for cell in first[2:]):
        return Columns(0, None, tuple(range(2, _FERPLUS_COLUMNS)), has_header=False)
    if len(first) > _MOST_COLUMNS_WITHOUT_HEADER:
        return None
    places = range(1, len(first))
    label = next((place for place in places if _is_class(first[place])), None)
    split = next((place for place in places if split_named(first[place]) is not None), None)
    return None if label is None else Columns(0, label, (), split, has_header=False)


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
    n_columns = 1 + max(columns.image, columns.label or 0, *columns.votes, columns.split or 0, columns.group or 0)
    problem = "" if len(cells) >= n_columns else f"cut short: {len(cells)} of {n_columns} columns"
    padded = [*cells, *[""] * n_columns]
    split = None if columns.split is None else padded[columns.split]
    group = "" if columns.group is None else padded[columns.group]
    path = padded[columns.image]
    if len(path) > MAX_PATH or len(group) > MAX_GROUP:
        return LabelledPath(where, "", "", problem=f"a name of more than {MAX_GROUP:,} characters")
    if columns.label is not None:
        return LabelledPath(where, path, padded[columns.label][:MAX_GROUP], split, group, problem=problem)
    texts = [padded[place] for place in columns.votes]
    if not all(text.isascii() and text.isdecimal() and int(text) <= 255 for text in texts):
        return LabelledPath(where, path, "", split, group, problem=problem or "its votes aren't whole numbers")
    votes = tuple(map(int, texts))
    best = max(range(_N_VOTES), key=votes.__getitem__)
    unusable = NO_MAJORITY if 2 * votes[best] <= sum(votes) else ""
    return LabelledPath(where, path, VOTE_COLUMNS[best], split, group, votes, problem, unusable)
