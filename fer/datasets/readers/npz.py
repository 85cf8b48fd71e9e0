"""Read npz files: numpy arrays of images and labels, perhaps a pair for each split, or `splits` and `groups`."""

import re
import tokenize
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import SIDE
from fer.datasets.faces import SPLITS
from fer.datasets.readers.collecting import TRAIN, Collector, Row, RowError, split_problem
from fer.datasets.readers.columns import GROUP_COLUMNS, SPLIT_COLUMNS
from fer.datasets.readers.folders import as_face
from fer.datasets.readers.orders import LabelOrder
from fer.datasets.readers.split_names import split_named, split_of_path
from fer.datasets.readers.trees import READ_ERRORS, Tree
from fer.datasets.readings import MAX_IMAGES, Progress, Reading, silent
from fer.errors import DatasetError, shortened
from fer.text import MB

_FACES_BETWEEN_REPORTS: Final = 500
# Of what is read whole: a column of labels, or images in Fortran order. Other images are read one by one.
_MAX_WHOLE_BYTES: Final = 100 * MB
_MAX_IMAGE_BYTES: Final = 100 * MB
# After the name of a split is taken away: 'images', 'train_images', 'x_train'.
_IMAGE_NAMES: Final = frozenset({"images", "image", "x", "faces", "pixels", "data"})
_SPLIT_NAMES: Final = frozenset({"splits", *SPLIT_COLUMNS})
_GROUP_NAMES: Final = frozenset({"groups", "subjects", "persons", *GROUP_COLUMNS})
_MOST_CLASSES: Final = 11
_LABEL_NAMES: Final = frozenset({"labels", "label", "y", "emotions", "emotion", "targets", "target"})
Array = npt.NDArray[Any]
# What numpy's parser of a header raises on damage, besides ValueError.
_HEADER_ERRORS: Final = (tokenize.TokenError, SyntaxError, TypeError, KeyError, MemoryError)


@dataclass(frozen=True)
class ArrayPair:
    """The names of an array of images and the array of their labels, and the split in these names, if any."""

    images: str
    labels: str
    split: int | None


def array_pairs(paths: set[PurePosixPath]) -> list[ArrayPair]:
    """Return the arrays of images and labels among the files of an npz, or none if there aren't any."""
    names = sorted(path.stem for path in paths if path.suffix == ".npy" and len(path.parts) == 1)
    images, labels = (_by_split(names, wanted) for wanted in (_IMAGE_NAMES, _LABEL_NAMES))
    return [ArrayPair(images[split], labels[split], split) for split in images if split in labels]


def _by_split(names: list[str], wanted: frozenset[str]) -> dict[int | None, str]:
    found: dict[int | None, str] = {}
    for name in names:
        parts = re.split(r"[_\-. ]+", name.lower())
        splits = {split_named(part) for part in parts} - {None}
        rest = [part for part in parts if split_named(part) is None]
        if len(rest) == 1 and rest[0] in wanted and len(splits) < 2:
            found.setdefault(next(iter(splits), None), name)
    return found


def read_npz(
    tree: Tree,
    path: PurePosixPath,
    progress: Progress = silent,
    order: LabelOrder | None = None,
    default: int = TRAIN,
) -> Reading:
    """Read an npz file, and keep what can be read.

    Images are (N, H, W), (N, H, W, 1), (N, H, W, 3) in RGB, or (N, 2304), whole numbers from 0 to 255. Labels are words
    or numbers, (N,) or one-hot (N, K).

    Args:
        tree: the arrays.
        path: of the npz; its name or a folder may give the split.
        progress: called every 500 images.
        order: the class of each number.
        default: the split if nothing gives one.

    Raises:
        LabelOrderError: labels are numbers, and the order isn't known.
        DatasetError: an array is missing, damaged, or of another shape or type.
    """
    found = Collector(tree.name, order, split_of_path(path), default)
    pairs = array_pairs({entry.path for entry in tree.entries()})
    if not pairs:
        names = ", ".join(entry.path.stem for entry in tree.entries())
        raise DatasetError(
            f"{tree.name} holds the arrays {shortened(names)}; expected images and labels, or train_images, "
            f"train_labels and so on."
        )
    for pair in pairs:
        _read_pair(tree, pair, found, progress)
    return found.reading("npz")


def _read_pair(tree: Tree, pair: ArrayPair, found: Collector, progress: Progress) -> None:
    with _opened(tree, pair.images) as array:
        _check_images(array, tree.name)
        n_images = array.shape[0]
        if len(found.labels) + n_images > MAX_IMAGES:
            raise DatasetError(f"{tree.name} has more than {MAX_IMAGES:,} images; split it, and import the parts.")
        labels = _labels(tree, pair.labels, n_images)
        splits = _optional(tree, _SPLIT_NAMES, n_images) if pair.split is None else None
        groups = _optional(tree, _GROUP_NAMES, n_images) if pair.split is None else None
        # A split in the arrays' names counts as a cell that names it: it mustn't contradict the file's name.
        named = None if pair.split is None else SPLITS[pair.split]
        for index, image in enumerate(array.items()):
            if index % _FACES_BETWEEN_REPORTS == 0:
                progress(index / n_images, f"{index:,} of {n_images:,} images read")
            where = f"image {index}" if named is None else f"{pair.images}, image {index}"
            text = named if splits is None else str(splits[index])
            split = found.split_in(text, where)
            problem = split_problem(text) if text is not None and split is None else ""
            group = "" if groups is None else str(groups[index])
            found.add(Row(where, str(labels[index]), split, partial(_face, image), group, problem))


def _face(image: Array) -> npt.NDArray[np.uint8]:
    if image.dtype != np.uint8:
        if image.min() < 0 or image.max() > 255:
            raise RowError("its pixels aren't whole numbers from 0 to 255")
        image = image.astype(np.uint8)
    if image.ndim == 1:
        image = image.reshape(SIDE, SIDE)
    is_grey = image.ndim == 2 or image.shape[-1] == 1
    bgr = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_GRAY2BGR if is_grey else cv2.COLOR_RGB2BGR)
    return as_face(np.asarray(bgr, np.uint8))


@dataclass(frozen=True)
class _StoredArray:
    """An array in an npz: what it says of itself, and its file, after that."""

    name: str
    npz: str
    file: IO[bytes]
    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[Any]

    @property
    def n_bytes(self) -> int:
        """Return how many bytes it has, by its shape and type."""
        n_items = 1
        for length in self.shape:
            n_items *= int(length)
        return n_items * self.dtype.itemsize

    def whole(self) -> Array:
        """Read all of it."""
        return self._read(self.n_bytes).reshape(self.shape, order="F" if self.is_fortran else "C")

    def items(self) -> Iterator[Array]:
        """Read its items one by one, as a small file can hold an array that fills the memory."""
        if self.is_fortran:
            yield from self.whole()
            return
        for _ in range(self.shape[0]):
            yield self._read(self.n_bytes // self.shape[0]).reshape(self.shape[1:])

    def _read(self, n_bytes: int) -> Array:
        try:
            data = self.file.read(n_bytes)
        except READ_ERRORS as error:
            raise _unreadable(self.npz, self.name, error) from error
        if len(data) < n_bytes:
            raise _unreadable(self.npz, self.name, EOFError("it is cut short"))
        return np.frombuffer(data, self.dtype)


@contextmanager
def _opened(tree: Tree, name: str) -> Iterator[_StoredArray]:
    """Open an array, and refuse it if it declares more than the file holds.

    Raises:
        DatasetError: it is that, or damaged.
    """
    path = PurePosixPath(f"{name}.npy")
    size = next(entry.size for entry in tree.entries() if entry.path == path)
    with ExitStack() as stack:
        try:
            file = stack.enter_context(tree.open(path))
            array = _checked(_StoredArray(name, tree.name, file, *_read_header(file)), size)
        except (*READ_ERRORS, *_HEADER_ERRORS) as error:
            raise _unreadable(tree.name, name, error) from error
        yield array


def read_value(file: IO[bytes], size: int) -> str | None:
    """Return the only value of an npy file of `size` bytes, as text; None if it hasn't one or is damaged."""
    try:
        array = _checked(_StoredArray("", "", file, *_read_header(file)), size)
        is_one = array.shape in ((), (1,)) and array.dtype.kind in "iufUS"
        return str(array.whole().reshape(-1)[0]) if is_one else None
    except (*READ_ERRORS, *_HEADER_ERRORS, DatasetError):
        return None


def _unreadable(npz: str, name: str, error: BaseException) -> DatasetError:
    reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
    return DatasetError(f"{npz}: {name} can't be read ({reason}); save it again by numpy.savez.")


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)


def _checked(array: _StoredArray, size: int) -> _StoredArray:
    if array.dtype.hasobject:
        raise ValueError("it holds Python objects, which can run code")
    if min(array.shape, default=0) < 0 or array.n_bytes > size or array.shape[:1] > (MAX_IMAGES,):
        raise ValueError(f"its shape {array.shape} is more than the file holds or than {MAX_IMAGES:,} images")
    return array


def _check_images(array: _StoredArray, name: str) -> None:
    shape, is_colour = array.shape, len(array.shape) == 4 and array.shape[-1] in (1, 3)
    is_image = len(shape) == 3 or is_colour or shape[1:] == (SIDE * SIDE,)
    if not is_image or array.dtype.kind not in "iu" or 0 in shape[1:]:
        raise DatasetError(
            f"{name}: {array.name} has {_form_of(array)}; expected (N, 48, 48) or (N, H, W, 3) of type uint8, 0 to 255."
        )
    if array.n_bytes > _MAX_IMAGE_BYTES * shape[0]:
        raise DatasetError(f"{name}: each of its {array.name} has more than {_MAX_IMAGE_BYTES // MB} MB; shrink them.")
    if array.is_fortran and array.n_bytes > _MAX_WHOLE_BYTES:
        raise DatasetError(
            f"{name}: {array.name} is stored in Fortran order; save it again, by numpy.savez with "
            f"numpy.ascontiguousarray({array.name})."
        )


def _form_of(array: _StoredArray) -> str:
    return f"the shape {shortened(str(array.shape), 40)} and type {shortened(str(array.dtype), 40)}"


def _optional(tree: Tree, names: frozenset[str], n_images: int) -> Array | None:
    found = next((entry.path.stem for entry in tree.entries() if entry.path.stem.lower() in names), None)
    return None if found is None else _column(tree, found, n_images)


def _labels(tree: Tree, name: str, n_images: int) -> Array:
    """Return the label of each image, (N,); of one-hot labels, (N, K), the place of the only 1."""
    with _opened(tree, name) as array:
        n_classes = array.shape[1] if len(array.shape) == 2 else 0
        if not 1 < n_classes <= _MOST_CLASSES or array.shape[0] != n_images or array.dtype.kind not in "iufb":
            return _column(tree, name, n_images)
        values = array.whole()
    if not (np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all()):
        raise DatasetError(
            f"{tree.name}: {name} has {n_classes} numbers for each image, and not a single 1 among zeros; save the "
            f"number of each image's class."
        )
    return np.asarray(values.argmax(axis=1))


def _column(tree: Tree, name: str, n_images: int) -> Array:
    with _opened(tree, name) as array:
        if array.shape not in ((n_images,), (n_images, 1)) or array.dtype.kind not in "iufUS":
            raise DatasetError(
                f"{tree.name}: {name} has {_form_of(array)}; expected a number or a word for each of the {n_images:,} "
                f"images."
            )
        if array.n_bytes > _MAX_WHOLE_BYTES:
            raise DatasetError(f"{tree.name}: {name} has more than {_MAX_WHOLE_BYTES // MB} MB; shorten its words.")
        values = array.whole().reshape(n_images)
    return np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values
