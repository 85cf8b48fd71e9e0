"""Whether a photo has colours, or is grey or toned, such as a scan of an old print."""

from typing import Final

import cv2
import numpy as np

from fer.arrays import Image
from fer.vision.boxes import reduced

# Long side in pixels at which colours are compared: grain and the noise of a camera are averaged away.
_SIDE: Final = 64
# Pixels that are averaged along each side; a large photo has more, and the others are skipped.
_AVERAGED: Final = 8
# Grey levels by which a toned scan's colours differ from what their brightness says, as a standard deviation: 1 to 5
# with strong grain. In colour photos, it is 10 to 80.
_MOST_COLOR: Final = 5.0


def brightness_of(image_bgr: Image) -> Image:
    """Return the brightness of a photo without colours, (H, W) uint8: its green, from which the others follow."""
    return np.asarray(cv2.extractChannel(image_bgr, 1), np.uint8)


def is_monochrome(image_bgr: Image) -> bool:
    """Return whether the colour of each place follows from its brightness, as in grey and sepia photos.

    Args:
        image_bgr: (H, W, 3) uint8.
    """
    step = max(1, max(image_bgr.shape[:2]) // (_SIDE * _AVERAGED))
    small, _ = reduced(np.ascontiguousarray(image_bgr[::step, ::step]), _SIDE)
    blue, green, red = (plane.astype(np.float32) for plane in cv2.split(small.reshape(-1, 1, 3)))
    # A tone can differ between shadows and highlights.
    powers = np.vander(green.ravel() / 255, 3)
    differences = np.hstack([blue - green, red - green])
    fitted, *_ = np.linalg.lstsq(powers, differences, rcond=None)
    return bool((differences - powers @ fitted).std(axis=0).max() < _MOST_COLOR)
