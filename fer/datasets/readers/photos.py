"""Cut faces out of whole photos, by the crop rule of the product."""

import numpy as np
import numpy.typing as npt

from fer.errors import FerError
from fer.text import counted
from fer.vision.crops import crop_faces
from fer.vision.detection import create_detector, photo_detector_name
from fer.vision.images import decode


class FaceCountError(FerError):
    """A photo shows no face, or several, so that it isn't clear whose label it has."""


class PhotoCropper:
    """Detects the face in a photo, and crops it as everywhere. Serves one thread."""

    def __init__(self) -> None:
        self._detector = create_detector(photo_detector_name())

    def __call__(self, data: bytes) -> npt.NDArray[np.uint8]:
        """Return the one face in a photo, (48, 48) uint8.

        Raises:
            FaceCountError: there is no face, or there are several.
            ImageError: the bytes aren't a readable image.
        """
        image_bgr = decode(data)
        found = self._detector.detect(image_bgr)
        if len(found) != 1:
            raise FaceCountError(f"{counted(len(found), 'face')} found" if len(found) else "no face found")
        crops = crop_faces(image_bgr, found.whole_pixels(), self._detector.crop_scale, found.rolls)
        return np.asarray(crops[0, ..., 0], np.uint8)
