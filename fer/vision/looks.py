"""What a head looks like from afar: a few coloured squares, to tell two people in one video apart.

This recognises nobody: it knows hair, skin, collar and light, all of which change from one recording to the next. It is
never stored.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import Floats, Image
from fer.vision.crops import cut_square

_SQUARES: Final = 8
# The head with its hair and a little of what is below the chin.
_SCALE: Final = 1.2
# Colours tell people apart better than brightness, which follows the light.
_COLOR_WEIGHT: Final = 3.0


def looks_of(image_bgr: Image, boxes_xywh: npt.ArrayLike) -> Floats:
    """Return one unit vector per face, (N, 192) float32. Their dot product is the likeness of two faces, -1..1.

    Args:
        image_bgr: (H, W, 3) uint8.
        boxes_xywh: (N, 4) in pixels of the image.
    """
    boxes = np.asarray(boxes_xywh, np.float32).reshape(-1, 4)
    looks = np.empty((len(boxes), 3 * _SQUARES**2), np.float32)
    for index, (left, top, width, height) in enumerate(boxes):
        side = _SCALE * float(np.sqrt(width * height))
        center = (float(left + width / 2), float(top + height / 2))
        squares = cut_square(image_bgr, center, side, _SQUARES, 0.0).pixels
        lab = cv2.cvtColor(squares, cv2.COLOR_BGR2LAB).astype(np.float32) - 128
        lab[..., 0] -= lab[..., 0].mean()
        lab[..., 1:] *= _COLOR_WEIGHT
        looks[index] = lab.ravel()
    return np.asarray(looks / np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-6), np.float32)
