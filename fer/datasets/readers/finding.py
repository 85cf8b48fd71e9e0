"""Find out what a folder or archive holds, and read it with the reader for it."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from fer.datasets.readers.budget import Budget
from fer.datasets.readers.folders import FaceReader, ImageLayout, read_folders
from fer.datasets.readers.image_names import find_named_layout
from fer.datasets.readers.kinds import PARQUET, kind_of, suffix_of
from fer.datasets.readers.layouts import find_layout
from fer.datasets.readers.listed_images import read_listed
from fer.datasets.readers.naming_files import find_label_files, find_naming_files
from fer.datasets.readers.npz import array_pairs, read_npz
from fer.datasets.readers.opening import open_file, with_archives
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.orders import LabelOrder
from fer.datasets.readers.parquet import read_parquet
from fer.datasets.readers.split_names import default_split, split_of_path
from fer.datasets.readers.table_files import (
    find_face_tables,
    is_lone_text,
    only,
    part_of,
    read_tables,
)
from fer.datasets.readers.trees import Entry, FolderTree, Tree
from fer.datasets.readers.votes import Votes
from fer.datasets.readings import Progress, Reading, concatenated, silent
from fer.errors import DatasetError, shortened
from fer.vision.files.formats import SUFFIXES

# Of labels in forms that aren't read.
_OTHER_LABELS: Final = (".json", ".xml", ".mat", ".pkl", ".xlsx", ".xls", ".yaml", ".html")


def read_tree(
    tree: Tree, options: ReadOptions | None = None, votes: Votes | None = None, progress: Progress = silent
) -> Reading:
    """Read a folder, an archive or a single file: tables, npz or parquet files, label files, else image folders.

    Args:
        tree: the files.
        options: what the user says of them.
        votes: FER+ votes to join.
        progress: called as the work proceeds.

    Raises:
        LabelOrderError: classes are numbers, and the order isn't known.
        DatasetError: there is nothing of the kind, or the votes don't belong to it.
    """
    finder = _Finder(tree, options or ReadOptions(), votes, progress)
    reading = finder.read()
    if reading is None and isinstance(tree, FolderTree):
        # An archive next to what was unpacked from it isn't opened: it would hold the same images again.
        opened = with_archives(tree, Budget(tree.name), progress)
        if opened is not tree:
            finder = _Finder(opened, options or ReadOptions(), votes, progress)
            reading = finder.read()
    if reading is not None:
        return reading
    if finder.label_files:
        names = ", ".join(entry.path.name for entry in finder.label_files[:5])
        raise DatasetError(
            f"None of the images that {names} lists is in {tree.name}; put the images next to it, or zip them together."
        )
    raise _nothing_known(tree)


def _nothing_known(tree: Tree) -> DatasetError:
    """Return the error about a tree without anything that can be read, with what to do about what it holds."""
    paths = [entry.path for entry in tree.entries()]
    if any(path.parts[0] in ("xl", "word", "content.xml") and path.suffix == ".xml" for path in paths):
        return DatasetError(f"{tree.name} is a file of Office, which isn't read; save its table as CSV.")
    if any(path.name == "data.pkl" for path in paths):
        return DatasetError(
            f"{tree.name} is a file of PyTorch, which can run code and isn't read; save images and labels as npz."
        )
    if any(path.suffix.lower() in SUFFIXES for path in paths):
        other = next((path.name for path in paths if path.suffix.lower() in _OTHER_LABELS), None)
        unread = f" ({shortened(other)} isn't read)" if other else ""
        return DatasetError(
            f"{tree.name} holds images, and nothing that says their classes is recognised{unread}; sort them into "
            f"folders named by class, or add a CSV with the columns file and label."
        )
    return DatasetError(
        f"{tree.name} holds neither FER-2013's CSV nor image folders such as train/happy; docs/data.md lists the forms "
        f"that are read."
    )


def read_images(
    tree: Tree, options: ReadOptions, progress: Progress = silent, to_face: FaceReader | None = None
) -> Reading | None:
    """Read the images that label files name, else those in image folders; None if there are neither.

    Args:
        tree: the files.
        options: what the user says of them.
        progress: called as the work proceeds.
        to_face: cuts the face out of an image; None takes images as faces.

    Raises:
        LabelOrderError: classes are numbers, and the order isn't known.
        DatasetError: splits contradict each other, or there is more than one dataset.
    """
    entries = tree.entries()
    files = find_naming_files(tree, entries, options)
    if files.classed:
        return files.noted(read_listed(tree, files.classed, options, progress, to_face))
    others = files.others(entries)
    if (layout := _find_layout(tree, others, options.order)) is not None:
        return files.noted(read_folders(tree, others, layout, progress, to_face))
    # The boxes' own labels are refused with the reason.
    return read_listed(tree, files.plain, options, progress, to_face) if files.plain else None


def _find_layout(tree: Tree, entries: Sequence[Entry], order: LabelOrder | None = None) -> ImageLayout | None:
    """Return what the paths of images say: their folders, unless these have numbers at most and their names have words.

    Raises:
        DatasetError: splits contradict each other, or there is more than one dataset.
    """
    paths = [entry.path for entry in entries]
    layout = find_layout(paths, tree.name, order)
    by_name = find_named_layout(paths, tree.name) if layout is None or (layout.numbered and order is None) else None
    return by_name or layout


def labelled_images(tree: Tree) -> list[Entry]:
    """Return the images that `read_images` would read, or more, and none if the tree holds a table of faces."""
    entries = tree.entries()
    if find_face_tables(tree, entries):
        return []
    images = [entry for entry in entries if entry.path.suffix.lower() in SUFFIXES]
    files = find_naming_files(tree, entries, ReadOptions())
    layout = None if files.classed else _find_layout(tree, files.others(entries))
    if layout is not None:
        return [entry for entry in images if layout.covers(entry.path)]
    return images if files.classed or files.plain else []


class _Finder:
    """Chooses the reader for a tree."""

    def __init__(self, tree: Tree, options: ReadOptions, votes: Votes | None, progress: Progress) -> None:
        self._tree, self._options, self._votes, self._progress = tree, options, votes, progress
        self._entries = tree.entries()
        self.label_files: list[Entry] = []

    def read(self) -> Reading | None:
        """Read what there is, or return None if it is nothing known."""
        tables = find_face_tables(self._tree, self._entries)
        if not tables:
            self.label_files = find_label_files(self._tree, self._entries)
        if not tables and not self.label_files and is_lone_text(self._tree, self._entries):
            tables = self._entries  # whose own error says what it lacks
        if tables:
            self._refuse_photos()
            return read_tables(self._tree, tables, self._options, self._votes, self._progress)
        reading = self._read_other()
        if reading is not None and self._votes is not None:
            raise DatasetError("FER+ votes are joined by row, and only a CSV has the rows for it; leave the votes out.")
        return reading

    def _read_other(self) -> Reading | None:
        tree, options, progress = self._tree, self._options, self._progress
        if self._is_npz():
            self._refuse_photos()
            return read_npz(tree, PurePosixPath(tree.name), progress, options.order)
        if arrays := [entry for entry in self._entries if suffix_of(entry.path.name) == ".npz"]:
            self._refuse_photos()
            return self._read_arrays(arrays)
        if parquet := [entry for entry in self._entries if self._is_parquet(entry)]:
            return self._read_parquet(parquet)
        return read_images(tree, options, progress, options.face_reader())

    def _is_npz(self) -> bool:
        """Return whether the files are arrays: those of faces, or those of a file that is called npz."""
        paths = {entry.path for entry in self._entries}
        is_called_so = suffix_of(self._tree.name) == ".npz" and not isinstance(self._tree, FolderTree)
        has_arrays_only = bool(paths) and all(path.suffix == ".npy" for path in paths)
        return bool(array_pairs(paths)) or (is_called_so and has_arrays_only)

    def _refuse_photos(self) -> None:
        if self._options.photos:
            raise DatasetError(f"{self._tree.name} holds a table of faces and no photos; import it without --photos.")

    def _read_arrays(self, entries: Sequence[Entry]) -> Reading:
        """Read npz files: one, or one per split."""
        splits = [split_of_path(entry.path) for entry in entries]
        if None in splits or len(set(splits)) < len(entries):
            entries = [only(entries, self._tree.name)]
        readings = []
        for place, entry in enumerate(entries):
            told = part_of(self._progress, place, len(entries))
            with self._tree.open(entry.path) as file:
                inner = open_file(file, entry.path.name, told)
                default = default_split(self._tree.name)
                readings.append(read_npz(inner, entry.path, told, self._options.order, default))
        return readings[0] if len(readings) == 1 else concatenated(readings, self._tree.name, "npz")

    def _is_parquet(self, entry: Entry) -> bool:
        if suffix_of(entry.path.name) == ".parquet":
            return True
        if len(self._entries) > 1 or len(entry.path.parts) > 1:
            return False
        with self._tree.open(entry.path) as file:
            return kind_of(entry.path.name, file) == PARQUET

    def _read_parquet(self, entries: Sequence[Entry]) -> Reading:
        readings, to_face = [], self._options.face_reader()
        for place, entry in enumerate(entries):
            with self._tree.open(entry.path) as file:
                told = part_of(self._progress, place, len(entries))
                default = default_split(self._tree.name)
                readings.append(read_parquet(file, entry.path, told, self._options.order, to_face, default))
        return readings[0] if len(readings) == 1 else concatenated(readings, self._tree.name, "parquet")
