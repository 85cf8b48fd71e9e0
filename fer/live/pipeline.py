"""One stream's frames to tracked faces: detection or flow on a small frame, then one classification of all faces."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import Boxes, Image
from fer.live.settings import LiveSettings
from fer.vision.crops import crop_faces
from fer.vision.detection import FRAME_SIDE, FaceDetector, create_detector
from fer.vision.flow import shift_boxes
from fer.vision.tracking import FaceTracker, Track


class Classifier(Protocol):
    """What turns crops into probabilities, as `fer.recognition.classifier.EmotionClassifier` does."""

    def probabilities(self, crops: Image) -> npt.NDArray[np.float32]:
        """(N, 48, 48, 1) uint8 to (N, 7) float32."""


@dataclass(frozen=True, eq=False)
class LiveModel:
    """What judges the faces.

    Attributes:
        classifier: shared with other sessions.
        confidence_threshold: confidence in 0..1 under which it is not sure.
        name: for the exported record.
    """

    classifier: Classifier
    confidence_threshold: float = 0.0
    name: str = ""


def live_detector(settings: LiveSettings) -> FaceDetector:
    """The detector for small frames, `FRAME_SIDE` long, that these settings ask for.

    Raises:
        DetectorError: its file is missing.
    """
    min_face = round(settings.smallest_face * FRAME_SIDE)
    return create_detector(settings.detector, side=FRAME_SIDE, min_face=min_face, sensitivity=settings.sensitivity)


@dataclass(frozen=True, eq=False)
class SeenFace:
    """A face of the present frame.

    Attributes:
        track_id: its number.
        box_xywh: (4,) float32 in pixels of the frame.
        confirmed: whether a second detection found it again; a single one may be a mistake.
        present: False while detections miss it; its expression is then the last one known.
        raw, smoothed: (7,) float32; None before the first classification.
    """

    track_id: int
    box_xywh: Boxes
    confirmed: bool
    present: bool
    raw: npt.NDArray[np.float32] | None
    smoothed: npt.NDArray[np.float32] | None


class FacePipeline:
    """Belongs to the thread that processes the frames of one stream."""

    def __init__(self) -> None:
        self._tracker = FaceTracker()
        self._gray: Image | None = None
        self._detector: FaceDetector | None = None
        self._since_detection = 0
        self._lost = False

    def run(
        self, image_bgr: Image, now_s: float, detector: FaceDetector, classifier: Classifier, settings: LiveSettings
    ) -> tuple[SeenFace, ...]:
        """Take the next frame.

        Args:
            image_bgr: (H, W, 3) uint8; it is not changed. A new size begins new tracks.
            now_s: the frame's time in seconds.
            detector: from `live_detector`; a new one looks at once.
            classifier: judges all faces in one call; it may be another one from frame to frame.
            settings: how often to detect, how much to smooth.

        Returns:
            Every face at hand, oldest first, those included that the last detection missed.
        """
        small, factor = _small(image_bgr)
        gray = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
        previous = self._gray
        if previous is not None and previous.shape != gray.shape:
            self._tracker.clear()
            previous = None
        # Kept before anything can fail: flow wants two frames that follow each other.
        self._gray = gray
        if self._due(previous is None, detector, settings.detect_every):
            self._detector = detector
            self._since_detection = 0
            self._lost = False
            self._tracker.update(detector.detect(small).boxes_xywh, now_s)
            self._follow(previous, gray, [track for track in self._tracker.tracks if track.missed])
        else:
            self._since_detection += 1
            self._lost = self._follow(previous, gray, list(self._tracker.tracks))
        tracks = [track for track in self._tracker.tracks if not track.missed]
        if tracks:
            crops = crop_faces(image_bgr, self._tracker.boxes(tracks) * factor, detector.crop_scale)
            for track, probabilities in zip(tracks, classifier.probabilities(crops), strict=True):
                track.smooth(probabilities, now_s, settings.smoothing_s)
        return tuple(_seen(track, factor) for track in self._tracker.tracks)

    def _due(self, first: bool, detector: FaceDetector, detect_every: int) -> bool:
        return (
            first
            or detector is not self._detector
            or self._since_detection >= detect_every - 1
            # A face that is new or that flow lost is looked for at once.
            or self._lost
            or any(track.hits == 1 for track in self._tracker.tracks)
        )

    def _follow(self, previous: Image | None, gray: Image, tracks: list[Track]) -> bool:
        """Move tracks by optical flow; True where one of them was lost that detections still found."""
        if previous is None or not tracks:
            return False
        moved = shift_boxes(previous, gray, self._tracker.boxes(tracks))
        self._tracker.move(tracks, moved.boxes_xywh)
        return any(not followed and not track.missed for followed, track in zip(moved.followed, tracks, strict=True))


def _small(image_bgr: Image) -> tuple[Image, float]:
    """The frame with a long side of `FRAME_SIDE`, and what its coordinates are multiplied by to be the frame's own.

    Small frames are enlarged, so that the smallest face is the same share of any camera's picture.
    """
    height, width = image_bgr.shape[:2]
    factor = max(height, width) / FRAME_SIDE
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    method = cv2.INTER_AREA if factor > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image_bgr, size, interpolation=method), np.uint8), factor


def _seen(track: Track, factor: float) -> SeenFace:
    box = (track.box_xywh * factor).astype(np.float32)
    return SeenFace(track.track_id, box, track.hits > 1, track.missed == 0, track.raw, track.smoothed)
