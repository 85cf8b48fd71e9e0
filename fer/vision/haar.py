"""Viola and Jones's cascade (2001), as OpenCV ships it: frontal faces, upright within about 15 degrees."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import Image
from fer.errors import DetectorError
from fer.vision.boxes import Detections, Head, reduced

# Long side of a camera's frame, which is searched more coarsely than a photo.
FRAME_SIDE: Final = 320
# The cascade's window, and so its smallest face.
WINDOW: Final = 24


class Haar:
    """The cascade, ready to search. An object serves one thread.

    Raises:
        DetectorError: the cascade's file is missing.
    """

    def __init__(self) -> None:
        file = Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"  # type: ignore[attr-defined]
        self._cascade = cv2.CascadeClassifier(str(file))
        if self._cascade.empty():
            raise DetectorError(f"The Haar cascade '{file}' is missing; install opencv-python-headless again, below 5.")

    def search(
        self, image: Image, *, step: float, neighbors: int, min_face: int = WINDOW, max_face: int = 0
    ) -> Detections:
        """Return the faces of an image as it is.

        Args:
            image: (H, W, 3) BGR or (H, W) grey, uint8.
            step: factor between two sizes that are tried; finer steps find more small faces and cost time.
            neighbors: hits that make a face; fewer find more faces and more false ones.
            min_face: smallest side in pixels.
            max_face: largest side in pixels; 0 for any.
        """
        gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        boxes = self._cascade.detectMultiScale(
            gray,
            scaleFactor=step,
            minNeighbors=neighbors,
            minSize=(min_face, min_face),
            maxSize=(max_face, max_face),
        )
        return Detections.upright(np.asarray(boxes, np.float32).reshape(-1, 4))


class HaarDetector:
    """Haar for one pass over an image that is reduced first; see `FaceDetector`."""

    name = "haar"
    # A FER-2013 image is a Haar box: 0.99 of its side over 260 images.
    crop_scale = 1.0

    def __init__(self, side: int, min_face: int | None, sensitivity: float) -> None:
        self._haar = Haar()
        self._side, self._min_face = side, min_face
        # On a reduced frame, anything smaller than 30 pixels is a false alarm more often than a face.
        self._least = 30 if side <= FRAME_SIDE else WINDOW
        # On a reduced frame 1.2 is as good as 1.1.
        self._step = 1.2 if side <= FRAME_SIDE else 1.1
        self._neighbors = neighbors_at(sensitivity)

    def detect(self, image_bgr: Image) -> Detections:
        """See `FaceDetector.detect`."""
        small, factor = reduced(image_bgr, self._side)
        least = self._least if self._min_face is None else max(WINDOW, round(self._min_face / factor))
        found = self._haar.search(small, step=self._step, neighbors=self._neighbors, min_face=least)
        return found.placed(factor)

    def head(self, image_bgr: Image, box_xywh: npt.ArrayLike) -> Head:
        """Return a head without landmarks: the cascade finds upright faces, and nothing in them."""
        return Head()


def neighbors_at(sensitivity: float) -> int:
    """Return the hits that make a face at a sensitivity in 0..1: 5 in the middle."""
    return round(np.interp(sensitivity, [0, 0.5, 1], [9, 5, 2]))
