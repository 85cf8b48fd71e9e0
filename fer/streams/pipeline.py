"""Track and classify the faces of one stream: detection or optical flow on a small frame, then one classification."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, Self

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import Boxes, Floats, Image, Images
from fer.provenance import Accuracy
from fer.recognition.bundle import Bundle
from fer.recognition.candidates import ClassSets
from fer.recognition.provenance import accuracy_of
from fer.results import Pose
from fer.streams.settings import StreamSettings
from fer.vision.boxes import FaceDetector
from fer.vision.crops import crop_faces
from fer.vision.detection import create_detector
from fer.vision.flow import shift_boxes
from fer.vision.looks import looks_of
from fer.vision.pose import head_pose
from fer.vision.quality import Objections, measure, objections
from fer.vision.tracking import FaceTracker, Track

# A closer look at a head takes as long as detecting it, and heads turn slowly: in between, each track keeps what the
# last look showed.
_LOOK_EVERY_S: Final = 0.4


class Classifier(Protocol):
    """Anything that turns crops into probabilities, such as `fer.recognition.classifier.EmotionClassifier`."""

    def probabilities(self, crops: Image, *, measures: Floats | None = None) -> npt.NDArray[np.float32]:
        """Return probabilities (N, 7) float32 for crops (N, 48, 48, 1) uint8; `fer.vision.quality` measured them."""


@dataclass(frozen=True, eq=False)
class StreamModel:
    """The model that classifies the faces.

    Attributes:
        classifier: may be shared with other streams.
        confidence_threshold: the confidence in 0..1 below which the model answers 'not sure'.
        name: the name in the exported record.
        sets: which classes may be the right one; None if the model has no such calibration.
        hash: digits that change with the model and its calibration.
        accuracy: how often the model was right; None if that is unknown.
        weights: the type of its weights, 'float32' or 'int8'; '' if that is unknown.
    """

    classifier: Classifier
    confidence_threshold: float = 0.0
    name: str = ""
    sets: ClassSets | None = None
    hash: str = ""
    accuracy: Accuracy | None = None
    weights: str = ""

    @classmethod
    def of(cls, bundle: Bundle, classifier: Classifier) -> Self:
        """Return a bundle's model with a classifier that was made of it."""
        name = f"{bundle.name} ({bundle.hash})"
        return cls(
            classifier,
            bundle.confidence_threshold,
            name,
            bundle.sets,
            bundle.hash,
            accuracy_of(bundle),
            bundle.weights,
        )


def stream_detector(settings: StreamSettings) -> FaceDetector:
    """Create the detector for these settings, for frames with a long side of `settings.side`.

    Raises:
        DetectorError: the detector's file is missing.
    """
    min_face = round(settings.smallest_face * settings.side)
    return create_detector(settings.detector, side=settings.side, min_face=min_face, sensitivity=settings.sensitivity)


@dataclass(frozen=True, eq=False)
class SeenFace:
    """A tracked face in the current frame.

    Attributes:
        number: the person's number, from 1 in the order of confirmation. In a live stream, a face is confirmed when a
            second detection finds it, because a single one may be a mistake; until then it is None.
        box_xywh: (4,) float32 in pixels of the frame.
        present: False while detections miss it. Its expression is then the last known one.
        raw, smoothed: probabilities (7,) float32; None before the first classification.
        against: what speaks against an answer about the face; the last known objections.
        pose: where the head was turned at the last closer look, at most 0.4 s ago; None if the detector finds no
            landmarks.
    """

    number: int | None
    box_xywh: Boxes
    present: bool
    raw: npt.NDArray[np.float32] | None
    smoothed: npt.NDArray[np.float32] | None
    against: Objections = field(default_factory=Objections)
    pose: Pose | None = None


@dataclass(frozen=True, eq=False)
class _Found:
    """A track and where it is in one frame. The next frame may already move it while this one is classified."""

    track: Track
    number: int | None
    box_xywh: Boxes
    present: bool
    returned: bool
    against: Objections
    pose: Pose | None


@dataclass(frozen=True, eq=False)
class FoundFaces:
    """The faces of a frame, not classified yet.

    Attributes:
        now_s: the time of the frame in seconds.
        faces: all tracked faces, oldest first.
        crops: (N, 48, 48, 1) uint8 of those that are present.
        measures: what `fer.vision.quality.measure` returns for the crops.
    """

    now_s: float
    faces: tuple[_Found, ...]
    crops: Images
    measures: Floats


class FacePipeline:
    """The processing of one stream, used by a single thread, or by one thread that finds and one that classifies.

    Args:
        confirmed_by: how many detections make a face a person with a number.
        remember: tell people apart by their looks, so that those who cross or come back keep their numbers.
    """

    def __init__(self, confirmed_by: int = 2, *, remember: bool = False) -> None:
        self._confirmed_by = confirmed_by
        self._remember = remember
        self._tracker = FaceTracker()
        self._gray: Image | None = None
        self._detector: FaceDetector | None = None
        self._since_detection = 0
        self._lost = False
        self._numbers: dict[int, int] = {}

    def run(
        self, image_bgr: Image, now_s: float, detector: FaceDetector, classifier: Classifier, settings: StreamSettings
    ) -> tuple[SeenFace, ...]:
        """Process the next frame: `find`, then `classify`.

        Args:
            image_bgr: (H, W, 3) uint8; not modified. A frame of another size starts new tracks.
            now_s: the time of the frame in seconds.
            detector: from `stream_detector`. A new detector runs at once.
            classifier: classifies all faces in one call. It may change from frame to frame.
            settings: how often to detect and how much to smooth.

        Returns:
            All tracked faces, oldest first, including those that the last detection missed.
        """
        return self.classify([self.find(image_bgr, now_s, detector, settings)], classifier, settings)[0]

    def find(self, image_bgr: Image, now_s: float, detector: FaceDetector, settings: StreamSettings) -> FoundFaces:
        """Detect or follow the faces of the next frame, and crop them. The arguments are those of `run`."""
        small, factor = _small(image_bgr, settings.side)
        gray = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
        previous = self._gray
        if previous is not None and previous.shape != gray.shape:
            self._tracker.clear()
            previous = None
        # Stored before anything can fail, because optical flow needs two consecutive frames.
        self._gray = gray
        if self._due(previous is None, detector, settings.detect_every):
            self._detector = detector
            self._since_detection = 0
            self._lost = False
            boxes_xywh = detector.detect(small).boxes_xywh
            self._tracker.update(boxes_xywh, now_s, looks_of(small, boxes_xywh) if self._remember else None)
            self._follow(previous, gray, [track for track in self._tracker.tracks if track.missed])
        else:
            self._since_detection += 1
            self._lost = self._follow(previous, gray, list(self._tracker.tracks))
        tracks = [track for track in self._tracker.tracks if not track.missed]
        for track in (track for track in tracks if now_s - track.looked_s >= _LOOK_EVERY_S):
            head = detector.head(image_bgr, track.box_xywh * factor)
            track.roll, track.looked_s = head.roll, now_s
            track.pose = None if head.landmarks_xy is None else head_pose(head.landmarks_xy, head.roll)
        boxes = self._tracker.boxes(tracks) * factor
        crops = crop_faces(image_bgr, boxes, detector.crop_scale, [track.roll for track in tracks])
        size_wh, measures = (image_bgr.shape[1], image_bgr.shape[0]), measure(crops)
        for track, box, crop, measured in zip(tracks, boxes, crops, measures, strict=True):
            track.against = objections(crop, box, size_wh, track.pose, measured)
        found = tuple(self._found(track, factor, now_s) for track in self._tracker.tracks)
        return FoundFaces(now_s, found, crops, measures)

    def classify(
        self, frames: Sequence[FoundFaces], classifier: Classifier, settings: StreamSettings
    ) -> list[tuple[SeenFace, ...]]:
        """Classify the faces of some frames in one call and smooth the results.

        Frames come in the order in which they were found.
        """
        crops = np.concatenate([found.crops for found in frames])
        measures = np.concatenate([found.measures for found in frames])
        rows = iter(classifier.probabilities(crops, measures=measures) if len(crops) else ())
        return [_smoothed(found, rows, settings.smoothing_s) for found in frames]

    def _found(self, track: Track, factor: float, now_s: float) -> _Found:
        # Not the track's own number: false detections that are never confirmed must not leave gaps.
        confirmed = track.hits >= self._confirmed_by
        number = self._numbers.setdefault(track.track_id, len(self._numbers) + 1) if confirmed else None
        box = (track.box_xywh * factor).astype(np.float32)
        returned = track.returned_s == now_s
        return _Found(track, number, box, track.missed == 0, returned, track.against, track.pose)

    def _due(self, first: bool, detector: FaceDetector, detect_every: int) -> bool:
        return (
            first
            or detector is not self._detector
            or self._since_detection >= detect_every - 1
            # Detect at once if a face is new or if optical flow lost one.
            or self._lost
            or any(track.hits == 1 for track in self._tracker.tracks)
        )

    def _follow(self, previous: Image | None, gray: Image, tracks: list[Track]) -> bool:
        """Move tracks by optical flow. Return whether it lost a track that the last detection found."""
        if previous is None or not tracks:
            return False
        moved = shift_boxes(previous, gray, self._tracker.boxes(tracks))
        self._tracker.move(tracks, moved.boxes_xywh)
        return any(not followed and not track.missed for followed, track in zip(moved.followed, tracks, strict=True))


def _smoothed(found: FoundFaces, rows: Iterator[Floats], smoothing_s: float) -> tuple[SeenFace, ...]:
    """Return the faces of a frame; `rows` continues with the probabilities of those that are present."""
    for face in found.faces:
        if face.returned:
            face.track.forget_answers()
        if face.present:
            face.track.smooth(next(rows), found.now_s, smoothing_s)
    return tuple(
        SeenFace(
            number=face.number,
            box_xywh=face.box_xywh,
            present=face.present,
            raw=face.track.raw,
            smoothed=face.track.smoothed,
            against=face.against,
            pose=face.pose,
        )
        for face in found.faces
    )


def _small(image_bgr: Image, side: int) -> tuple[Image, float]:
    """Scale a frame to this long side. Return it with the factor from its coordinates to the frame's.

    Small frames are enlarged, so that the smallest face is the same share of every camera's picture.
    """
    height, width = image_bgr.shape[:2]
    factor = max(height, width) / side
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    method = cv2.INTER_AREA if factor > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image_bgr, size, interpolation=method), np.uint8), factor
