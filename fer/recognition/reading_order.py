"""Order faces as people read: rows from top to bottom, and each row from left to right."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fer.arrays import Boxes

# Two neighbours stand in one row if they share this part of the smaller one's height. People in a row differ by up to
# half a head; the next row is about a head away.
_SHARED_HEIGHT: Final = 0.4


def reading_order(boxes_xywh: Boxes) -> npt.NDArray[np.intp]:
    """Return the indices of boxes in reading order.

    From left to right, each face joins the row whose last face it is level with. Only neighbours are compared, so a row
    may slope, as in a photo taken at an angle.

    Args:
        boxes_xywh: (N, 4) left, top, width and height.
    """
    boxes = np.asarray(boxes_xywh, np.float64).reshape(-1, 4)
    rows: list[list[int]] = []
    for index in np.argsort(boxes[:, 0] + boxes[:, 2] / 2, kind="stable").tolist():
        shared = [_shared_height(boxes[row[-1]], boxes[index]) for row in rows]
        if shared and max(shared) >= _SHARED_HEIGHT:
            rows[int(np.argmax(shared))].append(index)
        else:
            rows.append([index])
    rows.sort(key=lambda row: float(np.mean(boxes[row, 1] + boxes[row, 3] / 2)))
    return np.array([index for row in rows for index in row], np.intp)


def _shared_height(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """Return the height that two boxes share, as a part of the smaller one's; 0 or less if they share none."""
    bottom = min(one[1] + one[3], other[1] + other[3])
    return float((bottom - max(one[1], other[1])) / min(one[3], other[3]))
