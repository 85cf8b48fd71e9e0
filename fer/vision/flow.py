"""Moving boxes along with what they show, between two detections: sparse optical flow.

A detector need not look at every frame: Lucas and Kanade's pyramidal method (Bouguet, 2001; OpenCV's
`calcOpticalFlowPyrLK`) follows a grid of points in each box, and their median shift moves the box. On a frame of 320
pixels a face costs a fifth of a millisecond.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import Boxes

_GRID: Final = 6
# Points keep away from the box's edge, where the background shows.
_INSET: Final = 0.15
_WINDOW: Final = (11, 11)
# Three halvings: with the window of 11 a face may move some 40 pixels of the reduced frame from one frame to the next.
_MAX_LEVEL: Final = 3
_STEPS = np.linspace(_INSET, 1 - _INSET, _GRID, dtype=np.float32)
# (36, 2): x and y of the grid's points as shares of the box.
_OFFSETS = np.stack(np.meshgrid(_STEPS, _STEPS), axis=-1).reshape(-1, 2)
# Fewer points than this share that were found again say nothing about the box.
_MIN_FOUND: Final = 0.25


@dataclass(frozen=True, eq=False)
class MovedBoxes:
    """Boxes after a move.

    Attributes:
        boxes_xywh: (N, 4) float32, sizes unchanged; a box that was not followed stays where it was.
        followed: (N,) bool, whether enough points of the box were found again.
    """

    boxes_xywh: Boxes
    followed: npt.NDArray[np.bool_]


def shift_boxes(
    previous_gray: npt.NDArray[np.uint8], gray: npt.NDArray[np.uint8], boxes_xywh: npt.ArrayLike
) -> MovedBoxes:
    """Move boxes by the median shift of 6 x 6 points in each.

    Args:
        previous_gray: (H, W) uint8, the frame in which the boxes lie.
        gray: (H, W) uint8, the next frame, of the same size.
        boxes_xywh: (N, 4) left, top, width, height in pixels of these frames; they may reach over the edge.

    Returns:
        The boxes in `gray`.

    Raises:
        ValueError: the frames differ in size.
    """
    if previous_gray.shape != gray.shape:
        raise ValueError(f"gray: expected the shape of the frame before, {previous_gray.shape}. Received: {gray.shape}")
    boxes = np.asarray(boxes_xywh, dtype=np.float32).reshape(-1, 4)
    if len(boxes) == 0:
        return MovedBoxes(boxes.copy(), np.zeros(0, dtype=np.bool_))
    points = boxes[:, None, :2] + boxes[:, None, 2:] * _OFFSETS
    height, width = gray.shape
    inside = np.all((points >= 0) & (points <= (width - 1, height - 1)), axis=-1)
    moved, status, _ = cv2.calcOpticalFlowPyrLK(
        previous_gray, gray, points.reshape(-1, 1, 2), np.empty(0, np.float32), winSize=_WINDOW, maxLevel=_MAX_LEVEL
    )
    shifts = moved.reshape(points.shape) - points
    found = inside & (status.reshape(inside.shape) == 1)
    result = boxes.copy()
    followed = found.mean(axis=1) >= _MIN_FOUND
    for index in np.flatnonzero(followed):
        result[index, :2] += np.median(shifts[index, found[index]], axis=0)
    return MovedBoxes(result, followed)
