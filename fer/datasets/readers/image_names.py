"""Images whose names say their class: JAFFE, KDEF, RaFD, and names with a word such as 'happy_012.jpg'."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Protocol

from fer.datasets.faces import SPLITS
from fer.datasets.readers.names import class_named
from fer.datasets.readers.orders import LabelOrder
from fer.datasets.readers.split_names import FolderSplits, split_of_file, split_of_image
from fer.vision.files.formats import SUFFIXES

# Of the images: fewer than a tenth may be rejected anyway.
_LEAST_SHARE: Final = 0.9
_LEAST_CLASSES: Final = 2
_CODES: Final = {
    "AF": "fear",
    "AN": "angry",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happy",
    "NE": "neutral",
    "SA": "sad",
    "SU": "surprise",
}
# The name of a file without its suffix: the person, and the class.
_JAFFE: Final = re.compile(r"([A-Z]{2})\.(AN|DI|FE|HA|NE|SA|SU)\d*\.\d+")
_KDEF: Final = re.compile(r"[AB]([FM]\d{2})(AF|AN|DI|HA|NE|SA|SU)(?:S|HL|HR|FL|FR)", re.IGNORECASE)
_RAFD: Final = re.compile(r"Rafd\d+_(\d+)_.*_([a-z]+)_(?:frontal|left|right)", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W\d_]+")


class Reader(Protocol):
    """Reads the name of an image without its suffix."""

    def __call__(self, stem: str) -> tuple[str, str] | None:
        """Return the person, or '', and the word of the class; None if the name doesn't say it."""


def _by_pattern(pattern: re.Pattern[str]) -> Reader:
    def read(stem: str) -> tuple[str, str] | None:
        found = pattern.fullmatch(stem)
        return None if found is None else (found[1], _CODES.get(found[2].upper(), found[2]))

    return read


def _by_word(stem: str) -> tuple[str, str] | None:
    words = [word for word in _WORD.findall(stem) if class_named(word) is not None]
    return ("", words[0]) if len({class_named(word) for word in words}) == 1 else None


_READERS: Final[dict[str, Reader]] = {
    "JAFFE": _by_pattern(_JAFFE),
    "KDEF": _by_pattern(_KDEF),
    "RaFD": _by_pattern(_RAFD),
    "words": _by_word,
}


@dataclass(frozen=True)
class NamedLayout:
    """Images whose names say their class.

    Attributes:
        scheme: a key of `_READERS`.
        splits: reads the splits in the names of folders.
        split: of images whose folders name none, or None if the images' names start with it.
        notes: what a user should know, a sentence each.
    """

    scheme: str
    splits: FolderSplits
    split: int | None
    notes: tuple[str, ...] = ()
    form = "images by name"
    order: LabelOrder | None = None

    def covers(self, path: PurePosixPath) -> bool:
        """Return whether a file belongs to the layout: each image does, and is rejected if its name says no class."""
        return path.suffix.lower() in SUFFIXES

    def class_word(self, path: PurePosixPath) -> str | None:
        """Return the word that names the class of an image, or None."""
        found = _READERS[self.scheme](path.stem)
        return None if found is None else found[1]

    def split_of(self, path: PurePosixPath) -> int | None:
        """Return the split of an image, an index into `SPLITS`, or None if nothing names it."""
        named = self.splits.only(path)
        if named is not None:
            return named
        return split_of_image(path.name) if self.split is None else self.split

    def group_of(self, path: PurePosixPath) -> str:
        """Return the person in an image's name, or ''."""
        found = _READERS[self.scheme](path.stem)
        return "" if found is None else found[0]

    def problem(self, path: PurePosixPath) -> str | None:
        """Return why an image can't be imported, or None."""
        if len(set(self.splits.in_path(path).values())) > 1:
            return "its folders name two splits"
        if self.split_of(path) is None:
            return "nothing names its split"
        return None if self.class_word(path) is not None else "its name says no class"


def find_named_layout(paths: Iterable[PurePosixPath], name: str) -> NamedLayout | None:
    """Return the layout of images whose names say their class, or None if too few do.

    Args:
        paths: every file below the root.
        name: of the root; images in a root that is called 'test' are test images.
    """
    images = [path for path in paths if path.suffix.lower() in SUFFIXES]
    for scheme, read in _READERS.items():
        words = [found[1] for path in images if (found := read(path.stem)) is not None]
        if len(set(words)) >= _LEAST_CLASSES and len(words) >= _LEAST_SHARE * len(images):
            return _layout(scheme, images, name)
    return None


def _layout(scheme: str, images: list[PurePosixPath], name: str) -> NamedLayout:
    splits = FolderSplits.of(images)
    split = split_of_file(name)
    if split is None and not all(split_of_image(path.name) is not None for path in images):
        split = SPLITS.index("train")
    example = next(path for path in images if _READERS[scheme](path.stem) is not None)
    found = _READERS[scheme](example.stem)
    as_in = "" if scheme == "words" else f", as in {scheme}"
    note = f"The classes are those in the images' names{as_in}: {example.name} is {found[1] if found else ''}."
    return NamedLayout(scheme, splits, split, (note,))
