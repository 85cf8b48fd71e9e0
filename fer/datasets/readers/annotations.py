"""Read annotations: files that hold the labels of one image, as AffectNet, CK+, YOLO, Darknet and Pascal VOC have them.

YOLO's lie in `labels`, next to `images`. Darknet's lie next to the images. Pascal VOC's lie in `Annotations`, next to
`JPEGImages`, or next to the images.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Final
from xml.etree import ElementTree

import yaml

from fer.datasets.readers.boxes import Box, between
from fer.datasets.readers.columns import MAX_GROUP
from fer.datasets.readers.label_files import LabelledPath
from fer.datasets.readers.npz import read_value
from fer.datasets.readers.trees import READ_ERRORS, Entry, Tree
from fer.vision.files.formats import SUFFIXES

_AFFECTNET: Final = "_exp.npy"
_CKPLUS: Final = "_emotion.txt"
_BOXES, _VOC = ".txt", ".xml"
_YOLO_FOLDER, _YOLO_IMAGES = "labels", "images"
_VOC_FOLDER: Final = "annotations"
_VOC_IMAGES: Final = ("JPEGImages", "images")
# A line of YOLO is a class and a box, or a class and the corners of a polygon.
_LEAST_YOLO_VALUES: Final = 5
_MAX_ANNOTATION_BYTES: Final = 100_000
_MAX_NAMES_BYTES: Final = 20_000
_UNREADABLE: Final = "its annotation can't be read"
_WITHOUT_FACE: Final = "without a labelled face"
# Lists of Darknet's classes: its own name for one, labelImg's and Roboflow's.
_NAMES_FILES: Final = ("classes.txt", "_darknet.labels")

_NamesReader = Callable[[bytes], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Annotation(Entry):
    """A file with the labels of one image, and the path of that image without its suffix."""

    image: str


def find_annotations(entries: Sequence[Entry]) -> list[Annotation]:
    """Return the annotations among the files of a tree: by their paths, and by the images that are there."""
    images = _OfImages(entries)
    found = ((entry, _image_of(entry.path) or images.image_of(entry.path)) for entry in entries)
    return [Annotation(entry.path, entry.size, image) for entry, image in found if image is not None]


def _image_of(path: PurePosixPath) -> str | None:
    """Return the path of the image of an annotation that is known by its own path, or None."""
    if path.name.endswith(_AFFECTNET) and path.parent.name == "annotations":
        return f"images/{path.name.removesuffix(_AFFECTNET)}"
    if path.name.endswith(_CKPLUS):
        return path.name.removesuffix(_CKPLUS)
    if path.suffix == _BOXES and _YOLO_FOLDER in path.parts[:-1]:
        return _with_folder(path, _YOLO_FOLDER, _YOLO_IMAGES)
    return None


def _with_folder(path: PurePosixPath, folder: str, other: str) -> str:
    """Return a path without its suffix, and with another folder in place of the last one of a name in small letters."""
    parts = [part.lower() for part in path.parts[:-1]]
    place = len(parts) - 1 - parts[::-1].index(folder)
    return "/".join([*path.parts[:place], other, *path.parts[place + 1 : -1], path.stem])


class _OfImages:
    """Annotations that only the images tell from other files of their kind, such as tables and settings."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        is_needed = any(entry.path.suffix.lower() in (_BOXES, _VOC) for entry in entries)
        images = [entry.path for entry in entries if entry.path.suffix.lower() in SUFFIXES] if is_needed else []
        self._paths = {_stem(image) for image in images}
        self._names = {image.stem for image in images}

    def image_of(self, path: PurePosixPath) -> str | None:
        """Return the path of the image that a file annotates, without its suffix, or None if it is no annotation."""
        suffix = path.suffix.lower()
        if suffix not in (_BOXES, _VOC):
            return None
        places = [_stem(path)]
        if suffix == _VOC and _VOC_FOLDER in (part.lower() for part in path.parts[:-1]):
            places += [_with_folder(path, _VOC_FOLDER, other) for other in _VOC_IMAGES]
        found = next((place for place in places if place in self._paths), None)
        return path.stem if found is None and suffix == _VOC and path.stem in self._names else found


def _stem(path: PurePosixPath) -> str:
    return str(path)[: -len(path.suffix)]


def class_names(tree: Tree, entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the names of the classes by number, from YOLO's `data.yaml` or Darknet's list, or none without them."""
    files = [entry for entry in entries if entry.size <= _MAX_NAMES_BYTES and is_list_of_names(entry.path)]
    for entry in sorted(files, key=lambda entry: len(entry.path.parts)):
        if names := _names_in(tree, entry):
            return tuple(name[:MAX_GROUP] for name in names)
    return ()


def is_list_of_names(path: PurePosixPath) -> bool:
    """Return whether a file is called as a list of the classes of numbers is."""
    return _names_reader(path) is not None


def _names_reader(path: PurePosixPath) -> _NamesReader | None:
    if path.suffix.lower() in (".yaml", ".yml"):
        return _yaml_names
    return _listed_names if path.suffix == ".names" or path.name in _NAMES_FILES else None


def _names_in(tree: Tree, entry: Entry) -> Sequence[str]:
    read = _names_reader(entry.path)
    try:
        with tree.open(entry.path) as file:
            return read(file.read(_MAX_NAMES_BYTES)) if read else ()
    except (*READ_ERRORS, yaml.YAMLError, KeyError, TypeError, RecursionError):
        return ()


def _yaml_names(data: bytes) -> Sequence[str]:
    names = yaml.safe_load(data)["names"]
    values = [names[number] for number in range(len(names))]
    return [str(name) for name in values] if all(isinstance(name, str | int) for name in values) else ()


def _listed_names(data: bytes) -> Sequence[str]:
    return [line.strip() for line in data.decode("utf-8-sig").strip().splitlines()]


def read_annotation(file: IO[bytes], annotation: Annotation, names: Sequence[str]) -> Iterator[LabelledPath]:
    """Yield the labels of one image: one, or with boxes one per face.

    Args:
        file: the bytes of the annotation.
        annotation: its path and size, and its image.
        names: the classes by number, see `class_names`.
    """
    image, where = annotation.image, str(annotation.path)
    if annotation.path.name.endswith(_AFFECTNET):
        label = read_value(file, annotation.size)
        yield LabelledPath(where, image, label or "", problem=_UNREADABLE if label is None else "")
        return
    data = file.read(_MAX_ANNOTATION_BYTES)
    if annotation.path.name.endswith(_CKPLUS):
        number = _number(data.decode("utf-8", "replace"))
        person = PurePosixPath(image).name.split("_")[0]
        yield LabelledPath(where, image, str(number), group=person, problem=_UNREADABLE if number is None else "")
    elif annotation.path.suffix.lower() == _VOC:
        yield from _or_no_face(_voc_rows(where, image, data), where, image)
    else:
        yield from _or_no_face(_yolo_rows(where, image, data, names), where, image)


def _or_no_face(rows: Iterable[LabelledPath], where: str, image: str) -> Iterator[LabelledPath]:
    row = None
    for row in rows:
        yield row
    if row is None:
        yield LabelledPath(where, image, "", unusable=_WITHOUT_FACE)


def _voc_rows(where: str, image: str, data: bytes) -> Iterator[LabelledPath]:
    """Yield a row for each object of Pascal VOC."""
    # Entities, which could multiply, have no place in an annotation, in UTF-16 neither.
    if b"<!" in data.replace(b"\0", b"").replace(b"<!--", b""):
        yield LabelledPath(where, image, "", problem=_UNREADABLE)
        return
    try:
        objects = ElementTree.fromstring(data).findall("object")
    except (ElementTree.ParseError, LookupError, ValueError):
        yield LabelledPath(where, image, "", problem=_UNREADABLE)
        return
    for number, item in enumerate(objects, 1):
        place, label, box = f"{where}, object {number}", (item.findtext("name") or "").strip(), _voc_box(item)
        problem = "" if label and box else _UNREADABLE
        yield LabelledPath(place, image, label[:MAX_GROUP], box=box, problem=problem)


def _voc_box(item: ElementTree.Element) -> Box | None:
    try:
        corners = [float(item.findtext(f"bndbox/{name}") or "") for name in ("xmin", "ymin", "xmax", "ymax")]
    except ValueError:
        return None
    return between(*corners) if all(map(math.isfinite, corners)) else None


def _yolo_rows(where: str, image: str, data: bytes, names: Sequence[str]) -> Iterator[LabelledPath]:
    """Yield a row for each line of YOLO or Darknet."""
    lines = [line.split() for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    for number_of_line, cells in enumerate(lines, 1):
        place = f"{where}, line {number_of_line}"
        number, box = _number(cells[0]), _yolo_box(cells[1:])
        if number is None or box is None:
            yield LabelledPath(place, image, "", problem=_UNREADABLE)
        elif names and number >= len(names):
            yield LabelledPath(place, image, "", problem=f"class {number} isn't in the list of {len(names)} names")
        else:
            yield LabelledPath(place, image, names[number] if names else str(number), box=box)


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
