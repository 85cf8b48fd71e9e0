"""Read image folders: a folder per split, a folder per class, an image per face."""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import SIDE
from fer.datasets.readers.collecting import Collector
from fer.datasets.readers.layouts import Layout
from fer.datasets.readers.orders import LabelOrderError, SampleFaces
from fer.datasets.readers.photos import FaceCountError
from fer.datasets.readers.trees import READ_ERRORS, Entry, Tree
from fer.datasets.readings import MAX_IMAGES, Progress, Reading, silent
from fer.errors import DatasetError, FerError, ImageError, sentence_for
from fer.text import MB, file_size
from fer.vision.images import MAX_BYTES, decode

_FILES_BETWEEN_REPORTS: Final = 100
FaceReader = Callable[[bytes], npt.NDArray[np.uint8]]


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


def read_folders(tree: Tree, layout: Layout, progress: Progress = silent, to_face: FaceReader | None = None) -> Reading:
    """Read image folders, and keep what can be read.

    Args:
        tree: the files.
        layout: where the folders are.
        progress: called every hundred files.
        to_face: cuts the face out of an image; None takes images as faces.

    Raises:
        LabelOrderError: the folders are numbered, and there is no order.
        DatasetError: there are too many files.
    """
    entries = [entry for entry in tree.entries() if layout.covers(entry.path)]
    if len(entries) > MAX_IMAGES:
        raise DatasetError(f"{tree.name} holds more than {MAX_IMAGES:,} images; split it, and import the parts.")
    if layout.numbered and layout.order is None:
        raise LabelOrderError(tree.name, _samples(tree, layout, entries))
    found = Collector()
    for index, entry in enumerate(entries):
        if index % _FILES_BETWEEN_REPORTS == 0:
            progress(index / len(entries), f"{index:,} of {len(entries):,} files read")
        _read_file(tree, layout, entry, found, to_face or decode_face)
    return found.reading(tree.name, "image folders")


def _read_file(tree: Tree, layout: Layout, entry: Entry, found: Collector, to_face: FaceReader) -> None:
    path, split = entry.path, layout.split_of(entry.path)
    try:
        if problem := layout.problem(path):
            raise ImageError(problem)
        label = layout.label_of(path)
        if label is None or split is None:
            found.leave_out(str(path), split)
            return
        found.keep(to_face(_read(tree, entry)), label, split, str(path), layout.group_of(path))
    except FaceCountError as error:
        found.leave_out(str(path), split, str(error))
    except Exception as error:  # one of many: the others continue
        if isinstance(error, FerError) and not isinstance(error, ImageError):
            raise  # the archive as a whole
        found.reject(str(path), sentence_for(error), split)


def _samples(tree: Tree, layout: Layout, entries: list[Entry]) -> dict[int, list[npt.NDArray[np.uint8]]]:
    samples = SampleFaces()
    for entry in entries:
        folder = layout.class_folder(entry.path)
        if folder is None or not samples.wants(int(folder)):
            continue
        try:
            samples.add(int(folder), decode_face(_read(tree, entry)))
        except ImageError:
            continue
    return samples.faces


def _read(tree: Tree, entry: Entry) -> bytes:
    if entry.size > MAX_BYTES:
        raise ImageError(f"the file has {file_size(entry.size)}, more than {MAX_BYTES // MB} MB")
    try:
        with tree.open(entry.path) as file:
            return file.read()
    except READ_ERRORS as error:
        raise ImageError(f"the file can't be read ({error})") from error
