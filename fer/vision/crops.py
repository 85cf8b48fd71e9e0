"""The one crop rule: what the network sees of a face, whichever detector found it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import SIDE, Floats, Image

# A head turned less than this in the image plane is cut out as it is. The network has seen such heads, and the roll of
# a small face is known within some 10 degrees: turning back from 20 cost 1 % of accuracy on upright faces.
LEAST_ROLL: Final = 28.0
# A square that holds another one however that is turned.
_ROOM: Final = float(np.sqrt(2))


def crop_faces(image: Image, boxes_xywh: Iterable[Any], scale: float, rolls: npt.ArrayLike | None = None) -> Image:
    """Cut faces out as FER-2013 shows them.

    A face is the square of side `scale * sqrt(width * height)` around its box's centre, turned back by the head's roll,
    if that is `LEAST_ROLL` or more, with the border replicated outside the picture, grey, resized to 48 x 48.

    Args:
        image: (H, W, 3) BGR or (H, W) grey, uint8.
        boxes_xywh: (N, 4) left, top, width, height in pixels; width and height positive.
        scale: factor for the side of a box; a detector's `crop_scale`.
        rolls: (N,) degrees by which each head is turned clockwise; by default all are upright.

    Returns:
        (N, 48, 48, 1) uint8; N may be 0.
    """
    boxes = np.asarray(list(boxes_xywh), np.float64).reshape(-1, 4)
    turns = np.zeros(len(boxes)) if rolls is None else np.asarray(rolls, np.float64)
    crops = np.empty((len(boxes), SIDE, SIDE, 1), np.uint8)
    for index, ((left, top, width, height), roll) in enumerate(zip(boxes, turns, strict=True)):
        center = (left + width / 2, top + height / 2)
        turned = roll if abs(roll) >= LEAST_ROLL else 0.0
        pixels = cut_square(image, center, scale * np.sqrt(width * height), SIDE, turned).pixels
        crops[index, ..., 0] = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return crops


@dataclass(frozen=True, eq=False)
class Square:
    """A square cut out of an image.

    Attributes:
        pixels: (out, out, 3) BGR or (out, out) grey, uint8.
        step: pixels of the image for one of the square.
        to_image: (2, 3), maps coordinates in the square to those in the image.
    """

    pixels: Image
    step: float
    to_image: npt.NDArray[np.float64]

    def in_image(self, points_xy: Floats) -> Floats:
        """Return points of this square, (..., 2), in pixels of the image."""
        mapped: Floats = (points_xy @ self.to_image[:, :2].T + self.to_image[:, 2]).astype(np.float32)
        return mapped


def cut_square(image: Image, center_xy: tuple[float, float], side: float, out: int, roll: float = 0) -> Square:
    """Cut a square out of an image and resize it; outside the image, the border is replicated.

    Args:
        image: (H, W, 3) BGR or (H, W) grey, uint8.
        center_xy: its centre in pixels; it is rounded so that the corners of an upright square are whole pixels.
        side: in pixels of the image.
        out: side of the result in pixels.
        roll: degrees by which the square is turned clockwise, so that what is turned so in the image is upright in it.
    """
    room = _ROOM if roll else 1.0
    # The pixels are averaged before they are turned, as `warpAffine` takes single ones from a large square.
    out_wide = round(out * room)
    whole = max(1, _nearest(side * out_wide / out))
    x, y = _nearest(center_xy[0] - whole / 2), _nearest(center_xy[1] - whole / 2)
    method = cv2.INTER_AREA if whole > out_wide else cv2.INTER_LINEAR
    pixels = np.asarray(cv2.resize(_square(image, x, y, whole), (out_wide, out_wide), interpolation=method), np.uint8)
    step = whole / out_wide
    turn = _rotation(roll)
    if roll:
        # Between centres of pixels, which lie half a pixel inside.
        matrix = np.column_stack([turn, (out_wide - 1) / 2 - turn @ np.full(2, (out - 1) / 2)])
        pixels = np.asarray(cv2.warpAffine(pixels, matrix, (out, out), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP))
    middle = np.array([x, y]) + whole / 2
    return Square(pixels, step, np.column_stack([turn * step, middle - turn @ np.full(2, out / 2) * step]))


def _rotation(degrees: float) -> npt.NDArray[np.float64]:
    """Return the matrix that turns points clockwise, y pointing down."""
    radians = np.deg2rad(degrees)
    return np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])


def _nearest(value: float) -> int:
    """Return the nearest whole number, halves upwards; `round` takes the even one, which is now left and now right."""
    return int(np.floor(value + 0.5))


def _square(image: Image, x: int, y: int, side: int) -> Image:
    """Return the square with its left top corner at (x, y), which may be partly or wholly outside the image."""
    height, width = image.shape[:2]
    if x >= 0 and y >= 0 and x + side <= width and y + side <= height:
        return image[y : y + side, x : x + side]
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + side, width), min(y + side, height)
    if left < right and top < bottom:
        inside = image[top:bottom, left:right]
        outside = (top - y, y + side - bottom, left - x, x + side - right)
        return np.asarray(cv2.copyMakeBorder(inside, *outside, cv2.BORDER_REPLICATE), np.uint8)
    rows = np.arange(y, y + side).clip(0, height - 1)
    columns = np.arange(x, x + side).clip(0, width - 1)
    square: Image = image[rows[:, None], columns]
    return square
