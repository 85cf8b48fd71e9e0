"""Find the tables of faces in a folder or archive, and read them with the FER+ votes next to them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, Final, TypeVar

from fer.datasets.readers.annotations import find_annotations
from fer.datasets.readers.kinds import TEXT, kind_of, suffix_of
from fer.datasets.readers.lines import first_row
from fer.datasets.readers.opening import TABLE_SUFFIXES, is_packed_table
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.split_names import default_split, split_of_path
from fer.datasets.readers.tables import has_face_columns, read_table
from fer.datasets.readers.trees import READ_ERRORS, Entry, Tree
from fer.datasets.readers.votes import VOTES_FILE, Votes, is_votes_name, join_votes, read_votes
from fer.datasets.readings import Progress, Reading, concatenated, silent
from fer.errors import DatasetError

# Kaggle's competition has both, and parts of them; they hold the same images, so the first one is read.
KNOWN_TABLES: Final = ("fer2013.csv", "icml_face_data.csv")
AnyPath = TypeVar("AnyPath", bound=PurePath)
# A dataset may have one for each person.
_MAX_TABLES_LOOKED_AT: Final = 1000


def text_tables(tree: Tree, entries: Sequence[Entry]) -> list[Entry]:
    """Return the files that are called tables, and are neither archives nor annotations; of many, the first ones."""
    annotations = {entry.path for entry in find_annotations(entries)}
    found = [
        entry for entry in entries if suffix_of(entry.path.name) in TABLE_SUFFIXES and entry.path not in annotations
    ]
    return [entry for entry in found[:_MAX_TABLES_LOOKED_AT] if not is_packed_table(tree, entry)]


def header_of(tree: Tree, entry: Entry) -> list[str]:
    """Return the fields of a file's first line, or none if it can't be read."""
    try:
        with tree.open(entry.path) as file:
            return first_row(file)
    except READ_ERRORS:
        return []


def find_face_tables(tree: Tree, entries: Sequence[Entry]) -> list[Entry]:
    """Return the tables of faces among the files of a tree.

    Raises:
        DatasetError: a table that Kaggle has once is there twice.
    """
    tables = [entry for entry in text_tables(tree, entries) if not is_votes_name(entry.path.name)]
    for known in KNOWN_TABLES:
        if found := [entry for entry in tables if entry.path.name.lower() == known]:
            return [only(found, tree.name)]
    return [entry for entry in tables if has_face_columns(header_of(tree, entry))]


def is_lone_text(tree: Tree, entries: Sequence[Entry]) -> bool:
    """Return whether a tree is a single file of text, or one that is called a table."""
    if len(entries) != 1:
        return False
    path = entries[0].path
    if suffix_of(path.name) in TABLE_SUFFIXES:
        return not is_packed_table(tree, entries[0])
    if len(path.parts) > 1 or suffix_of(path.name) == ".npz":
        return False
    try:
        with tree.open(path) as file:
            return kind_of(path.name, file) == TEXT
    except READ_ERRORS:
        return False


def only(candidates: Sequence[Entry], name: str) -> Entry:
    """Return the one candidate.

    Raises:
        DatasetError: there are several.
    """
    if len(candidates) > 1:
        several = ", ".join(str(entry.path) for entry in candidates)
        raise DatasetError(f"{name} holds more than one table of faces ({several}); import one of them.")
    return candidates[0]


def read_tables(
    tree: Tree, tables: Sequence[Entry], options: ReadOptions, votes: Votes | None = None, progress: Progress = silent
) -> Reading:
    """Read tables of faces: one, with its FER+ votes if there are any, or one per split.

    Raises:
        LabelOrderError: labels are numbers, and the order isn't known.
        DatasetError: there are several tables and they aren't one per split, or the votes don't belong to the table.
    """
    splits = [split_of_path(entry.path) for entry in tables]
    if len(tables) == 1 or None in splits or len(set(splits)) < len(tables):
        return _read_one(tree, only(tables, tree.name), options, votes, progress)
    if votes is not None:
        raise DatasetError(f"{tree.name} holds {len(tables)} tables, and FER+ votes belong to one; leave them out.")
    readings = []
    for place, entry in enumerate(tables):
        with tree.open(entry.path) as file:
            told = part_of(progress, place, len(tables))
            readings.append(read_table(file, entry.path, entry.size, told, options.order).reading)
    return concatenated(readings, tree.name, "CSV")


def _read_one(tree: Tree, entry: Entry, options: ReadOptions, votes: Votes | None, progress: Progress) -> Reading:
    with tree.open(entry.path) as file:
        table = read_table(file, entry.path, entry.size, progress, options.order, default_split(tree.name))
    # Next to a table without Usage, such as train.csv, the votes belong to another table of the same folder.
    if votes is None and table.usages is not None:
        found = votes_next_to(entry.path, (other.path for other in tree.entries()))
        if found is not None:
            with tree.open(found) as file:
                votes = read_votes(file, found.name, at_the_end(progress))
    reading = table.reading if votes is None else join_votes(table, votes)
    return replace(reading, notes=(*reading.notes, *_not_read(entry, tree.entries())))


def read_lone_table(
    path: Path, file: IO[bytes], options: ReadOptions, votes: Votes | None, progress: Progress
) -> Reading:
    """Read a table of faces on disk, with the FER+ votes next to it.

    Raises:
        DatasetError: as `read_tables`.
    """
    table = read_table(file, PurePosixPath(path.name), path.stat().st_size, progress, options.order)
    if votes is None and table.usages is not None:
        found = votes_next_to(path, path.parent.iterdir())
        votes = None if found is None else read_given_votes(found, at_the_end(progress))
    return table.reading if votes is None else join_votes(table, votes)


def read_given_votes(path: Path, progress: Progress) -> Votes:
    """Read the FER+ file that a user names.

    Raises:
        DatasetError: it can't be read.
    """
    try:
        with path.open("rb") as file:
            return read_votes(file, path.name, progress)
    except OSError as error:
        raise DatasetError(
            f"The votes {path} can't be read ({error.strerror}); give the FER+ file {VOTES_FILE}, or leave it out."
        ) from error


def votes_next_to(table: AnyPath, paths: Iterable[AnyPath]) -> AnyPath | None:
    """Return the FER+ file in a table's folder: the one with the exact name, else the only one with a similar name.

    Raises:
        DatasetError: there are several with a similar name.
    """
    found = [path for path in paths if path.parent == table.parent and is_votes_name(path.name) and path != table]
    exact = [path for path in found if path.name == VOTES_FILE]
    if len(found) > 1 and not exact:
        several = ", ".join(sorted(path.name for path in found))
        raise DatasetError(f"There are several FER+ files next to {table.name} ({several}); keep one of them.")
    return next(iter(exact or found), None)


def _not_read(table: Entry, entries: Sequence[Entry]) -> list[str]:
    """Return a note on the other tables of Kaggle's competition."""
    others = [
        entry.path.name
        for entry in entries
        if suffix_of(entry.path.name) == ".csv" and entry != table and not is_votes_name(entry.path.name)
    ]
    return [f"Not read: {', '.join(others[:5])}, next to {table.path.name}."] if others else []


def part_of(progress: Progress, place: int, n_parts: int) -> Progress:
    """Return the progress of one of several parts."""
    return lambda share, text: progress((place + share) / n_parts, text)


def at_the_end(progress: Progress) -> Progress:
    """Report votes as the end of the work: they are read after the table, which takes nearly all of the time."""
    return lambda share, text: progress(1.0, text)
