"""Read npz files: numpy arrays `images` and `labels`, optionally `splits` and `groups`."""

import tokenize
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.datasets.readers.collecting import Collector, Row, split_problem
from fer.datasets.readers.folders import as_face
from fer.datasets.readers.names import split_of_file
from fer.datasets.readers.orders import LabelOrder
from fer.datasets.readers.trees import READ_ERRORS, Tree
from fer.datasets.readings import MAX_IMAGES, Progress, Reading, silent
from fer.errors import DatasetError

_FACES_BETWEEN_REPORTS: Final = 500
Array = npt.NDArray[Any]
# What numpy's parser of a header raises on damage, besides ValueError.
_HEADER_ERRORS: Final = (tokenize.TokenError, SyntaxError, TypeError, KeyError, MemoryError)


def is_npz(paths: set[PurePosixPath]) -> bool:
    """Return whether the files of a zip are the arrays that `read_npz` reads."""
    return {PurePosixPath("images.npy"), PurePosixPath("labels.npy")} <= paths


def read_npz(tree: Tree, progress: Progress = silent, order: LabelOrder | None = None) -> Reading:
    """Read an npz file, and keep what can be read.

    `images` is (N, H, W), (N, H, W, 1) or (N, H, W, 3) in RGB, uint8; `labels` holds words or numbers, (N,).

    Raises:
        LabelOrderError: labels are numbers, and the order isn't known.
        DatasetError: an array is missing, damaged, or of another shape or type.
    """
    name = tree.name
    images = _checked_images(_array(tree, "images"), name)
    labels = _column(tree, "labels", len(images))
    splits = _optional(tree, "splits", len(images))
    groups = _optional(tree, "groups", len(images))
    found = Collector(name, order, split_of_file(name))
    for index, image in enumerate(images):
        if index % _FACES_BETWEEN_REPORTS == 0:
            progress(index / len(images), f"{index:,} of {len(images):,} images read")
        where, text = f"image {index}", None if splits is None else str(splits[index])
        split = found.split_in(text, where)
        problem = split_problem(text) if text is not None and split is None else ""
        group = "" if groups is None else str(groups[index])
        found.add(Row(where, str(labels[index]), split, partial(_face, image), group, problem))
    return found.reading("npz")


def _face(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    is_grey = image.ndim == 2 or image.shape[-1] == 1
    bgr = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_GRAY2BGR if is_grey else cv2.COLOR_RGB2BGR)
    return as_face(np.asarray(bgr, np.uint8))


def _checked_images(images: Array, name: str) -> npt.NDArray[np.uint8]:
    is_image = images.ndim == 3 or (images.ndim == 4 and images.shape[-1] in (1, 3))
    if not is_image or images.dtype != np.uint8 or 0 in images.shape[1:]:
        raise DatasetError(
            f"{name}: images has the shape {images.shape} and type {images.dtype}; expected (N, 48, 48) or "
            f"(N, H, W, 3) of type uint8, 0 to 255."
        )
    return images


def _optional(tree: Tree, name: str, n_images: int) -> Array | None:
    is_there = any(entry.path == PurePosixPath(f"{name}.npy") for entry in tree.entries())
    return _column(tree, name, n_images) if is_there else None


def _column(tree: Tree, name: str, n_images: int) -> Array:
    array = _array(tree, name)
    if array.shape != (n_images,) or array.dtype.kind not in "iufUS":
        raise DatasetError(
            f"{tree.name}: {name} has the shape {array.shape} and type {array.dtype}; expected a number or a word for "
            f"each of the {n_images:,} images."
        )
    return np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array


def _array(tree: Tree, name: str) -> Array:
    path = PurePosixPath(f"{name}.npy")
    size = next(entry.size for entry in tree.entries() if entry.path == path)
    try:
        with tree.open(path) as file:
            _check_header(file, size, tree.name)
        with tree.open(path) as file:
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    except (*READ_ERRORS, *_HEADER_ERRORS) as error:
        raise DatasetError(
            f"{tree.name}: {name} can't be read ({_reason(error)}); save it again by numpy.savez."
        ) from error


def _reason(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _check_header(file: IO[bytes], size: int, name: str) -> None:
    """Refuse an array that declares more than the file holds, before numpy makes room for it."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    n_items = 1
    for length in shape:
        n_items *= int(length)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which can run code")
    if n_items * dtype.itemsize > size or (shape and shape[0] > MAX_IMAGES):
        raise ValueError(f"it declares {n_items:,} values, more than the file holds or than {MAX_IMAGES:,} images")
