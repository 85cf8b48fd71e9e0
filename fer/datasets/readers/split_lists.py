"""Read lists of images that are called after a split: Darknet's `train.txt`, Pascal VOC's `ImageSets/Main/test.txt`."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from fer.datasets.faces import SPLITS
from fer.datasets.readers.collecting import RowError
from fer.datasets.readers.kinds import suffix_of
from fer.datasets.readers.lines import numbered_lines
from fer.datasets.readers.named_images import NamedImages
from fer.datasets.readers.split_names import split_named
from fer.datasets.readers.trees import READ_ERRORS, Entry, Tree
from fer.datasets.readings import MAX_IMAGES
from fer.errors import DatasetError

_SUFFIXES: Final = (".txt", ".lst")
# Lines that must name images before a file is taken for a list of them.
_LOOKED_AT: Final = 20


class SplitLists:
    """The splits that lists give to images.

    Args:
        tree: the files.
        entries: those of them that may be lists: neither annotations nor label files.
        images: the images.

    Raises:
        DatasetError: an image is in the lists of two splits.
    """

    def __init__(self, tree: Tree, entries: Sequence[Entry], images: NamedImages) -> None:
        self.names: list[str] = []
        self._splits: dict[PurePosixPath, tuple[int, str]] = {}
        for entry in entries:
            split = split_named(entry.path.stem) if suffix_of(entry.path.name) in _SUFFIXES else None
            if split is not None and _lists_images(tree, entry, images):
                self.names.append(entry.path.name)
                self._add(tree, entry, images, split)

    def of(self, image: PurePosixPath) -> int | None:
        """Return the split of an image, or None if no list names it."""
        return self._splits.get(image, (None, ""))[0]

    def _add(self, tree: Tree, entry: Entry, images: NamedImages, split: int) -> None:
        for line in _lines(tree, entry):
            try:
                image = images.find(_shown(line), entry.path.parent, split).path
            except RowError:
                continue  # an image that isn't there, which its label says
            other, name = self._splits.setdefault(image, (split, entry.path.name))
            if other != split:
                raise DatasetError(
                    f"{image} is in {name}, for {SPLITS[other]}, and in {entry.path.name}, for {SPLITS[split]}; "
                    f"remove it from one of them."
                )
            if len(self._splits) > MAX_IMAGES:
                raise DatasetError(f"{entry.path.name} lists more than {MAX_IMAGES:,} images; split it.")


def _lists_images(tree: Tree, entry: Entry, images: NamedImages) -> bool:
    try:
        first = [line for line, _ in zip(_lines(tree, entry), range(_LOOKED_AT), strict=False)]
    except DatasetError:
        return False
    n_there = sum(images.has(_shown(line), entry.path.parent) for line in first)
    return bool(first) and 2 * n_there >= len(first)


def _lines(tree: Tree, entry: Entry) -> Iterator[str]:
    try:
        with tree.open(entry.path) as file:
            for _, line in numbered_lines(file, entry.path.name, entry.size):
                yield line.decode("utf-8", "replace").strip()
    except READ_ERRORS as error:
        raise DatasetError(f"{entry.path.name} can't be read ({error}); check the file.") from error


def _shown(line: str) -> str:
    """Return the end of a path: lists have the folders of the machine that made them."""
    return "/".join(line.replace("\\", "/").split("/")[-2:]).removeprefix("./").removeprefix("../")
