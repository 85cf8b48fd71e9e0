"""Image folders: which split and class a path means, in the layouts that people have."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from fer.datasets.faces import SPLITS
from fer.datasets.readers.names import class_named, class_number
from fer.datasets.readers.orders import LabelOrder
from fer.datasets.readers.split_names import FolderSplits, split_of_file, split_of_image
from fer.errors import DatasetError
from fer.vision.files.formats import SUFFIXES

_MAX_NUMBER: Final = 10
_SERIES: Final = re.compile(r"(\D*)\d+")
# Numbered folders of these names are datasets rather than persons or sessions.
_DATASETS: Final = re.compile(r"(v|ver|version|set|dataset|copy|fer)[ _-]?", re.IGNORECASE)
# Folders that say nothing about the images in them.
_GENERIC: Final = frozenset({"images", "image", "imgs", "img", "faces", "data", "pictures", "photos"})
_MOST_NAMED: Final = 5
Folders = tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """Where the image folders are.

    Attributes:
        name: of the folder or archive.
        root: the folders above all splits and classes.
        split: the split of images whose path names none, or None.
        by_folder: whether folders name splits.
        splits: reads these names.
        by_file: whether the images' names start with their split.
        numbered: whether folders name classes by number.
        order: the class of each number, if the user has named it.
        notes: what a user should know about the layout, a sentence each.
    """

    form = "image folders"

    name: str
    root: Folders
    split: int | None = None
    by_folder: bool = False
    by_file: bool = False
    numbered: bool = False
    order: LabelOrder | None = None
    splits: FolderSplits = field(default_factory=FolderSplits)
    notes: tuple[str, ...] = ()

    def covers(self, path: PurePosixPath) -> bool:
        """Return whether a file belongs to the layout. One that names no class or split is covered, and rejected."""
        folders = self._folders(path)
        if not folders:
            return False
        if self.class_word(path) is not None:
            return True
        if self.by_folder:
            return self.splits.named(folders[0]) is not None
        return path.suffix.lower() in SUFFIXES

    def split_of(self, path: PurePosixPath) -> int | None:
        """Return the split, an index into `SPLITS`, of a covered file, or None if nothing names it."""
        named = [split for folder in self._folders(path) if (split := self.splits.named(folder)) is not None]
        if named:
            return named[0]
        return split_of_image(path.name) if self.by_file else self.split

    def class_word(self, path: PurePosixPath) -> str | None:
        """Return the folder that names the class of a file, or None."""
        return next((folder for folder in self._folders(path) if self._is_class(folder)), None)

    def problem(self, path: PurePosixPath) -> str | None:
        """Return why a covered file can't be imported, going by its path, or None."""
        if self.split_of(path) is None:
            return "its folder names no split"
        if len({class_named(folder) for folder in self._folders(path)} - {None}) > 1:
            return "its folders name two classes"
        return None if self.class_word(path) is not None else "its folder names no class"

    def group_of(self, path: PurePosixPath) -> str:
        """Return the folders of a file that name neither class nor split, such as a person's; '' if there are none."""
        chosen = self.class_word(path)
        rest = [folder for folder in self._folders(path) if folder != chosen and self.splits.named(folder) is None]
        return "/".join(folder for folder in rest if folder.lower() not in _GENERIC)

    def _folders(self, path: PurePosixPath) -> Folders:
        depth = len(self.root)
        return path.parts[depth:-1] if path.parts[:depth] == self.root else ()

    def _is_class(self, folder: str) -> bool:
        return (_number(folder) if self.numbered else class_named(folder)) is not None


def _number(folder: str) -> int | None:
    number = class_number(folder)
    return number if number is not None and number <= _MAX_NUMBER else None


def find_layout(paths: Iterable[PurePosixPath], name: str, order: LabelOrder | None = None) -> Layout | None:
    """Find image folders below a root: `train/happy/`, `happy/train/` or `happy/`, inside any outer folders.

    Args:
        paths: every file below the root.
        name: of the root; images in a root that is called 'test' are test images.
        order: the class of each number, for folders named 0, 1, 2, ...

    Returns:
        The layout, or None if there are no image folders.

    Raises:
        DatasetError: there is more than one layout, or a path names two splits.
    """
    found = [path for path in paths if len(path.parts) > 1]
    by_word = [path for path in found if any(class_named(folder) is not None for folder in path.parts[:-1])]
    by_number = [path for path in found if any(_number(folder) is not None for folder in path.parts[:-1])]
    numbers = {next(folder for folder in path.parts[:-1] if _number(folder) is not None) for path in by_number}
    if not by_word and len(numbers) < 2:
        return None
    numbered = not by_word
    labelled = by_number if numbered else by_word
    splits = FolderSplits.of(labelled)
    root, by_folder, persons = _find_root(labelled, name, numbered, splits)
    by_file = False
    split = None
    if not by_folder:
        split = split_of_file(name)
        by_file = split is None and all(split_of_image(path.name) is not None for path in labelled)
        split = SPLITS.index("train") if split is None and not by_file else split
    notes = (f"Folders above the classes, such as {persons[0]}, are kept as each image's group.",) if persons else ()
    return Layout(name, root, split, by_folder, by_file, numbered, order, splits, notes)


def _find_root(
    labelled: list[PurePosixPath], name: str, numbered: bool, splits: FolderSplits
) -> tuple[Folders, bool, list[str]]:
    """Return the folders above all splits and classes, whether folders name splits, and the persons above classes."""
    with_split: set[Folders] = set()
    without: set[Folders] = set()
    for path in labelled:
        folders, named = path.parts[:-1], splits.in_path(path)
        if len(set(named.values())) > 1:
            both = " and ".join(folders[place] for place in named)
            raise DatasetError(f"{name} contradicts itself: {path} lies in {both}; move it to one of them.")
        is_class = _number if numbered else class_named
        place = next(place for place, folder in enumerate(folders) if is_class(folder) is not None)
        (with_split if named else without).add(folders[: min([place, *named])])
    roots = with_split or without
    if with_split:
        # A class folder next to the splits belongs to the layout, and is rejected; one elsewhere is another dataset.
        first = next(iter(with_split))
        roots = with_split | {root for root in without if root[: len(first)] != first}
    persons = _persons(roots)
    if len(roots) > 1 and not persons:
        names = sorted("/".join(root) or name for root in roots)
        several = ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
        raise DatasetError(
            f"{name} holds more than one dataset of image folders ({several}); import one of them. If they are "
            f"persons, move them into the classes, as in happy/ann."
        )
    return (next(iter(roots))[:-1] if persons else next(iter(roots))), bool(with_split), persons


def _persons(roots: set[Folders]) -> list[str]:
    """Return the last folders if they are a numbered series, such as S001 and S002 above the classes, else none."""
    last = sorted({root[-1] for root in roots if root})
    series = [_SERIES.fullmatch(folder) for folder in last]
    stems = {found[1] for found in series if found is not None}
    is_series = None not in series and len(stems) == 1 and len({root[:-1] for root in roots}) == 1
    if any(_DATASETS.fullmatch(stem) for stem in stems):
        return []
    return last if len(roots) > 1 and len(last) == len(roots) and is_series else []
