"""FER-2013 as image folders: a folder a split, a folder a class, an image a face."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import SIDE
from fer.datasets.faces import FaceDataset
from fer.datasets.readers.layouts import Layout
from fer.datasets.readers.trees import READ_ERRORS, Entry, Tree
from fer.datasets.readings import MAX_IMAGES, Progress, Reading, Rejection, silent
from fer.errors import DatasetError, ImageError
from fer.text import MB, encodable
from fer.vision.images import MAX_BYTES, decode

_FILES_BETWEEN_REPORTS: Final = 100


def decode_face(data: bytes) -> npt.NDArray[np.uint8]:
    """A face image of any format and size as (48, 48) uint8 grey; one of 48 x 48 keeps its pixels.

    Raises:
        ImageError: the bytes are isn't a readable image safely.
    """
    grey = cv2.cvtColor(decode(data), cv2.COLOR_BGR2GRAY)
    if grey.shape != (SIDE, SIDE):
        shrinks = min(grey.shape) >= SIDE
        grey = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(grey, np.uint8)


def read_folders(tree: Tree, layout: Layout, progress: Progress = silent) -> Reading:
    """Read image folders, keeping what can be read.

    Args:
        tree: the files.
        layout: where the folders lie in it.
        progress: told every hundred files.

    Raises:
        DatasetError: there are far too many files.
    """
    entries = [entry for entry in tree.entries() if layout.covers(entry.path)]
    if len(entries) > MAX_IMAGES:
        raise DatasetError(f"{tree.name} holds more than {MAX_IMAGES:,} images; FER-2013 has 35,887.")
    images, labels, splits, origins = bytearray(), [], [], []
    rejected: list[Rejection] = []
    for index, entry in enumerate(entries):
        if index % _FILES_BETWEEN_REPORTS == 0:
            progress(index / len(entries), f"{index:,} of {len(entries):,} files read")
        label, split = layout.label_of(entry.path), layout.split_of(entry.path)
        try:
            if label is None or split is None:
                raise ImageError(f"its folder names no {'split' if split is None else 'class'}")
            image = decode_face(_read(tree, entry))
        except ImageError as error:
            rejected.append(Rejection(encodable(str(entry.path)), str(error).rstrip("."), split))
            continue
        images += image.tobytes()
        labels.append(label)
        splits.append(split)
        origins.append(encodable(str(entry.path)))
    dataset = FaceDataset(
        name=encodable(tree.name),
        images=np.frombuffer(images, np.uint8).reshape(-1, SIDE, SIDE),
        labels=np.array(labels, np.int64),
        splits=np.array(splits, np.uint8),
    )
    return Reading(dataset, tuple(origins), tuple(rejected), form="image folders")


def _read(tree: Tree, entry: Entry) -> bytes:
    if entry.size > MAX_BYTES:
        raise ImageError(f"the file has {entry.size / MB:.0f} MB, more than {MAX_BYTES // MB}")
    try:
        with tree.open(entry.path) as file:
            return file.read()
    except READ_ERRORS as error:
        raise ImageError(f"the file cannot be read ({error})") from error
