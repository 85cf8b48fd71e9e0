"""The box of a face in an image, as label files of whole photos give it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.datasets.readers.folders import as_face
from fer.errors import ImageError
from fer.vision.crops import crop_faces
from fer.vision.images import decode

# Of an image's width and height: a box that is nearly all of it says that the image is a face.
_WHOLE: Final = 0.9
# Boxes in datasets are tight, as Haar's are.
_CROP_SCALE: Final = 1.0


@dataclass(frozen=True)
class Box:
    """The box of a face, in pixels, or if `is_relative`, in shares of the image's width and height."""

    left: float
    top: float
    width: float
    height: float
    is_relative: bool = False

    def cut(self, data: bytes) -> npt.NDArray[np.uint8]:
        """Return the face in an image file, (48, 48) uint8, by the crop rule used everywhere.

        Raises:
            ImageError: the bytes aren't a readable image, or the box lies outside it.
        """
        image_bgr = decode(data)
        n_rows, n_columns = image_bgr.shape[:2]
        sides = np.array([n_columns, n_rows] * 2) if self.is_relative else np.ones(4)
        left, top, width, height = np.array([self.left, self.top, self.width, self.height]) * sides
        is_inside = -width < left < n_columns and -height < top < n_rows
        if not (is_inside and 1 <= width <= 2 * n_columns and 1 <= height <= 2 * n_rows):
            raise ImageError("its box lies outside the image")
        if width >= _WHOLE * n_columns and height >= _WHOLE * n_rows:
            return as_face(image_bgr)
        return np.asarray(crop_faces(image_bgr, [(left, top, width, height)], _CROP_SCALE)[0, ..., 0], np.uint8)


def between(left: float, top: float, right: float, bottom: float) -> Box:
    """Return the box between two corners, in pixels."""
    return Box(left, top, right - left, bottom - top)
