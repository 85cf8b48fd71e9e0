"""Read image folders: a folder per split, a folder per class, an image per face."""

from collections.abc import Callable
from functools import partial
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import SIDE
from fer.datasets.readers.collecting import Collector, Row
from fer.datasets.readers.layouts import Layout
from fer.datasets.readers.trees import READ_ERRORS, Entry, Tree
from fer.datasets.readings import MAX_IMAGES, Progress, Reading, silent
from fer.errors import DatasetError, ImageError
from fer.text import MB, file_size
from fer.vision.images import MAX_BYTES, decode

_FACES_BETWEEN_REPORTS: Final = 100
_PHOTOS_BETWEEN_REPORTS: Final = 5
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
        progress: called every hundred faces, or every five photos.
        to_face: cuts the face out of an image; None takes images as faces.

    Raises:
        LabelOrderError: the folders are numbered, and there is no order.
        DatasetError: there are too many files.
    """
    entries = [entry for entry in tree.entries() if layout.covers(entry.path)]
    if len(entries) > MAX_IMAGES:
        raise DatasetError(f"{tree.name} holds more than {MAX_IMAGES:,} images; split it, and import the parts.")
    found = Collector(tree.name, layout.order)
    report_every = _FACES_BETWEEN_REPORTS if to_face is None else _PHOTOS_BETWEEN_REPORTS
    for index, entry in enumerate(entries):
        if index % report_every == 0:
            progress(index / len(entries), f"{index:,} of {len(entries):,} files read")
        found.add(
            Row(
                str(entry.path),
                layout.class_folder(entry.path) or "",
                layout.split_of(entry.path),
                partial(read_face, tree, entry, to_face or decode_face),
                layout.group_of(entry.path),
                layout.problem(entry.path) or "",
            )
        )
    return found.reading("image folders")


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
