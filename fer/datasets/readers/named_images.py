"""Find the images of a tree by the paths that label files write."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Final

import numpy as np

from fer.datasets.readers.budget import leads_out
from fer.datasets.readers.collecting import RowError
from fer.datasets.readers.split_names import FolderSplits
from fer.datasets.readers.trees import Entry
from fer.vision.files.formats import SUFFIXES

# RAF-DB's list names 'train_1.jpg', and its folder of aligned faces holds 'train_1_aligned.jpg'.
_ALIGNED: Final = "_aligned"
_INDEXED_PARTS: Final = 2
# Images of one name that are compared with a row; of more, no row could mean one.
_MOST_COMPARED: Final = 100


class NamedImages:
    """The images of a tree, found by the paths that label files write.

    Args:
        entries: the files of the tree.
        photos: whether whole photos are wanted rather than aligned faces, where both are there.
    """

    def __init__(self, entries: Iterable[Entry], photos: bool = False) -> None:
        self._photos = photos
        self._images = [entry for entry in entries if entry.path.suffix.lower() in SUFFIXES]
        self.n_images = len(self._images)
        self.splits = FolderSplits.of(entry.path for entry in self._images)

    @cached_property
    def _by_path(self) -> "_Index":
        return _Index(self._images, _key)

    @cached_property
    def _by_folder(self) -> "_Index":
        return _Index(self._images, lambda path: _key(path, _INDEXED_PARTS))

    @cached_property
    def _by_name(self) -> "_Index":
        return _Index(self._images, lambda path: _key(path, 1))

    def find(self, written: str, folder: PurePosixPath, split: int | None = None) -> Entry:
        """Return the image that a path means.

        Args:
            written: the path in the label file: from its folder or one above it, a part of a path, or a bare name.
            folder: of the label file.
            split: decides between images of one name in folders of several splits.

        Raises:
            RowError: there is no such image or more than one, or the path leads out.
        """
        path = PurePosixPath(written.replace("\\", "/"))
        if not path.name:
            raise RowError("it names no image")
        if leads_out(written):
            raise RowError("its path leads out of the folder")
        for end in self._ends(path):
            if (found := self._matching(end, folder)).n_images:
                return self._choose(found, folder, split)
        raise RowError(f"its image {path.name[:60]} isn't there")

    def has(self, written: str, folder: PurePosixPath) -> bool:
        """Return whether a path means an image, or several."""
        if not self.n_images:
            return False
        path = PurePosixPath(written.replace("\\", "/"))
        return not leads_out(written) and any(self._matching(end, folder).n_images for end in self._ends(path))

    def _ends(self, path: PurePosixPath) -> tuple[PurePosixPath, ...]:
        if not path.name:
            return ()
        aligned = path.with_name(f"{path.stem}{_ALIGNED}{path.suffix}")
        return (path, aligned) if self._photos else (aligned, path)

    def _choose(self, found: "_Found", folder: PurePosixPath, split: int | None) -> Entry:
        """Return the only image, or the only one below the label file's folder or in a folder of its row's split."""
        images = found.compared
        if found.n_images > 1:
            near = [entry for entry in images if folder.parts and entry.path.is_relative_to(folder)]
            alike = [entry for entry in images if split is not None and self.splits.only(entry.path) == split]
            images = next((few for few in (near, alike) if len(few) == 1), images)
        if len(images) != 1:
            raise RowError(f"{found.n_images:,} images have its name")
        return images[0]

    def _matching(self, end: PurePosixPath, folder: PurePosixPath) -> "_Found":
        """Return the image at a path, or those whose path ends with it."""
        if not self._by_name.find(_key(end, 1)).n_images:
            # Label files may list hundreds of thousands of images that aren't there.
            return _Found(0)
        for base in (folder, *folder.parents):
            if (found := self._by_path.find(_key(base / end))).n_images:
                return found
        index = self._by_name if len(end.parts) == 1 else self._by_folder
        found = index.find(_key(end, _INDEXED_PARTS))
        if len(end.parts) <= _INDEXED_PARTS:
            return found
        last = f"/{_key(end)}"
        alike = [entry for entry in found.compared if any(key.endswith(last) for key in _keys(entry.path, _key))]
        return replace(found, n_images=len(alike), compared=alike) if found.compared else found


@dataclass(frozen=True)
class _Found:
    """How many images have a key, and these images unless they are too many to be compared."""

    n_images: int
    compared: Sequence[Entry] = ()


class _Index:
    """Images by a key of their path, with and without its suffix.

    Of a key, eight bytes of its hash are kept: a list for each of 290,000 images would take half a gigabyte.

    Args:
        images: the images.
        key_of: returns the key of a path.
    """

    def __init__(self, images: Sequence[Entry], key_of: Callable[[PurePosixPath], str]) -> None:
        self._images, self._key_of = images, key_of
        hashes = (hash(key) for image in images for key in _keys(image.path, key_of))
        unsorted = np.fromiter(hashes, np.int64, 2 * len(images))
        self._order = unsorted.argsort(kind="stable").astype(np.int32)
        self._hashes = unsorted[self._order]

    def find(self, key: str) -> _Found:
        """Return the images of a key."""
        wanted = np.int64(hash(key))
        start, stop = (int(self._hashes.searchsorted(wanted, side)) for side in ("left", "right"))
        if stop - start > _MOST_COMPARED:
            return _Found(stop - start)
        images = [self._images[place // 2] for place in self._order[start:stop].tolist()]
        alike = [image for image in images if key in _keys(image.path, self._key_of)]
        return _Found(len(alike), alike)


def _keys(path: PurePosixPath, key_of: Callable[[PurePosixPath], str]) -> tuple[str, str]:
    return key_of(path), key_of(path.with_suffix(""))


def _key(path: PurePosixPath, length: int | None = None) -> str:
    return "/".join(path.parts if length is None else path.parts[-length:]).casefold()
