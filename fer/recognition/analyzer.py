"""`FaceAnalyzer`: an image in, its faces and their expressions out."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from fer.arrays import Floats, Image, Images, Probabilities
from fer.errors import ImageError, SlowModelError, sentence_for
from fer.paths import SHIPPED_BUNDLE
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.reading_order import reading_order
from fer.recognition.weights import bundle_to_serve
from fer.results import Face, ImageAnalysis
from fer.vision import images
from fer.vision.boxes import Detections, FaceDetector
from fer.vision.crops import crop_faces
from fer.vision.detection import create_detector, photo_detector_name
from fer.vision.pose import head_pose
from fer.vision.quality import measure, objections


class FaceAnalyzer:
    """Finds the faces of an image and says what each looks like. Threads may share it.

    Args:
        detector: finds the faces, one image at a time.
        classifier: classifies all faces of an image in one call.
    """

    def __init__(self, detector: FaceDetector, classifier: EmotionClassifier) -> None:
        self.detector = detector
        self.classifier = classifier
        self._lock = threading.Lock()

    def analyze(self, image_bgr: Image, file: str = "image") -> ImageAnalysis:
        """Analyse an image.

        Args:
            image_bgr: (H, W, 3) BGR or (H, W) grey, uint8, upright.
            file: the name by which the user knows the image.

        Returns:
            Its size and its faces in reading order.

        Raises:
            ValueError: the image has another shape or dtype, or no pixels.
            BundleError: the network produces NaN or infinite values.
        """
        is_image = image_bgr.ndim == 2 or (image_bgr.ndim == 3 and image_bgr.shape[2] == 3)
        if image_bgr.dtype != np.uint8 or not is_image or image_bgr.size == 0:
            raise ValueError(
                f"image_bgr: expected uint8 (H, W, 3) or (H, W). Received: {image_bgr.dtype} {image_bgr.shape}"
            )
        if image_bgr.ndim == 2:
            image_bgr = np.asarray(cv2.cvtColor(image_bgr, cv2.COLOR_GRAY2BGR), np.uint8)
        with self._lock:
            found = self.detector.detect(image_bgr)
        found = found.take(reading_order(found.boxes_xywh))
        found = replace(found, boxes_xywh=found.whole_pixels())
        crops = crop_faces(image_bgr, found.boxes_xywh, self.detector.crop_scale, found.rolls)
        size_wh = (image_bgr.shape[1], image_bgr.shape[0])
        measures = measure(crops)
        probabilities = self.classifier.probabilities(crops, measures=measures)
        faces = tuple(
            self._face(found, index, crops[index], measures[index], probabilities[index], size_wh)
            for index in range(len(found))
        )
        return ImageAnalysis(file, width=size_wh[0], height=size_wh[1], faces=faces)

    def _face(
        self,
        found: Detections,
        index: int,
        crop: Image,
        measures: Floats,
        probabilities: Probabilities,
        size_wh: tuple[int, int],
    ) -> Face:
        x, y, width, height = (int(value) for value in found.boxes_xywh[index])
        landmarks = None if found.landmarks_xy is None else found.landmarks_xy[index]
        pose = None if landmarks is None else head_pose(landmarks, float(found.rolls[index]))
        against = objections(crop, (x, y, width, height), size_wh, pose, measures, landmarks)
        bundle = self.classifier.bundle
        return Face(
            (x, y, width, height),
            probabilities,
            bundle.confidence_threshold,
            landmarks=None if landmarks is None else tuple((float(left), float(top)) for left, top in landmarks),
            pose=pose,
            doubts=against.doubts,
            candidates=bundle.sets.of(probabilities) if bundle.sets else (),
            flaws=against.flaws,
            quality=against.measures,
        )

    def crops(self, image_bgr: Image, faces: Sequence[Face]) -> Images:
        """Return what the network saw of faces that `analyze` found in this image, (N, 48, 48, 1) uint8."""
        boxes = [face.box_xywh for face in faces]
        return crop_faces(image_bgr, boxes, self.detector.crop_scale, [face.roll for face in faces])

    def analyze_bytes(self, data: bytes, file: str) -> ImageAnalysis:
        """Analyse an encoded image; one that can't be read gives a result with the reason, not an exception.

        Raises:
            SlowModelError: the model was stopped because it took too long.
        """
        try:
            picture = images.decode_picture(data)
            return replace(self.analyze(picture.image_bgr, file), note=picture.note)
        except SlowModelError:
            raise
        except Exception as error:  # one of many: the others continue
            return ImageAnalysis.failed(file, sentence_for(error))

    def analyze_file(self, path: str | Path) -> ImageAnalysis:
        """Analyse an image file, as `analyze_bytes` does."""
        try:
            return self.analyze_bytes(images.read(Path(path)), str(path))
        except ImageError as error:
            return ImageAnalysis.failed(str(path), str(error))


def load_analyzer(model: str | Path | None = None, detector: str | None = None) -> FaceAnalyzer:
    """Return an analyser for photos.

    Args:
        model: a bundle's folder; the shipped one by default.
        detector: 'haar' or 'yunet'; by default YuNet, or Haar where YuNet's file is missing.

    Raises:
        BundleError: that folder holds no complete bundle.
        DetectorError: the detector is unknown or its file is missing.
    """
    classifier = EmotionClassifier(bundle_to_serve(model or SHIPPED_BUNDLE))
    return FaceAnalyzer(create_detector(detector or photo_detector_name()), classifier)
