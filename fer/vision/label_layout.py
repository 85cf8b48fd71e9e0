"""Find a place for the label of each face of a photo, so that labels cover neither each other nor another face."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

# Heights of letters to try, as parts of the picture's width.
_LETTERS: Final = (1 / 32, 1 / 42)
_NUMBER_LETTERS: Final = (1 / 32, 1 / 48, 1 / 64)
# Letters of a wide picture would not fit into its height.
_HEIGHT_PART: Final = 6
LEAST_LETTERS_PX: Final = 11
# The part of a face's height, from the top, that its own label may cover: hair and forehead.
_FOREHEAD: Final = 0.25


@dataclass(frozen=True)
class Area:
    """A rectangle in whole pixels; right and bottom are outside it."""

    left: int
    top: int
    right: int
    bottom: int

    def meets(self, other: "Area") -> bool:
        """Return whether the two have a pixel in common."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def within(self, width: int, height: int) -> bool:
        """Return whether it lies in a picture of this size."""
        return self.left >= 0 and self.top >= 0 and self.right <= width and self.bottom <= height


@dataclass(frozen=True)
class Label:
    """A text, the size of its letters in pixels, and its place."""

    text: str
    letters_px: int
    area: Area


# The width and height of a text, with its margin, in letters of a size.
Measure = Callable[[str, int], tuple[int, int]]


def place_labels(
    texts: Sequence[Sequence[str]],
    boxes_xywh: Sequence[tuple[int, int, int, int]],
    size_wh: tuple[int, int],
    measure: Measure,
    least_letters_px: int = LEAST_LETTERS_PX,
) -> list[Label]:
    """Place one label per face. The fullest texts that fit are taken for all faces, so that the labels are alike.

    Args:
        texts: of each face the same number of texts, from the fullest to the shortest.
        boxes_xywh: the faces' boxes in pixels of the picture; they may extend beyond it.
        size_wh: width and height of the picture.
        measure: returns the size of a text.
        least_letters_px: height of letters that can just be read.
    """
    faces = [Area(x, y, x + width, y + height) for x, y, width, height in boxes_xywh]
    n_levels = len(texts[0]) if texts else 0
    attempts = [(level, part) for level in range(n_levels) for part in _parts(level, n_levels)]
    labels: list[Label] = []
    for level, part in attempts:
        letters_px = max(least_letters_px, round(part * min(size_wh[0], _HEIGHT_PART * size_wh[1])))
        chosen = [of_face[level] for of_face in texts]
        last = (level, part) == attempts[-1]
        labels = _placed(chosen, letters_px, faces, size_wh, measure, everywhere=last)
        if len(labels) == len(faces):
            break
    return labels


def _parts(level: int, n_levels: int) -> tuple[float, ...]:
    return _NUMBER_LETTERS if level == n_levels - 1 else _LETTERS


def _placed(
    texts: Sequence[str],
    letters_px: int,
    faces: Sequence[Area],
    size_wh: tuple[int, int],
    measure: Measure,
    *,
    everywhere: bool,
) -> list[Label]:
    """Return the labels up to the first that has no place; `everywhere` finds one for each, if a poor one."""
    labels: list[Label] = []
    for index, (text, face) in enumerate(zip(texts, faces, strict=True)):
        size = measure(text, letters_px)
        others = [other for place, other in enumerate(faces) if place != index]
        taken = [label.area for label in labels]
        free = (area for area in _around(face, size, size_wh) if not any(area.meets(one) for one in (*others, *taken)))
        area = next(free, None)
        if area is None and everywhere:
            area = _somewhere(face, size, size_wh, taken)
        if area is None:
            return labels
        labels.append(Label(text, letters_px, area))
    return labels


def _around(face: Area, size: tuple[int, int], size_wh: tuple[int, int]) -> Iterator[Area]:
    """Yield the places in the picture that belong to a face, the best first."""
    width, height = size
    lefts = [face.left, face.right - width, (face.left + face.right - width) // 2]
    # At the picture's edge, a label moves inward.
    lefts += [min(max(0, face.left), size_wh[0] - width)]
    corners = [(left, top) for top in (face.top - height, face.bottom) for left in lefts]
    if height <= _FOREHEAD * (face.bottom - face.top):
        corners += [(left, max(0, face.top)) for left in lefts]
    corners += [(face.right, face.top), (face.left - width, face.top)]
    for left, top in corners:
        area = Area(left, top, left + width, top + height)
        if area.within(*size_wh):
            yield area


def _somewhere(face: Area, size: tuple[int, int], size_wh: tuple[int, int], taken: Sequence[Area]) -> Area:
    """Return the place nearest to a face that no other label has; over its corner if there is none."""
    width, height = size
    left = min(max(0, face.left), max(0, size_wh[0] - width))
    top = min(max(0, face.top - height), max(0, size_wh[1] - height))
    steps = sorted(
        ((column * width, row * height) for column in range(-2, 3) for row in range(-2, 3)),
        key=lambda step: abs(step[0]) + abs(step[1]),
    )
    for right, down in steps:
        area = Area(left + right, top + down, left + right + width, top + down + height)
        if area.within(*size_wh) and not any(area.meets(one) for one in taken):
            return area
    return Area(left, top, left + width, top + height)
