"""Faces that lie on their side or upside down: an image seen in other orientations."""

import numpy as np

from fer.arrays import Image
from fer.vision.boxes import Detections, joined
from fer.vision.yunet import YuNet, plausible


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


def turned_back(found: Detections, quarters: int, width: int, height: int) -> Detections:
    """Return the faces of an image that was turned counterclockwise by quarters (1..3), in the image of this size.

    Their landmarks stay as they are: YuNet's landmarks of turned faces can't be used.
    """
    x, y = found.centers_xy.T
    centers = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[quarters]
    sizes = found.boxes_xywh[:, 2:] if quarters == 2 else found.boxes_xywh[:, :1:-1]
    boxes = np.hstack([np.column_stack(centers) - sizes / 2, sizes])
    roll = np.float32({1: 90, 2: 180, 3: -90}[quarters])
    return Detections(boxes, found.scores, found.landmarks_xy, np.full(len(boxes), roll))
