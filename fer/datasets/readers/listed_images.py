"""Read the images that label files name."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.datasets.faces import SPLITS
from fer.datasets.readers.annotations import Annotation, class_names, find_annotations, read_annotation
from fer.datasets.readers.boxes import Box
from fer.datasets.readers.coco import is_coco, read_coco
from fer.datasets.readers.collecting import Collector, Row, RowError, split_problem
from fer.datasets.readers.folders import FaceReader, decode_face, read_face
from fer.datasets.readers.label_files import LabelledPath, read_label_file
from fer.datasets.readers.named_images import NamedImages
from fer.datasets.readers.names import class_named
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.orders import read_label
from fer.datasets.readers.split_lists import SplitLists
from fer.datasets.readers.split_names import default_split, split_of_image, split_of_path
from fer.datasets.readers.trees import Entry, Tree
from fer.datasets.readings import MAX_IMAGES, Progress, Reading, silent
from fer.errors import DatasetError
from fer.text import counted, listed

_REPORT_EVERY: Final = 100
# Label files in a note.
_MOST_NAMED: Final = 5
_UNLISTED: Final = "no list of a split names its image"


def rows_of(tree: Tree, entry: Entry, names: Sequence[str] = ()) -> Iterable[LabelledPath]:
    """Yield the rows of a label file or an annotation.

    Args:
        tree: the files.
        entry: one of them.
        names: the classes by number, see `class_names`.

    Raises:
        DatasetError: a label file is damaged.
    """
    is_json = is_coco(tree, entry)
    with tree.open(entry.path) as file:
        if isinstance(entry, Annotation):
            yield from read_annotation(file, entry, names)
        elif is_json:
            yield from read_coco(file, entry.path.name)
        else:
            yield from read_label_file(file, entry.path.name, entry.size)


def read_listed(
    tree: Tree,
    label_files: Sequence[Entry],
    options: ReadOptions,
    progress: Progress = silent,
    to_face: FaceReader | None = None,
) -> Reading:
    """Read the images that label files name, and keep what can be read.

    Args:
        tree: the files.
        label_files: the label files among them.
        options: the order of numbered classes, and whether images are whole photos.
        progress: called as the work proceeds.
        to_face: cuts the face out of an image; None follows the options.

    Raises:
        LabelOrderError: classes are numbers, and the order isn't known.
        DatasetError: a label file is damaged, or splits contradict each other.
    """
    reader = _ListedReader(tree, label_files, options, to_face or options.face_reader() or decode_face)
    for entry in label_files:
        reader.read_rows(entry)
    return reader.read(progress, names_of(label_files))


def names_of(files: Sequence[Entry]) -> str:
    """Return the names of files for a note, the first five if there are more."""
    names = [entry.path.name for entry in files]
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


class _ListedReader:
    """Reads the rows of label files, then the images that they name."""

    def __init__(self, tree: Tree, label_files: Sequence[Entry], options: ReadOptions, to_face: FaceReader) -> None:
        self._tree, self._order, self._to_face = tree, options.order, to_face
        entries = tree.entries()
        self._images = NamedImages(entries, options.photos)
        self._classes = class_names(tree, entries)
        others = {entry.path for entry in (*label_files, *find_annotations(entries))}
        self._lists = SplitLists(tree, [entry for entry in entries if entry.path not in others], self._images)
        self._rows: list[tuple[LabelledPath, Entry]] = []
        self._named: dict[tuple[PurePosixPath, Box | None], str] = {}
        self._n_differing = 0

    def read_rows(self, entry: Entry) -> None:
        """Read the rows of one label file."""
        for row in rows_of(self._tree, entry, self._classes):
            self._rows.append((row, entry))
            if len(self._rows) > MAX_IMAGES:
                raise DatasetError(f"{self._tree.name} has labels for more than {MAX_IMAGES:,} images; split it.")

    def read(self, progress: Progress, label_files: str) -> Reading:
        """Read the images of all rows."""
        found = Collector(self._tree.name, self._order)
        names = (PurePosixPath(row.path).name for row, _ in self._rows)
        by_image = all(split_of_image(name) is not None for name in names)
        votes: list[tuple[int, ...]] = []
        for number, (row, entry) in enumerate(self._rows):
            if number % _REPORT_EVERY == 0:
                progress(number / len(self._rows), f"{number:,} of {len(self._rows):,} images read")
            if found.add(self._located(row, entry, by_image)):
                votes.append(row.votes)
        return self._with_notes(found.reading("label files"), label_files, votes)

    def _located(self, row: LabelledPath, entry: Entry, by_image: bool) -> Row:
        problem, unusable, split, face = row.problem, row.unusable, self._own_split(row, entry), _nothing
        try:
            image = self._images.find(row.path, entry.path.parent, split)
            if first := self._named.get((image.path, row.box)):
                raise RowError(f"{first} names the same image")
            self._named[image.path, row.box] = row.where
            split = self._agreed(split, image, row)
            if split is None and row.split is None:
                unusable = unusable or (_UNLISTED if self._lists.names else "")
                split = split_of_image(image.path.name) if by_image else default_split(self._tree.name)
            # A box says which face is meant, so none is searched for.
            to_face = self._to_face if row.box is None else row.box.cut
            face = partial(read_face, self._tree, image, to_face)
            self._compare(row, image)
        except RowError as error:
            problem = problem or str(error)
        if row.split is not None and split is None:
            problem = problem or split_problem(row.split)
        return Row(row.where, row.label, split, face, row.group, problem, unusable)

    def _own_split(self, row: LabelledPath, entry: Entry) -> int | None:
        """Return the split that the row, or else the name or folder of its label file, gives."""
        in_name = None if isinstance(entry, Annotation) else split_of_path(entry.path)
        return Collector(entry.path.name, split=in_name).split_in(row.split, row.where) if row.split else in_name

    def _agreed(self, split: int | None, image: Entry, row: LabelledPath) -> int | None:
        """Return the split that the label file, the folder of the image, or a list gives, or None without one.

        Raises:
            DatasetError: they contradict each other.
        """
        in_folder = self._images.splits.only(image.path)
        if None not in (split, in_folder) and split != in_folder:
            raise DatasetError(
                f"{row.where} says {SPLITS[split or 0]}, and {image.path} lies in {SPLITS[in_folder or 0]}; correct "
                f"one of them."
            )
        said, in_list = in_folder if split is None else split, self._lists.of(image.path)
        if None not in (said, in_list) and said != in_list:
            raise DatasetError(
                f"{image.path} is in the list for {SPLITS[in_list or 0]}, and its label file or folder says "
                f"{SPLITS[said or 0]}; correct one of them."
            )
        # A cell that names no known split is told as such.
        return split if row.split is not None else in_list if said is None else said

    def _compare(self, row: LabelledPath, image: Entry) -> None:
        folders = {class_named(part) for part in image.path.parts[:-1]} - {None}
        label = read_label(row.label, self._order)
        self._n_differing += bool(folders) and label is not None and label not in folders

    def _with_notes(self, reading: Reading, names: str, votes: list[tuple[int, ...]]) -> Reading:
        notes = [f"The labels are those in {names}."]
        if self._n_differing:
            notes.append(f"{counted(self._n_differing, 'label')} differ from the folder that the image lies in.")
        if any(box is not None for _, box in self._named):
            notes.append("Each face was cut out at the box that its label file gives.")
        if self._lists.names:
            notes.append(f"The splits are those in {listed(self._lists.names[:_MOST_NAMED])}.")
        if n_unnamed := self._images.n_images - len({path for path, _ in self._named}):
            notes.append(f"Not imported, because no label file names them: {counted(n_unnamed, 'image')}.")
        dataset = reading.dataset
        if votes and all(votes):
            dataset = replace(dataset, votes=np.array(votes, np.uint8))
        return replace(reading, dataset=dataset, notes=(*reading.notes, *notes))


def _nothing() -> npt.NDArray[np.uint8]:
    raise RowError("its image isn't there")
