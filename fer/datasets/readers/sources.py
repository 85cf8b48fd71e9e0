"""Find out what a path or an upload holds, and read it with the reader for it."""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import IO, Final, TypeVar

from fer.datasets.readers.archives import ZipTree
from fer.datasets.readers.folders import read_folders
from fer.datasets.readers.layouts import find_layout
from fer.datasets.readers.tables import MAX_HEADER_BYTES, has_face_columns, read_table
from fer.datasets.readers.trees import READ_ERRORS, Entry, FolderTree, Tree, UploadTree
from fer.datasets.readers.votes import VOTES_FILE, Votes, has_vote_columns, is_votes_name, join_votes, read_votes
from fer.datasets.readings import Progress, Reading, require_usable, silent
from fer.errors import DatasetError

# The first of these that lies there is read: Kaggle's competition folder holds all three, of the same images.
KNOWN_TABLES: Final = ("fer2013.csv", "icml_face_data.csv", "train.csv")
AnyPath = TypeVar("AnyPath", bound=PurePath)
_MAX_TABLES_LOOKED_AT: Final = 30


def read_path(path: Path, votes: Path | None = None, progress: Progress = silent) -> Reading:
    """Read labelled faces from a CSV file, a folder or a zip; the last two hold a CSV or image folders.

    Args:
        path: the file or folder.
        votes: a FER+ file; None takes `fer2013new.csv` beside the CSV, where it is and the CSV has a `Usage`.
        progress: told how far it is; what it raises ends the reading.

    Raises:
        DatasetError: it is no FER-2013 in a known layout, too much of it cannot be read, or the votes do not belong.
    """
    given = None if votes is None else _given_votes(votes, progress)
    try:
        if path.is_dir():
            reading = read_tree(FolderTree(path), given, progress)
        elif path.is_file():
            with path.open("rb") as file:
                if _is_zip(path.name, file):
                    reading = read_tree(ZipTree(file, path.name), given, progress)
                else:
                    reading = _read_lone_csv(path, file, given, progress)
        else:
            raise DatasetError(f"{path} does not exist; give FER-2013's CSV, a folder of images, or 'synthetic'.")
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror or error}); check the file.") from error
    require_usable(reading)
    return reading


def read_uploads(files: Mapping[str, IO[bytes]], progress: Progress = silent) -> Reading:
    """Read labelled faces from files that a browser sent: a zip or a CSV, and a FER+ file beside it if wanted.

    Args:
        files: bytes by file name; they can seek, and stay open.
        progress: told how far it is; what it raises ends the reading.

    Raises:
        DatasetError: as `read_path` and `sort_uploads`.
    """
    try:
        reading = _read_files(files, progress)
    except OSError as error:
        raise DatasetError(f"{', '.join(files)} cannot be read ({error.strerror or error}); try again.") from error
    require_usable(reading)
    return reading


def sort_uploads(files: Mapping[str, IO[bytes]]) -> tuple[str, str | None]:
    """Which of the files is the dataset, and which, if any, holds the FER+ votes, by its name or its header.

    Raises:
        DatasetError: there is no dataset among them, or more than one, or more than one file of votes.
    """
    votes = [name for name, file in files.items() if not _is_zip(name, file) and _holds_votes(name, file)]
    sets = [name for name in files if name not in votes]
    if len(sets) > 1:
        raise DatasetError(f"{' and '.join(sets)} are {len(sets)} datasets; import one at a time.")
    if len(votes) > 1:
        raise DatasetError(f"{' and '.join(votes)} both hold FER+ votes; import the data with one of them.")
    if not sets:
        what = f"{votes[0]} holds FER+ votes and no faces" if votes else "There is no file"
        raise DatasetError(f"{what}; give FER-2013's CSV or a zip, and the votes beside it.")
    return sets[0], votes[0] if votes else None


def _read_files(files: Mapping[str, IO[bytes]], progress: Progress) -> Reading:
    name, beside = sort_uploads(files)
    votes = None
    if beside is not None:
        files[beside].seek(0)
        votes = read_votes(files[beside], beside, progress)
    file = files[name]
    return read_tree(ZipTree(file, name) if _is_zip(name, file) else UploadTree({name: file}, name), votes, progress)


def read_tree(tree: Tree, votes: Votes | None = None, progress: Progress = silent) -> Reading:
    """Read a folder or an archive: FER-2013's CSV where one lies in it, else image folders.

    Raises:
        DatasetError: there is neither, or the votes do not belong.
    """
    entries = tree.entries()
    if table := _find_table(tree, entries):
        return _read_csv(tree, table, entries, votes, progress)
    layout = find_layout((entry.path for entry in entries), tree.name)
    if layout is None:
        raise DatasetError(
            f"{tree.name} holds neither FER-2013's CSV nor image folders such as train/happy; "
            f"see data/README.md for the layouts that are read."
        )
    if votes is not None:
        raise DatasetError("FER+ votes are joined by row, and image folders have no rows; leave the votes out.")
    return read_folders(tree, layout, progress)


def _is_zip(name: str, file: IO[bytes]) -> bool:
    # By its name too, so that a zip that is cut short is not taken for a CSV.
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    return name.lower().endswith(".zip") or start == b"PK\x03\x04"


def _holds_votes(name: str, file: IO[bytes]) -> bool:
    file.seek(0)
    return is_votes_name(name) or has_vote_columns(file.readline(MAX_HEADER_BYTES))


def _votes_beside(table: AnyPath, paths: Iterable[AnyPath]) -> AnyPath | None:
    """The file of votes in a table's folder: of the very name, else the only one of a like name."""
    found = [path for path in paths if path.parent == table.parent and is_votes_name(path.name) and path != table]
    exact = [path for path in found if path.name == VOTES_FILE]
    if len(found) > 1 and not exact:
        several = ", ".join(sorted(path.name for path in found))
        raise DatasetError(f"Beside {table.name} lie several files of FER+ votes ({several}); keep one of them.")
    return next(iter(exact or found), None)


def _find_table(tree: Tree, entries: list[Entry]) -> Entry | None:
    tables = [entry for entry in entries if entry.path.suffix.lower() == ".csv" and not is_votes_name(entry.path.name)]
    if len(entries) == len(tables) == 1:
        return tables[0]  # whose own error says what it lacks
    for known in KNOWN_TABLES:
        if found := _only([entry for entry in tables if entry.path.name.lower() == known], tree.name):
            return found
    return _only([entry for entry in tables[:_MAX_TABLES_LOOKED_AT] if _is_face_table(tree, entry)], tree.name)


def _only(candidates: list[Entry], name: str) -> Entry | None:
    if len(candidates) > 1:
        several = ", ".join(str(entry.path) for entry in candidates)
        raise DatasetError(f"{name} holds more than one table of faces ({several}); name one of them.")
    return candidates[0] if candidates else None


def _is_face_table(tree: Tree, entry: Entry) -> bool:
    try:
        with tree.open(entry.path) as file:
            return has_face_columns(file.readline(MAX_HEADER_BYTES))
    except READ_ERRORS:
        return False


def _read_lone_csv(path: Path, file: IO[bytes], votes: Votes | None, progress: Progress) -> Reading:
    table = read_table(file, path.name, path.stat().st_size, progress)
    if votes is None and table.usages is not None:
        beside = _votes_beside(path, path.parent.iterdir())
        votes = None if beside is None else _given_votes(beside, _at_the_end(progress))
    return table.reading if votes is None else join_votes(table, votes)


def _read_csv(tree: Tree, entry: Entry, entries: list[Entry], votes: Votes | None, progress: Progress) -> Reading:
    with tree.open(entry.path) as file:
        table = read_table(file, entry.path.name, entry.size, progress)
    # Beside a table without Usage, such as train.csv, the votes belong to another table of the same folder.
    if votes is None and table.usages is not None:
        beside = _votes_beside(entry.path, (other.path for other in entries))
        if beside is not None:
            with tree.open(beside) as file:
                votes = read_votes(file, beside.name, _at_the_end(progress))
    return table.reading if votes is None else join_votes(table, votes)


def _given_votes(path: Path, progress: Progress) -> Votes:
    try:
        with path.open("rb") as file:
            return read_votes(file, path.name, progress)
    except OSError as error:
        raise DatasetError(
            f"The votes {path} cannot be read ({error.strerror}); give the FER+ file {VOTES_FILE}, or leave it out."
        ) from error


def _at_the_end(progress: Progress) -> Progress:
    """For votes that are read after their table, which takes nearly all of the time."""
    return lambda share, text: progress(1.0, text)
