"""Choose the files that say the classes of images: label files, else annotations, and not boxes of plain faces."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from fer.datasets.readers.annotations import Annotation, class_names, find_annotations, is_list_of_names
from fer.datasets.readers.coco import is_coco, is_coco_name
from fer.datasets.readers.kinds import suffix_of
from fer.datasets.readers.label_files import LabelledPath, find_label_columns
from fer.datasets.readers.listed_images import names_of, rows_of
from fer.datasets.readers.named_images import NamedImages
from fer.datasets.readers.names import class_named, class_number
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.orders import LabelOrder
from fer.datasets.readers.table_files import header_of, text_tables
from fer.datasets.readers.trees import Entry, Tree
from fer.datasets.readings import Reading
from fer.vision.files.formats import SUFFIXES

# JSON files that are looked at.
_MOST_DOCUMENTS: Final = 100
# Annotations that are read to see what they say.
_LOOKED_AT: Final = 20
# Classes or numbers.
_SEVERAL: Final = 2


@dataclass(frozen=True)
class NamingFiles:
    """The files that name images which are there.

    Attributes:
        classed: those that say the classes.
        plain: those whose boxes are of plain faces, so that folders or other files have to say the classes.
        lists: of the names of numbers in boxes.
    """

    classed: Sequence[Entry] = ()
    plain: Sequence[Entry] = ()
    lists: Sequence[Entry] = ()

    def others(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Return the files of the tree without the boxes of plain faces and the lists of their names."""
        if not self.plain:
            return entries
        unused = {entry.path for entry in (*self.plain, *self.lists)}
        return [entry for entry in entries if entry.path not in unused]

    def noted(self, reading: Reading) -> Reading:
        """Return a reading with a note about the boxes that weren't used for it."""
        if not self.plain:
            return reading
        note = f"Not used, because they name no class: the boxes in {names_of(self.plain)}."
        return replace(reading, notes=(*reading.notes, note))


def find_label_files(tree: Tree, entries: Sequence[Entry]) -> list[Entry]:
    """Return the label files of a tree: tables, and COCO's JSON."""
    tables = text_tables(tree, entries)
    found = [entry for entry in tables if find_label_columns(header_of(tree, entry)) is not None]
    documents = [entry for entry in entries if suffix_of(entry.path.name) == ".json"]
    # A dataset may have one for each of thousands of images.
    return [*found, *(entry for entry in documents[:_MOST_DOCUMENTS] if is_coco(tree, entry))]


def find_naming_files(tree: Tree, entries: Sequence[Entry], options: ReadOptions) -> NamingFiles:
    """Return the label files that name images which are there, else the annotations that do, and boxes of plain faces.

    Args:
        tree: the files.
        entries: its entries.
        options: what the user says of them.
    """
    images, check = NamedImages(entries, options.photos), _LabelCheck(entries, options.order)
    label_files = _naming(tree, find_label_files(tree, entries), images)
    says = {entry.path: check.say_classes(rows_of(tree, entry), not is_coco_name(entry.path)) for entry in label_files}
    if any(says.values()):
        # One without any label belongs to those with classes, such as that of a test split.
        plain = [entry for entry in label_files if says[entry.path] is False]
        return NamingFiles([entry for entry in label_files if entry not in plain], plain)
    annotated = _naming(tree, find_annotations(entries), images)
    names = class_names(tree, entries) if annotated else ()
    some = annotated[:: max(1, len(annotated) // _LOOKED_AT)]
    rows = [row for entry in some for row in rows_of(tree, entry, names)]
    if check.say_classes(rows):
        return NamingFiles(annotated, label_files)
    # Without a box, they may be captions that lie next to the images.
    boxes = annotated if any(row.box is not None for row in rows) else []
    return NamingFiles((), [*label_files, *boxes], [entry for entry in entries if is_list_of_names(entry.path)])


def _naming(tree: Tree, entries: Sequence[Entry], images: NamedImages) -> list[Entry]:
    return [entry for entry in entries if any(images.has(path, entry.path.parent) for path in _paths(tree, entry))]


def _paths(tree: Tree, entry: Entry) -> Iterable[str]:
    if isinstance(entry, Annotation):
        return (entry.image,)
    return (row.path for row in rows_of(tree, entry))


class _LabelCheck:
    """Tells labels of classes from those of plain faces.

    Args:
        entries: the files of the tree.
        order: the class of each number, if the user has named it.
    """

    def __init__(self, entries: Sequence[Entry], order: LabelOrder | None) -> None:
        self._entries, self._order = entries, order

    @cached_property
    def _numbers_count(self) -> bool:
        """Return whether folders don't name several classes; a single one may be a word with another meaning."""
        folders = {entry.path.parent for entry in self._entries if entry.path.suffix.lower() in SUFFIXES}
        named = {class_named(part) for folder in folders for part in folder.parts} - {None}
        return self._order is not None or len(named) < _SEVERAL

    def say_classes(self, rows: Iterable[LabelledPath], is_table: bool = False) -> bool | None:
        """Return whether rows say classes, or None if they have no label.

        A label without a box does. With boxes, one of them has to be the name of a class. Numbers are classes in a
        table. Elsewhere, one number alone is what programs write for a face, and several are classes unless folders
        name these, or if the user has named the order.
        """
        labels: set[str] = set()
        for row in rows:
            if is_table or (row.label and not row.problem and not row.unusable):
                if row.box is None or class_named(row.label) is not None:
                    return True
                labels.add(row.label)
        numbers = {class_number(label) for label in labels} - {None}
        if not labels:
            return None
        return bool(numbers) if is_table else len(numbers) >= _SEVERAL and self._numbers_count
