"""Photos with the sample portrait in places that are known."""

import cv2
import numpy as np

from fer.vision.boxes import Detections
from tests.support.builders import portrait_bgr

# The middle and the width of the portrait's face, as shares of the portrait's side.
FACE, WIDTH = np.array([0.435, 0.235]), 0.176


def scene(width: int, height: int, face_px: int, corners: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return a grey photo with portraits whose faces are `face_px` wide, and the middles of these faces, (N, 2)."""
    side = round(face_px / WIDTH)
    image_bgr = np.full((height, width, 3), 110, np.uint8)
    small = cv2.resize(portrait_bgr(), (side, side), interpolation=cv2.INTER_AREA)
    for x, y in corners:
        image_bgr[y : y + side, x : x + side] = small
    return image_bgr, np.array(corners) + FACE * side


def turned(image_bgr: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the image turned clockwise on a larger canvas, and the position of the portrait's face in it, (2,)."""
    side = image_bgr.shape[0]
    canvas = round(side * 1.5)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), -degrees, 1)
    matrix[:, 2] += (canvas - side) / 2
    image = cv2.warpAffine(image_bgr, matrix, (canvas, canvas), borderValue=(128, 128, 128))
    return np.asarray(image, np.uint8), matrix @ [*(FACE * side), 1]


def found_at(found: Detections, middles: np.ndarray, face_px: float) -> list[int]:
    distances = np.linalg.norm(found.centers_xy[None] - middles[:, None], axis=2)
    return [int(count) for count in (distances < 0.4 * face_px).sum(axis=1)]
