"""Read images whose paths say their class: a folder per split, a folder per class, an image per face."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import Final, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import SIDE
from fer.datasets.readers.collecting import Collector, Row
from fer.datasets.readers.orders import LabelOrder
from fer.datasets.readers.trees import READ_ERRORS, Entry, Tree
from fer.datasets.readings import MAX_IMAGES, Progress, Reading, silent
from fer.errors import DatasetError, ImageError
from fer.text import MB, counted, file_size
from fer.vision.files.formats import SUFFIXES
from fer.vision.images import MAX_BYTES, decode

_FACES_BETWEEN_REPORTS: Final = 100
_PHOTOS_BETWEEN_REPORTS: Final = 5
FaceReader = Callable[[bytes], npt.NDArray[np.uint8]]


class ImageLayout(Protocol):
    """Says of each image, going by its path, which class, split and group it has."""

    @property
    def form(self) -> str:
        """Return what the source is recognised as."""

    @property
    def order(self) -> LabelOrder | None:
        """Return the class of each number, if classes are numbers and the user has named it."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a user should know, a sentence each."""

    def covers(self, path: PurePosixPath) -> bool:
        """Return whether a file belongs to the layout."""

    def class_word(self, path: PurePosixPath) -> str | None:
        """Return the word or number that names the class of a file, or None."""

    def split_of(self, path: PurePosixPath) -> int | None:
        """Return the split of a covered file, or None if nothing names it."""

    def group_of(self, path: PurePosixPath) -> str:
        """Return the person or session of a file, or ''."""

    def problem(self, path: PurePosixPath) -> str | None:
        """Return why a covered file can't be imported, or None."""


def decode_face(data: bytes) -> npt.NDArray[np.uint8]:
    """Return a face image of any format and size as (48, 48) uint8 grey; an image of 48 x 48 keeps its pixels.

    Raises:
        ImageError: the bytes aren't a readable image.
    """
    return as_face(decode(data))


def as_face(image_bgr: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return an image (H, W, 3) uint8, BGR, as a face (48, 48) uint8."""
    grey = cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY)
    if grey.shape != (SIDE, SIDE):
        shrinks = min(grey.shape) >= SIDE
        grey = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(grey, np.uint8)


def read_folders(
    tree: Tree,
    entries: Sequence[Entry],
    layout: ImageLayout,
    progress: Progress = silent,
    to_face: FaceReader | None = None,
) -> Reading:
    """Read images whose paths say their class, and keep what can be read.

    Args:
        tree: the files.
        entries: those that may be read.
        layout: what the paths say.
        progress: called every hundred faces, or every five photos.
        to_face: cuts the face out of an image; None takes images as faces.

    Raises:
        LabelOrderError: the folders are numbered, and there is no order.
        DatasetError: there are too many files.
    """
    chosen = [entry for entry in entries if layout.covers(entry.path)]
    if len(chosen) > MAX_IMAGES:
        raise DatasetError(f"{tree.name} holds more than {MAX_IMAGES:,} images; split it, and import the parts.")
    found = Collector(tree.name, layout.order)
    report_every = _FACES_BETWEEN_REPORTS if to_face is None else _PHOTOS_BETWEEN_REPORTS
    for index, entry in enumerate(chosen):
        if index % report_every == 0:
            progress(index / len(chosen), f"{index:,} of {len(chosen):,} files read")
        found.add(
            Row(
                str(entry.path),
                layout.class_word(entry.path) or "",
                layout.split_of(entry.path),
                partial(read_face, tree, entry, to_face or decode_face),
                layout.group_of(entry.path),
                layout.problem(entry.path) or "",
            )
        )
    covered = {entry.path for entry in chosen}
    n_others = sum(entry.path.suffix.lower() in SUFFIXES and entry.path not in covered for entry in entries)
    notes = [*layout.notes]
    if n_others:
        notes.append(
            f"Not imported, because their folders name neither a split nor a class: {counted(n_others, 'image')}."
        )
    return replace(found.reading(layout.form), notes=tuple(notes))


def read_face(tree: Tree, entry: Entry, to_face: FaceReader) -> npt.NDArray[np.uint8]:
    """Read an image file of a tree as a face (48, 48) uint8.

    Raises:
        ImageError: it is too large or can't be read.
        FaceCountError: it is a photo without a face, or with several.
    """
    if entry.size > MAX_BYTES:
        raise ImageError(f"the file has {file_size(entry.size)}, more than {MAX_BYTES // MB} MB")
    try:
        with tree.open(entry.path) as file:
            data = file.read()
    except READ_ERRORS as error:
        raise ImageError(f"the file can't be read ({error})") from error
    return to_face(data)
