"""Split names: the words that people use for splits in folders, files and tables."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final, Self

from fer.datasets.faces import SPLITS
from fer.errors import DatasetError

_SPLIT_WORDS: Final = {
    "train": "training",
    "validation": "val valid dev development publictest",
    "test": "testing privatetest",
}
_SPLITS: Final = {
    **{name: place for place, name in enumerate(SPLITS)},
    **{word: SPLITS.index(name) for name, words in _SPLIT_WORDS.items() for word in words.split()},
}
SPLIT_WORD: Final = "|".join(_SPLITS)
# COCO's folders are called 'val2017'.
_YEAR: Final = re.compile(r"(?<=[a-z])-?(19|20)\d\d$")
_MARKS: Final = re.compile(r"[\s_\-.]+")
_CAPITALS: Final = re.compile(rf"{_MARKS.pattern}|(?<=\d)(?=[A-Za-z])|(?<=[a-z])(?=[A-Z])")


def plain(text: str) -> str:
    """Return a name without case, accents, and the marks between its words."""
    letters = unicodedata.normalize("NFKD", text.strip().casefold())
    return re.sub(r"[\s_\-]+", "-", "".join(char for char in letters if not unicodedata.combining(char)))


@lru_cache(4096)
def split_named(text: str) -> int | None:
    """Return the split, an index into `SPLITS`, that a folder or a cell names, such as 'Train_Set', or None."""
    word = _YEAR.sub("", plain(text)).replace("-", "")
    return _SPLITS.get(word, _SPLITS.get(re.sub(r"(set|data|split|images)$", "", word)))


@lru_cache(4096)
def split_of_file(name: str) -> int | None:
    """Return the split in a file's name, such as 'fer_train.csv', 'FER2013Valid' or 'test-00000-of-00001.parquet'."""
    for between in (_MARKS, _CAPITALS):
        found = {split_named(part) for part in between.split(name)} - {None}
        if len(found) == 1:
            return found.pop()
    return split_named(name.split(".")[0])


def split_of_image(name: str) -> int | None:
    """Return the split at the start of an image's name, such as 'PrivateTest_12.jpg', or None."""
    return split_named(_MARKS.split(name)[0])


def default_split(name: str) -> int:
    """Return the split of what nothing but the name of its archive or folder could give one: train without it."""
    found = split_of_file(name)
    return SPLITS.index("train") if found is None else found


def split_of_path(path: PurePosixPath) -> int | None:
    """Return the split that the name of a table or its folders give, or None.

    Raises:
        DatasetError: they give two.
    """
    folders = path.parts[:-1]
    found = {split_of_file(path.name), *map(split_named, folders)} - {None}
    if len(found) > 1:
        both = " and ".join(sorted(SPLITS[split] for split in found if split is not None))
        raise DatasetError(f"{path} contradicts itself: its name and folders say {both}; rename one of them.")
    in_parts = {split_of_file(folder) for folder in folders} - {None}
    return found.pop() if found else in_parts.pop() if len(in_parts) == 1 else None


@dataclass(frozen=True)
class FolderSplits:
    """Reads the splits in the names of folders.

    Attributes:
        in_parts: whether a part of a name counts, as in 'fer2013_train'; else only a whole name does.
    """

    in_parts: bool = False

    @classmethod
    def of(cls, paths: Iterable[PurePosixPath]) -> Self:
        """Return what reads the splits of some files: parts of names count if every file then has a split."""
        folders = {path.parent for path in paths}
        whole, parts = cls(False), cls(True)
        if not folders or all(whole.in_path(folder / "a") for folder in folders):
            return whole
        return parts if all(len(set(parts.in_path(folder / "a").values())) == 1 for folder in folders) else whole

    def named(self, folder: str) -> int | None:
        """Return the split that a folder's name gives, an index into `SPLITS`, or None."""
        return split_of_file(folder) if self.in_parts else split_named(folder)

    def in_path(self, path: PurePosixPath) -> dict[int, int]:
        """Return the splits that the folders of a file give, by the folder's place in its path."""
        named = ((place, self.named(folder)) for place, folder in enumerate(path.parts[:-1]))
        return {place: split for place, split in named if split is not None}

    def only(self, path: PurePosixPath) -> int | None:
        """Return the split that the folders of a file give, or None if they give none, or several."""
        found = set(self.in_path(path).values())
        return found.pop() if len(found) == 1 else None
