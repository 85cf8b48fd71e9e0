"""Image folders: which split and class a path means, in the namings that people have."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from fer.emotions import EMOTIONS
from fer.errors import DatasetError

SPLIT_FOLDERS: Final = {
    "train": 0,
    "training": 0,
    "validation": 1,
    "val": 1,
    "valid": 1,
    "publictest": 1,
    "test": 2,
    "testing": 2,
    "privatetest": 2,
}
CLASS_FOLDERS: Final = {
    **{name: index for index, name in enumerate(EMOTIONS)},
    **{str(index): index for index in range(len(EMOTIONS))},
    "anger": 0,
    "disgusted": 1,
    "fearful": 2,
    "happiness": 3,
    "sadness": 4,
    "surprised": 5,
}


@dataclass(frozen=True)
class Layout:
    """Where the image folders lie.

    Attributes:
        root: the parts of the path above the splits, or above the classes where there are no splits.
        split: the split of every image where there are no split folders, else None.
    """

    root: tuple[str, ...]
    split: int | None

    def covers(self, path: PurePosixPath) -> bool:
        """Whether a file is one of the layout's: below its root, and in a folder of a split or of a class."""
        depth = len(self.root)
        if path.parts[:depth] != self.root or len(path.parts) < depth + 2:
            return False
        if self.split is not None or path.parts[depth].lower() in SPLIT_FOLDERS:
            return True
        # 'train2/happy/a.png' or 'happy/a.png' beside 'train': looked at, so that it is rejected and not passed over.
        return any(folder.lower() in CLASS_FOLDERS for folder in path.parts[depth:-1][:2])

    def split_of(self, path: PurePosixPath) -> int | None:
        """The index into `SPLITS` that a covered file belongs to; None where its folder names no split."""
        return SPLIT_FOLDERS.get(path.parts[len(self.root)].lower()) if self.split is None else self.split

    def label_of(self, path: PurePosixPath) -> int | None:
        """The label of a covered file, 0..6; None where its folder names no class."""
        place = len(self.root) + (self.split is None)
        return CLASS_FOLDERS.get(path.parts[place].lower()) if len(path.parts) > place + 1 else None


def find_layout(paths: Iterable[PurePosixPath], name: str) -> Layout | None:
    """Find the image folders below a root: `train/happy/...`, or `happy/...`, under any number of outer folders.

    Args:
        paths: every file below the root.
        name: of the root; a root that is itself called 'test' holds test images.

    Returns:
        The layout, or None where there are no image folders.

    Raises:
        DatasetError: there is more than one.
    """
    by_split: Counter[tuple[str, ...]] = Counter()
    by_class: Counter[tuple[str, ...]] = Counter()
    for path in paths:
        folders = [part.lower() for part in path.parts[:-1]]
        for place, folder in enumerate(folders):
            if folder in SPLIT_FOLDERS and folders[place + 1 : place + 2] and folders[place + 1] in CLASS_FOLDERS:
                by_split[path.parts[:place]] += 1
                break
            if folder in CLASS_FOLDERS:
                by_class[path.parts[:place]] += 1
                break
    roots = by_split or by_class
    if len(roots) > 1:
        several = ", ".join(sorted("/".join(root) or name for root in roots))
        raise DatasetError(f"{name} holds more than one set of image folders ({several}); name one of them.")
    if not roots:
        return None
    root = next(iter(roots))
    if by_split:
        return Layout(root, split=None)
    own_name = (root[-1] if root else name).lower()
    return Layout(root, split=SPLIT_FOLDERS.get(own_name, 0))
