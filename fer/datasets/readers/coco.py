"""Read COCO's label files: JSON that names images, classes, and the box of each object."""

import math
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any, Final

import msgspec

from fer.datasets.readers.boxes import Box
from fer.datasets.readers.columns import MAX_GROUP, MAX_PATH
from fer.datasets.readers.kinds import suffix_of
from fer.datasets.readers.label_files import LabelledPath
from fer.datasets.readers.lines import as_utf8
from fer.datasets.readers.trees import READ_ERRORS, Entry, Tree
from fer.datasets.readings import MAX_IMAGES
from fer.errors import DatasetError
from fer.text import MB

_MAX_BYTES: Final = 100 * MB


class _Image(msgspec.Struct):
    """One image. Values of a wrong kind cost their own rows only, so any are accepted here and below."""

    id: Any = None
    file_name: Any = None


class _Object(msgspec.Struct):
    image_id: Any = None
    category_id: Any = None
    bbox: Any = None
    iscrowd: Any = 0


class _Category(msgspec.Struct):
    id: Any = None
    name: Any = None


class _Coco(msgspec.Struct):
    """The parts of the file that are read; the decoder skips the others, such as outlines."""

    images: list[_Image]
    annotations: list[_Object]
    categories: list[_Category]


def is_coco(tree: Tree, entry: Entry) -> bool:
    """Return whether a file of a tree is COCO's JSON."""
    if not is_coco_name(entry.path) or entry.size > _MAX_BYTES:
        return False
    try:
        with tree.open(entry.path) as file:
            return _decode(file) is not None
    except READ_ERRORS:
        return False


def is_coco_file(file: IO[bytes], name: str) -> bool:
    """Return whether a file that is given alone is COCO's JSON; it can seek, and is left at its start."""
    if not is_coco_name(PurePosixPath(name)):
        return False
    file.seek(0)
    found = _decode(file)
    file.seek(0)
    return found is not None


def is_coco_name(path: PurePosixPath) -> bool:
    """Return whether a label file is COCO's, of those that are read."""
    return suffix_of(path.name) == ".json"


def _decode(file: IO[bytes]) -> _Coco | None:
    """Return what a file holds, in UTF-8, UTF-16 or UTF-32; None if it is too large or isn't COCO's JSON."""
    try:
        data = as_utf8(file).read(_MAX_BYTES + 1)
        return msgspec.json.decode(data, type=_Coco) if len(data) <= _MAX_BYTES else None
    except (msgspec.MsgspecError, RecursionError, *READ_ERRORS):
        return None


def read_coco(file: IO[bytes], name: str) -> Iterator[LabelledPath]:
    """Yield a row for each object, and one for each image without any.

    Args:
        file: the bytes; read once, forwards.
        name: the file's name.

    Raises:
        DatasetError: it isn't COCO's JSON, or has too many rows.
    """
    coco = _decode(file)
    if coco is None:
        raise DatasetError(f"{name} isn't COCO's JSON, or is damaged; export it again.")
    if len(coco.annotations) + len(coco.images) > 2 * MAX_IMAGES:
        raise DatasetError(f"{name} has more than {MAX_IMAGES:,} images or boxes; split it, and import the parts.")
    images = _by_id([(image.id, image.file_name) for image in coco.images])
    classes = _by_id([(category.id, category.name) for category in coco.categories])
    shown = set()
    for number, item in enumerate(coco.annotations, 1):
        image, label = _value(images, item.image_id), _value(classes, item.category_id)
        shown.add(image)
        yield _row(f"{name}, annotation {number}", image, label, item)
    for image in images.values():
        if image not in shown:
            yield LabelledPath(f"{name}, image {image[:MAX_GROUP]}", image, "", unusable="without a labelled face")


def _by_id(pairs: list[tuple[Any, Any]]) -> dict[int | str, str]:
    return {
        key: value
        for key, value in pairs
        if isinstance(key, int | str) and isinstance(value, str) and 0 < len(value) <= MAX_PATH
    }


def _value(values: dict[int | str, str], key: Any) -> str | None:
    return values.get(key) if isinstance(key, int | str) else None


def _row(where: str, image: str | None, label: str | None, item: _Object) -> LabelledPath:
    if image is None or label is None:
        return LabelledPath(where, "", "", problem=f"the file names no such {'image' if image is None else 'class'}")
    if item.iscrowd == 1:
        return LabelledPath(where, image, label[:MAX_GROUP], unusable="a crowd and no single face")
    box = _box(item.bbox)
    return LabelledPath(where, image, label[:MAX_GROUP], box=box, problem="" if box else "its box isn't four numbers")


def _box(values: Any) -> Box | None:
    if not isinstance(values, list) or len(values) != 4:
        return None
    if not all(isinstance(value, int | float) for value in values):
        return None
    try:
        left, top, width, height = map(float, values)
    except OverflowError:
        return None
    return Box(left, top, width, height) if all(map(math.isfinite, (left, top, width, height))) else None
