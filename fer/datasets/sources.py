"""Find out what a path holds, and read it with the reader for it."""

from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Final

from fer.datasets.folders import read_folders
from fer.datasets.layouts import find_layout
from fer.datasets.readings import Progress, Reading, require_usable, silent
from fer.datasets.tables import Table, read_table
from fer.datasets.trees import Entry, FolderTree, Tree
from fer.datasets.votes import VOTES_FILE, Votes, join_votes, read_votes
from fer.errors import DatasetError

# The first of these that lies there is read: Kaggle's competition folder holds all three, of the same images.
KNOWN_TABLES: Final = ("fer2013.csv", "icml_face_data.csv", "train.csv")


def read_source(path: Path, votes: Path | None = None, progress: Progress = silent) -> Reading:
    """Read labelled faces from a CSV file, or from a folder that holds one or image folders.

    Args:
        path: the file or folder.
        votes: a FER+ file; None takes `fer2013new.csv` beside the CSV, where it is and the CSV has a `Usage`.
        progress: told how far it is; what it raises ends the reading.

    Raises:
        DatasetError: it is no FER-2013 in a known layout, too much of it cannot be read, or the votes do not belong.
    """
    try:
        if path.is_dir():
            reading = read_tree(FolderTree(path), votes, progress)
        elif path.is_file():
            parent = FolderTree(path.parent, path.name)
            entry = Entry(PurePosixPath(path.name), path.stat().st_size)
            beside = PurePosixPath(VOTES_FILE) if (path.parent / VOTES_FILE).is_file() else None
            reading = _read_csv(parent, entry, beside, votes, progress)
        else:
            raise DatasetError(f"{path} does not exist; give FER-2013's CSV, a folder of images, or 'synthetic'.")
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror or error}); check the file.") from error
    require_usable(reading)
    return reading


def read_tree(tree: Tree, votes: Path | None = None, progress: Progress = silent) -> Reading:
    """Read a folder or an archive: FER-2013's CSV where one lies in it, else image folders.

    Raises:
        DatasetError: there is neither, or the votes do not belong.
    """
    entries = tree.entries()
    if table := _find_table(entries, tree.name):
        beside = table.path.parent / VOTES_FILE
        found = beside if any(entry.path == beside for entry in entries) else None
        return _read_csv(tree, table, found, votes, progress)
    layout = find_layout((entry.path for entry in entries), tree.name)
    if layout is None:
        raise DatasetError(
            f"{tree.name} holds neither FER-2013's CSV nor image folders such as train/happy; "
            f"see data/README.md for the layouts that are read."
        )
    if votes is not None:
        raise DatasetError("FER+ votes are joined by row, and image folders have no rows; leave the votes out.")
    return read_folders(tree, layout, progress)


def _find_table(entries: list[Entry], name: str) -> Entry | None:
    by_name: dict[str, list[Entry]] = {}
    for entry in entries:
        by_name.setdefault(entry.path.name.lower(), []).append(entry)
    for known in KNOWN_TABLES:
        candidates = by_name.get(known, [])
        if len(candidates) > 1:
            several = ", ".join(str(entry.path) for entry in candidates)
            raise DatasetError(f"{name} holds {known} more than once ({several}); name one of them.")
        if candidates:
            return candidates[0]
    others = [
        entry for entry in entries if entry.path.suffix.lower() == ".csv" and entry.path.name.lower() != VOTES_FILE
    ]
    return others[0] if len(others) == 1 and len(entries) <= 2 else None


def _read_csv(
    tree: Tree, entry: Entry, beside: PurePosixPath | None, votes: Path | None, progress: Progress
) -> Reading:
    with ExitStack() as stack:
        table = read_table(stack.enter_context(tree.open(entry.path)), entry.path.name, entry.size, progress)
    found = _votes_for(tree, table, beside, votes)
    return table.reading if found is None else join_votes(table, found)


def _votes_for(tree: Tree, table: Table, beside: PurePosixPath | None, votes: Path | None) -> Votes | None:
    if votes is not None:
        if not votes.is_file():
            raise DatasetError(f"The votes {votes} do not exist; give the FER+ file {VOTES_FILE}, or leave it out.")
        with votes.open("rb") as file:
            return read_votes(file, votes.name)
    # Beside a table without Usage, such as train.csv, the votes belong to another table of the same folder.
    if beside is None or table.usages is None:
        return None
    with tree.open(beside) as file:
        return read_votes(file, beside.name)
