"""Read annotations: files that hold the label of one image, as AffectNet, CK+ and YOLO have them."""

import math
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import IO, Final

import yaml

from fer.datasets.readers.boxes import Box
from fer.datasets.readers.columns import MAX_GROUP
from fer.datasets.readers.label_files import LabelledPath
from fer.datasets.readers.npz import read_value
from fer.datasets.readers.trees import READ_ERRORS, Entry, Tree

_AFFECTNET: Final = "_exp.npy"
_CKPLUS: Final = "_emotion.txt"
_YOLO_FOLDER, _YOLO_SUFFIX = "labels", ".txt"
# A line of YOLO is a class and a box, or a class and the corners of a polygon.
_LEAST_YOLO_VALUES: Final = 5
_MAX_ANNOTATION_BYTES: Final = 100_000
_MAX_YAML_BYTES: Final = 20_000
_UNREADABLE: Final = "its annotation can't be read"


def is_annotation(path: PurePosixPath) -> bool:
    """Return whether a file holds the label of one image, going by its path."""
    return annotated_image(path) is not None


def annotated_image(path: PurePosixPath) -> str | None:
    """Return the path of the image that a file annotates, without its suffix, or None if the file is no annotation."""
    if path.name.endswith(_AFFECTNET) and path.parent.name == "annotations":
        return f"images/{path.name.removesuffix(_AFFECTNET)}"
    if path.name.endswith(_CKPLUS):
        return path.name.removesuffix(_CKPLUS)
    if path.suffix == _YOLO_SUFFIX and _YOLO_FOLDER in path.parts[:-1]:
        place = len(path.parts) - 1 - path.parts[::-1].index(_YOLO_FOLDER)
        return "/".join([*path.parts[:place], "images", *path.parts[place + 1 : -1], path.stem])
    return None


def class_names(tree: Tree, entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the names of the classes by number, from the `data.yaml` of YOLO, or none without it."""
    files = [entry for entry in entries if entry.path.suffix.lower() in (".yaml", ".yml")]
    for entry in sorted(files, key=lambda entry: len(entry.path.parts)):
        if entry.size <= _MAX_YAML_BYTES and (names := _names_in(tree, entry)):
            return names
    return ()


def _names_in(tree: Tree, entry: Entry) -> tuple[str, ...]:
    try:
        with tree.open(entry.path) as file:
            names = yaml.safe_load(file.read(_MAX_YAML_BYTES))["names"]
        values = [names[number] for number in range(len(names))]
        if not all(isinstance(name, str | int) for name in values):
            return ()
    except (*READ_ERRORS, yaml.YAMLError, KeyError, TypeError, RecursionError):
        return ()
    return tuple(str(name)[:MAX_GROUP] for name in values)


def read_annotation(file: IO[bytes], entry: Entry, names: Sequence[str]) -> Iterator[LabelledPath]:
    """Yield the labels of one image: one, or for YOLO one per face.

    Args:
        file: the bytes of the annotation.
        entry: its path and size.
        names: the classes by number, see `class_names`.
    """
    image, where = annotated_image(entry.path) or "", str(entry.path)
    if entry.path.name.endswith(_AFFECTNET):
        label = read_value(file, entry.size)
        yield LabelledPath(where, image, label or "", problem=_UNREADABLE if label is None else "")
        return
    text = file.read(_MAX_ANNOTATION_BYTES).decode("utf-8", "replace")
    if entry.path.name.endswith(_CKPLUS):
        number = _number(text)
        person = PurePosixPath(image).name.split("_")[0]
        yield LabelledPath(where, image, str(number), group=person, problem=_UNREADABLE if number is None else "")
        return
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if not lines:
        yield LabelledPath(where, image, "", unusable="without a labelled face")
    for number_of_line, cells in enumerate(lines, 1):
        yield _yolo_row(f"{where}, line {number_of_line}", image, cells, names)


def _yolo_row(where: str, image: str, cells: list[str], names: Sequence[str]) -> LabelledPath:
    number, box = _number(cells[0]), _yolo_box(cells[1:])
    if number is None or box is None or (names and number >= len(names)):
        return LabelledPath(where, image, "", problem=_UNREADABLE)
    return LabelledPath(where, image, names[number] if names else str(number), box=box)


def _number(text: str) -> int | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if value in range(100) else None


def _yolo_box(cells: list[str]) -> Box | None:
    """Return the box of a line: its centre and size, or what holds a polygon, in shares of the image."""
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        return None
    if len(values) < _LEAST_YOLO_VALUES - 1 or not all(map(math.isfinite, values)):
        return None
    if len(values) <= _LEAST_YOLO_VALUES:  # perhaps with a confidence
        x, y, width, height = values[:4]
        return Box(x - width / 2, y - height / 2, width, height, is_relative=True)
    left, top = min(values[::2]), min(values[1::2])
    return Box(left, top, max(values[::2]) - left, max(values[1::2]) - top, is_relative=True)
