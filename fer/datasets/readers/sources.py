"""Find out what a path or an upload holds, and read it with the reader for it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import IO, Final, TypeVar

from fer.datasets.readers.budget import Budget
from fer.datasets.readers.folders import FaceReader, read_folders
from fer.datasets.readers.kinds import PARQUET, TEXT, kind_of, suffix_of
from fer.datasets.readers.layouts import find_layout
from fer.datasets.readers.lines import first_line
from fer.datasets.readers.names import split_of_file
from fer.datasets.readers.npz import is_npz, read_npz
from fer.datasets.readers.opening import TABLE_SUFFIXES, is_packed_table, open_file, with_archives
from fer.datasets.readers.orders import LabelOrder
from fer.datasets.readers.parquet import read_parquet
from fer.datasets.readers.photos import PhotoCropper
from fer.datasets.readers.tables import Table, has_face_columns, read_table
from fer.datasets.readers.trees import READ_ERRORS, Entry, FolderTree, Tree
from fer.datasets.readers.votes import VOTES_FILE, Votes, has_vote_columns, is_votes_name, join_votes, read_votes
from fer.datasets.readings import Progress, Reading, concatenated, require_usable, silent
from fer.errors import DatasetError

# Kaggle's competition has both, and parts of them; they hold the same images, so the first one is read.
KNOWN_TABLES: Final = ("fer2013.csv", "icml_face_data.csv")
AnyPath = TypeVar("AnyPath", bound=PurePath)
_MAX_TABLES_LOOKED_AT: Final = 30


@dataclass(frozen=True)
class ReadOptions:
    """What a user says of a source.

    Attributes:
        votes: to join.
        order: of numbered classes.
        photos: whether the images are whole photos, from which faces are cut.
    """

    votes: Votes | None = None
    order: LabelOrder | None = None
    photos: bool = False

    def face_reader(self) -> FaceReader | None:
        """Return what cuts the face out of an image, or None if images are faces."""
        return PhotoCropper() if self.photos else None


def read_path(
    path: Path,
    votes: Path | None = None,
    progress: Progress = silent,
    order: LabelOrder | None = None,
    photos: bool = False,
) -> Reading:
    """Read labelled faces from a file or folder of any form listed in docs/data.md.

    Args:
        path: the file or folder.
        votes: a FER+ file; None takes `fer2013new.csv` next to the CSV, if there is one and the CSV has a `Usage`.
        progress: called as the work proceeds; an exception it raises ends the reading.
        order: the class of each number, if classes are numbers.
        photos: whether the images are whole photos, from which faces are cut.

    Raises:
        LabelOrderError: classes are numbers, and the order isn't known.
        DatasetError: it isn't in a known form, too much of it can't be read, or the votes don't belong to it.
    """
    options = ReadOptions(None if votes is None else _given_votes(votes, progress), order, photos)
    try:
        if path.is_dir():
            reading = _read_folder(path, options, progress)
        elif path.is_file():
            with path.open("rb") as file:
                if kind_of(path.name, file) == TEXT and not photos:
                    reading = _read_lone_csv(path, file, options, progress)
                else:
                    reading = read_tree(open_file(file, path.name, progress), options, progress)
        else:
            raise DatasetError(f"{path} doesn't exist; give FER-2013's CSV, a folder of images, or 'synthetic'.")
    except OSError as error:
        raise DatasetError(f"{path} can't be read ({error.strerror or error}); check the file.") from error
    require_usable(reading)
    return reading


def read_uploads(
    files: Mapping[str, IO[bytes]],
    progress: Progress = silent,
    order: LabelOrder | None = None,
    photos: bool = False,
) -> Reading:
    """Read labelled faces from uploaded files: a dataset, and optionally a FER+ file.

    Args:
        files: bytes by file name; they can seek, and stay open.
        progress: called as the work proceeds; an exception it raises ends the reading.
        order: the class of each number, if classes are numbers.
        photos: whether the images are whole photos, from which faces are cut.

    Raises:
        DatasetError: as `read_path` and `sort_uploads`.
    """
    try:
        name, votes_name = sort_uploads(files)
        votes = None
        if votes_name is not None:
            files[votes_name].seek(0)
            votes = read_votes(files[votes_name], votes_name, progress)
        reading = read_tree(open_file(files[name], name, progress), ReadOptions(votes, order, photos), progress)
    except OSError as error:
        raise DatasetError(f"{', '.join(files)} can't be read ({error.strerror or error}); try again.") from error
    require_usable(reading)
    return reading


def sort_uploads(files: Mapping[str, IO[bytes]]) -> tuple[str, str | None]:
    """Return the name of the dataset, and the name of the FER+ file if there is one, by its name or header.

    Raises:
        DatasetError: there is no dataset among them, or more than one, or more than one FER+ file.
    """
    votes = [name for name, file in files.items() if kind_of(name, file) == TEXT and _holds_votes(name, file)]
    data = [name for name in files if name not in votes]
    if len(data) > 1:
        raise DatasetError(f"{' and '.join(data)} are {len(data)} datasets; import one at a time.")
    if len(votes) > 1:
        raise DatasetError(f"{' and '.join(votes)} both hold FER+ votes; import the data with one of them.")
    if not data:
        what = f"{votes[0]} holds FER+ votes and no faces" if votes else "There is no file"
        raise DatasetError(f"{what}; give FER-2013's CSV or a zip, together with the votes.")
    return data[0], votes[0] if votes else None


def read_tree(tree: Tree, options: ReadOptions | None = None, progress: Progress = silent) -> Reading:
    """Read a folder, an archive or a single file: tables, parquet or npz files, else image folders.

    Raises:
        LabelOrderError: classes are numbers, and the order isn't known.
        DatasetError: there is nothing of the kind, or the votes don't belong to it.
    """
    reading = _read_known(tree, options or ReadOptions(), progress)
    if reading is None:
        raise DatasetError(
            f"{tree.name} holds neither FER-2013's CSV nor image folders such as train/happy; "
            f"docs/data.md lists the forms that are read."
        )
    return reading


def _read_folder(path: Path, options: ReadOptions, progress: Progress) -> Reading:
    tree = FolderTree(path)
    reading = _read_known(tree, options, progress)
    if reading is not None:
        return reading
    # An archive next to what was unpacked from it isn't opened: it would hold the same images again.
    return read_tree(with_archives(tree, Budget(tree.name), progress), options, progress)


def _read_known(tree: Tree, options: ReadOptions, progress: Progress) -> Reading | None:
    entries = tree.entries()
    if tables := _find_tables(tree, entries):
        _refuse_photos(tree, options)
        return _read_tables(tree, tables, entries, options, progress)
    reader = _other_reader(tree, entries, options, progress)
    if reader is not None and options.votes is not None:
        raise DatasetError("FER+ votes are joined by row, and only a CSV has the rows for it; leave the votes out.")
    return None if reader is None else reader()


def _other_reader(
    tree: Tree, entries: list[Entry], options: ReadOptions, progress: Progress
) -> Callable[[], Reading] | None:
    if is_npz({entry.path for entry in entries}):
        _refuse_photos(tree, options)
        return lambda: read_npz(tree, progress, options.order)
    if arrays := [entry for entry in entries if suffix_of(entry.path.name) == ".npz"]:
        entry = _only(arrays, tree.name)
        return lambda: _read_inner(tree, entry, options, progress)
    if parquet := [entry for entry in entries if _is_parquet(tree, entry, alone=len(entries) == 1)]:
        return lambda: _read_parquet(tree, parquet, options, progress)
    layout = find_layout((entry.path for entry in entries), tree.name, options.order)
    return None if layout is None else lambda: read_folders(tree, layout, progress, options.face_reader())


def _refuse_photos(tree: Tree, options: ReadOptions) -> None:
    if options.photos:
        raise DatasetError(f"{tree.name} holds a table of faces and no photos; import it without --photos.")


def _read_inner(tree: Tree, entry: Entry, options: ReadOptions, progress: Progress) -> Reading:
    with tree.open(entry.path) as file:
        return read_tree(open_file(file, entry.path.name, progress), options, progress)


def _is_parquet(tree: Tree, entry: Entry, alone: bool) -> bool:
    if suffix_of(entry.path.name) == ".parquet":
        return True
    if not alone or len(entry.path.parts) > 1:
        return False
    with tree.open(entry.path) as file:
        return kind_of(entry.path.name, file) == PARQUET


def _read_parquet(tree: Tree, entries: list[Entry], options: ReadOptions, progress: Progress) -> Reading:
    readings, to_face = [], options.face_reader()
    for place, entry in enumerate(entries):
        with tree.open(entry.path) as file:
            part = _part(progress, place, len(entries))
            readings.append(read_parquet(file, entry.path, part, options.order, to_face))
    return readings[0] if len(readings) == 1 else concatenated(readings, tree.name, "parquet")


def _holds_votes(name: str, file: IO[bytes]) -> bool:
    file.seek(0)
    return is_votes_name(name) or has_vote_columns(first_line(file))


def _votes_next_to(table: AnyPath, paths: Iterable[AnyPath]) -> AnyPath | None:
    """Return the FER+ file in a table's folder: the one with the exact name, else the only one with a similar name."""
    found = [path for path in paths if path.parent == table.parent and is_votes_name(path.name) and path != table]
    exact = [path for path in found if path.name == VOTES_FILE]
    if len(found) > 1 and not exact:
        several = ", ".join(sorted(path.name for path in found))
        raise DatasetError(f"There are several FER+ files next to {table.name} ({several}); keep one of them.")
    return next(iter(exact or found), None)


def _find_tables(tree: Tree, entries: list[Entry]) -> list[Entry]:
    tables = [
        entry
        for entry in entries
        if suffix_of(entry.path.name) in TABLE_SUFFIXES
        and not is_votes_name(entry.path.name)
        and not is_packed_table(tree, entry)
    ]
    if len(entries) == 1 and (tables or _is_text(tree, entries[0])):
        return entries  # whose own error says what it lacks
    for known in KNOWN_TABLES:
        if found := [entry for entry in tables if entry.path.name.lower() == known]:
            return [_only(found, tree.name)]
    return [entry for entry in tables[:_MAX_TABLES_LOOKED_AT] if _is_face_table(tree, entry)]


def _is_text(tree: Tree, entry: Entry) -> bool:
    if len(entry.path.parts) > 1 or suffix_of(entry.path.name) == ".npz":
        return False
    try:
        with tree.open(entry.path) as file:
            return kind_of(entry.path.name, file) == TEXT
    except READ_ERRORS:
        return False


def _only(candidates: list[Entry], name: str) -> Entry:
    if len(candidates) > 1:
        several = ", ".join(str(entry.path) for entry in candidates)
        raise DatasetError(f"{name} holds more than one table of faces ({several}); import one of them.")
    return candidates[0]


def _is_face_table(tree: Tree, entry: Entry) -> bool:
    try:
        with tree.open(entry.path) as file:
            return has_face_columns(first_line(file))
    except READ_ERRORS:
        return False


def _read_lone_csv(path: Path, file: IO[bytes], options: ReadOptions, progress: Progress) -> Reading:
    table = read_table(file, path.name, path.stat().st_size, progress, options.order)
    votes = options.votes
    if votes is None and table.usages is not None:
        votes_file = _votes_next_to(path, path.parent.iterdir())
        votes = None if votes_file is None else _given_votes(votes_file, _at_the_end(progress))
    return table.reading if votes is None else join_votes(table, votes)


def _read_tables(
    tree: Tree, tables: list[Entry], entries: list[Entry], options: ReadOptions, progress: Progress
) -> Reading:
    splits = [split_of_file(entry.path.name) for entry in tables]
    if len(tables) > 1 and (None in splits or len(set(splits)) < len(tables)):
        _only(tables, tree.name)
    if len(tables) == 1:
        reading = _read_csv(tree, tables[0], entries, options, progress)
        return replace(reading, notes=(*reading.notes, *_not_read(tables[0], entries)))
    if options.votes is not None:
        raise DatasetError(f"{tree.name} holds {len(tables)} tables, and FER+ votes belong to one; leave them out.")
    parts = [
        _open_table(tree, entry, options, _part(progress, place, len(tables))) for place, entry in enumerate(tables)
    ]
    return concatenated([part.reading for part in parts], tree.name, "CSV")


def _not_read(table: Entry, entries: list[Entry]) -> list[str]:
    """Return a note on the other tables of Kaggle's competition."""
    others = [
        entry.path.name
        for entry in entries
        if suffix_of(entry.path.name) == ".csv" and entry != table and not is_votes_name(entry.path.name)
    ]
    return [f"Not read: {', '.join(others[:5])}, next to {table.path.name}."] if others else []


def _open_table(tree: Tree, entry: Entry, options: ReadOptions, progress: Progress) -> Table:
    with tree.open(entry.path) as file:
        return read_table(file, entry.path.name, entry.size, progress, options.order)


def _read_csv(tree: Tree, entry: Entry, entries: list[Entry], options: ReadOptions, progress: Progress) -> Reading:
    table = _open_table(tree, entry, options, progress)
    votes = options.votes
    # Next to a table without Usage, such as train.csv, the votes belong to another table of the same folder.
    if votes is None and table.usages is not None:
        votes_file = _votes_next_to(entry.path, (other.path for other in entries))
        if votes_file is not None:
            with tree.open(votes_file) as file:
                votes = read_votes(file, votes_file.name, _at_the_end(progress))
    return table.reading if votes is None else join_votes(table, votes)


def _given_votes(path: Path, progress: Progress) -> Votes:
    try:
        with path.open("rb") as file:
            return read_votes(file, path.name, progress)
    except OSError as error:
        raise DatasetError(
            f"The votes {path} can't be read ({error.strerror}); give the FER+ file {VOTES_FILE}, or leave it out."
        ) from error


def _part(progress: Progress, place: int, n_parts: int) -> Progress:
    return lambda share, text: progress((place + share) / n_parts, text)


def _at_the_end(progress: Progress) -> Progress:
    """Report votes as the end of the work: they are read after the table, which takes nearly all of the time."""
    return lambda share, text: progress(1.0, text)
