"""`FaceAnalyzer`: an image in, its faces and their expressions out."""

import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from fer.errors import ImageError, sentence_for
from fer.paths import SHIPPED_BUNDLE
from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.results import Face, ImageAnalysis
from fer.vision import images
from fer.vision.crops import crop_faces
from fer.vision.detection import FaceDetector, create_detector, photo_detector_name


class FaceAnalyzer:
    """Finds the faces of an image and says what each looks like; may be shared by threads.

    Args:
        detector: finds the faces; this object guards it with a lock.
        classifier: judges all faces of an image in one call.
    """

    def __init__(self, detector: FaceDetector, classifier: EmotionClassifier) -> None:
        self.detector = detector
        self.classifier = classifier
        self._lock = threading.Lock()

    def analyze(self, image_bgr: npt.NDArray[np.uint8], file: str = "image") -> ImageAnalysis:
        """Analyse an image.

        Args:
            image_bgr: (H, W, 3) BGR or (H, W) grey, uint8, upright.
            file: the name by which the user knows it.

        Returns:
            Its size and its faces from left to right.

        Raises:
            ValueError: the image has another shape or dtype, or no pixel.
            BundleError: the network gives what is no number.
        """
        is_image = image_bgr.ndim == 2 or (image_bgr.ndim == 3 and image_bgr.shape[2] == 3)
        if image_bgr.dtype != np.uint8 or not is_image or image_bgr.size == 0:
            raise ValueError(
                f"image_bgr: expected uint8 (H, W, 3) or (H, W). Received: {image_bgr.dtype} {image_bgr.shape}"
            )
        if image_bgr.ndim == 2:
            image_bgr = np.asarray(cv2.cvtColor(image_bgr, cv2.COLOR_GRAY2BGR), np.uint8)
        with self._lock:
            boxes = self.detector.detect(image_bgr).boxes_xywh
        boxes = np.round(boxes[np.argsort(boxes[:, 0], kind="stable")])
        boxes[:, 2:] = np.maximum(boxes[:, 2:], 1)
        crops = crop_faces(image_bgr, boxes, self.detector.crop_scale)
        confidence_threshold = self.classifier.bundle.confidence_threshold
        faces = tuple(
            Face((int(box[0]), int(box[1]), int(box[2]), int(box[3])), probabilities, confidence_threshold)
            for box, probabilities in zip(boxes, self.classifier.probabilities(crops), strict=True)
        )
        return ImageAnalysis(file, width=image_bgr.shape[1], height=image_bgr.shape[0], faces=faces)

    def analyze_bytes(self, data: bytes, file: str) -> ImageAnalysis:
        """Analyse an encoded image; one that cannot be read is a result with its reason, not an exception."""
        try:
            picture = images.decode_picture(data)
            return replace(self.analyze(picture.image_bgr, file), note=picture.note)
        except Exception as error:  # one of many: the others continue
            return ImageAnalysis.failed(file, sentence_for(error))

    def analyze_file(self, path: str | Path) -> ImageAnalysis:
        """Analyse an image file; one that cannot be read is a result with its reason, not an exception."""
        try:
            return self.analyze_bytes(images.read(Path(path)), str(path))
        except ImageError as error:
            return ImageAnalysis.failed(str(path), str(error))


def load_analyzer(model: str | Path | None = None, detector: str | None = None) -> FaceAnalyzer:
    """An analyser for photos.

    Args:
        model: a bundle's folder; the shipped one by default.
        detector: 'haar' or 'yunet'; by default YuNet, or Haar where YuNet's file is missing.

    Raises:
        BundleError: there is no whole bundle in that folder.
        DetectorError: the detector is unknown or its file is missing.
    """
    classifier = EmotionClassifier(load_bundle(model or SHIPPED_BUNDLE))
    return FaceAnalyzer(create_detector(detector or photo_detector_name()), classifier)
