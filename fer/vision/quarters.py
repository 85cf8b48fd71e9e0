"""Faces that lie on their side or upside down: an image, or a few places of it, seen in all orientations."""

from typing import Final

import numpy as np

from fer.arrays import Image
from fer.vision.boxes import Detections, joined
from fer.vision.crops import Square, cut_square
from fer.vision.yunet import YuNet, plausible

# A look from one side shows a place and as much again around it, the face 48 pixels wide. With 32, a sixth is lost.
_SPAN: Final = 2.0
_SIDE: Final = 96
# What is less than this share of a look from its middle belongs to the place.
_NEAR: Final = 0.25


def nobody() -> Detections:
    """Return no face."""
    return Detections.upright(np.zeros((0, 4), np.float32), landmarks_xy=np.zeros((0, 5, 2), np.float32))


def seen_in(network: YuNet, image: Image, orientations: tuple[int, ...], least_score: float) -> Detections:
    """Return the candidates of an image that is turned counterclockwise by so many quarters, in one pass each.

    Args:
        network: looks at it.
        image: (H, W, 3) BGR or (H, W) grey, uint8.
        orientations: numbers of quarters, 1..3.
        least_score: in 0..1; places with a lower score are left out.
    """
    height, width = image.shape[:2]
    found = nobody()
    for quarters in orientations:
        seen = network.candidates(np.ascontiguousarray(np.rot90(image, quarters)), least_score)
        found = joined(found, turned_back(seen, quarters, width, height))
    return plausible(found, image)


def seen_from_all_sides(network: YuNet, image: Image, places: Detections, least_score: float) -> Detections:
    """Return what shows best at some places from one of four sides: at most one face each, with its roll.

    All looks are put side by side into one image, so that there is one pass for all of them.

    Args:
        network: looks at it.
        image: (H, W, 3) BGR or (H, W) grey, uint8.
        places: where to look; their boxes count.
        least_score: in 0..1; a place that shows less has no face.
    """
    sides = _SPAN * np.sqrt(places.boxes_xywh[:, 2:].prod(axis=1))
    squares = [
        cut_square(image, (float(x), float(y)), float(side), _SIDE)
        for (x, y), side in zip(places.centers_xy, sides, strict=True)
    ]
    if not squares:
        return nobody()
    rows = [np.hstack([np.rot90(square.pixels, quarters) for square in squares]) for quarters in range(4)]
    seen = network.candidates(np.ascontiguousarray(np.vstack(rows)), least_score)
    columns, quarters = np.floor(seen.centers_xy / _SIDE).astype(int).T
    near = (np.abs(seen.centers_xy % _SIDE - _SIDE / 2) < _NEAR * _SIDE).all(axis=1)
    found = nobody()
    for column, square in enumerate(squares):
        here = np.flatnonzero(near & (columns == column) & (quarters < len(rows)))
        if len(here):
            best = here[seen.scores[here].argmax()]
            look = seen.take(np.array([best])).placed(1, (-column * _SIDE, -int(quarters[best]) * _SIDE))
            found = joined(found, _in_image(turned_back(look, int(quarters[best]), _SIDE, _SIDE), square))
    return found


def _in_image(look: Detections, square: Square) -> Detections:
    """Return what was found in a square, in the image that it was cut out of."""
    assert look.landmarks_xy is not None
    sizes = look.boxes_xywh[:, 2:] * square.step
    boxes = np.hstack([square.in_image(look.centers_xy) - sizes / 2, sizes]).astype(np.float32)
    return Detections(boxes, look.scores, square.in_image(look.landmarks_xy), look.rolls)


def turned_back(found: Detections, quarters: int, width: int, height: int) -> Detections:
    """Return the faces of an image that was turned counterclockwise by quarters (0..3), in the image of this size.

    Their landmarks stay as they are: YuNet's landmarks of turned faces can't be used.
    """
    x, y = found.centers_xy.T
    centers = ((x, y), (width - y, x), (width - x, height - y), (y, height - x))[quarters]
    sizes = found.boxes_xywh[:, 2:] if quarters % 2 == 0 else found.boxes_xywh[:, :1:-1]
    boxes = np.hstack([np.column_stack(centers) - sizes / 2, sizes])
    roll = np.float32((0, 90, 180, -90)[quarters])
    return Detections(boxes, found.scores, found.landmarks_xy, np.full(len(boxes), roll))
