"""The one crop rule: what the network sees of a face, whichever detector found it."""

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np

from fer.arrays import SIDE, Image


def crop_faces(image: Image, boxes_xywh: Iterable[Any], scale: float) -> Image:
    """Cut faces out as FER-2013 shows them.

    A face is the square of side `scale * sqrt(width * height)` round its box's centre, the border replicated outside
    the picture, grey, resized to 48 x 48.

    Args:
        image: (H, W, 3) BGR or (H, W) grey, uint8.
        boxes_xywh: (N, 4) left, top, width, height in pixels; width and height positive.
        scale: side of the square as a share of the box's; a detector's `crop_scale`.

    Returns:
        (N, 48, 48, 1) uint8; N may be 0.
    """
    boxes = np.asarray(list(boxes_xywh), np.float64).reshape(-1, 4)
    crops = np.empty((len(boxes), SIDE, SIDE, 1), np.uint8)
    for index, (left, top, width, height) in enumerate(boxes):
        side = max(1, _nearest(scale * np.sqrt(width * height)))
        x, y = _nearest(left + width / 2 - side / 2), _nearest(top + height / 2 - side / 2)
        square = _square(image, x, y, side)
        if square.ndim == 3:
            square = cv2.cvtColor(square, cv2.COLOR_BGR2GRAY)  # type: ignore[assignment]
        method = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
        crops[index, ..., 0] = cv2.resize(square, (SIDE, SIDE), interpolation=method)
    return crops


def _nearest(value: float) -> int:
    """The nearest whole number, halves upwards: `round` sends them to the even one, now left and now right."""
    return int(np.floor(value + 0.5))


def _square(image: Image, x: int, y: int, side: int) -> Image:
    """The square with its left top corner at (x, y), which may lie outside the image in part or in whole."""
    height, width = image.shape[:2]
    if x >= 0 and y >= 0 and x + side <= width and y + side <= height:
        return image[y : y + side, x : x + side]
    # Clipped indices are the replicated border, without a bordered copy of the whole image.
    rows = np.arange(y, y + side).clip(0, height - 1)
    columns = np.arange(x, x + side).clip(0, width - 1)
    square: Image = image[rows[:, None], columns]
    return square
