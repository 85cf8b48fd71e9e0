"""The two halves of the pipeline: finding may be frames ahead of classifying."""

import numpy as np
import pytest

from fer.streams.pipeline import FacePipeline, FoundFaces, SeenFace, stream_detector
from fer.streams.settings import StreamSettings
from tests.support.builders import portrait_bgr
from tests.support.live_session import FACE, AvertedDetector, FakeClassifier, FakeDetector, frame

SETTINGS = StreamSettings(detect_every=1, smoothing_s=0.5)


class ByBrightness:
    """Says 'angry' of dark crops and 'disgust' of bright ones, in proportion."""

    def probabilities(self, crops: np.ndarray, **_: object) -> np.ndarray:
        bright = crops.reshape(len(crops), -1).mean(axis=1) / 255
        return np.stack([1 - bright, bright, *[np.zeros_like(bright)] * 5], axis=1).astype(np.float32)


def moving(step: int) -> tuple[np.ndarray, FakeDetector]:
    """The step-th frame, brighter each time, and a detector that finds the face further to the right."""
    left, top, width, height = FACE
    return np.minimum(frame() // 2 + 20 * step, 255).astype(np.uint8), FakeDetector(
        [(left + 4 * step, top, width, height)]
    )


def values(seen: tuple[SeenFace, ...]) -> list[tuple]:
    return [(face.number, face.box_xywh.tolist(), face.present, face.smoothed.tolist()) for face in seen]


def test_faces_found_before_earlier_ones_are_classified_give_the_same_results() -> None:
    together, apart = FacePipeline(), FacePipeline()
    expected = []
    for step in range(4):
        image, detector = moving(step)
        expected.append(together.run(image, step / 10, detector, ByBrightness(), SETTINGS))
    found = [apart.find(moving(step)[0], step / 10, moving(step)[1], SETTINGS) for step in range(4)]
    actual = apart.classify(found[:3], ByBrightness(), SETTINGS) + apart.classify(found[3:], ByBrightness(), SETTINGS)
    assert [values(seen) for seen in actual] == [values(seen) for seen in expected]
    lefts = [seen[0].box_xywh[0] for seen in actual]
    assert lefts == sorted(lefts) and lefts[0] < lefts[-1]


def test_what_someone_looked_like_before_they_left_is_forgotten_when_they_return_also_in_advance() -> None:
    away = FakeDetector([])

    def found(pipeline: FacePipeline) -> list[FoundFaces]:
        # Once a second: seen twice, missed until forgotten, and back in a brighter picture.
        detectors = [FakeDetector([FACE])] * 2 + [away] * 5 + [FakeDetector([FACE])]
        brighter = np.minimum(frame().astype(int) + 60, 255).astype(np.uint8)
        images = [frame()] * 7 + [brighter]
        return [
            pipeline.find(image, float(second), detector, SETTINGS)
            for second, (image, detector) in enumerate(zip(images, detectors, strict=True))
        ]

    pipeline = FacePipeline(confirmed_by=1, remember=True)
    seen = pipeline.classify(found(pipeline), ByBrightness(), SETTINGS)
    assert [[face.number for face in faces if face.present] for faces in seen] == [[1], [1], *[[]] * 5, [1]]
    first, second, last = seen[0][0], seen[1][0], seen[7][0]
    assert first.smoothed.tolist() == first.raw.tolist() == second.smoothed.tolist()
    assert last.raw[1] > first.raw[1] + 0.1 and last.smoothed.tolist() == last.raw.tolist()


def test_a_face_turned_away_is_doubted_also_on_frames_without_a_detection() -> None:
    pipeline, detector = FacePipeline(), AvertedDetector("side")
    settings = StreamSettings(detect_every=5)
    for step in range(8):
        (face,) = pipeline.run(frame(), step / 10, detector, FakeClassifier(), settings)
        assert face.pose is not None and face.pose.yaw > 50
        assert face.against.doubts == ("the face is turned too far to the side",)
    assert detector.looks == 2 and len(detector.sizes) < 8


def test_yunet_turns_crops_upright_also_on_frames_that_optical_flow_follows() -> None:
    class Keeping(FakeClassifier):
        def probabilities(self, crops: np.ndarray, **_: object) -> np.ndarray:
            self.crops = crops
            return super().probabilities(crops)

    image_bgr = np.ascontiguousarray(portrait_bgr()[:400, :400])
    settings = StreamSettings(detector="yunet", detect_every=10)
    kept = []
    for picture in (image_bgr, np.ascontiguousarray(np.rot90(image_bgr))):
        pipeline, detector, classifier = FacePipeline(), stream_detector(settings), Keeping()
        for step in range(4):
            (face,) = pipeline.run(picture, step / 30, detector, classifier, settings)
        assert face.pose is not None and abs(face.pose.yaw) < 20
        kept.append((classifier.crops[0].astype(int), face.pose.roll))
    (upright, no_roll), (turned_back, roll) = kept
    assert no_roll == 0 and roll == pytest.approx(-90, abs=10)
    differences = [np.abs(np.rot90(turned_back, quarters) - upright).mean() for quarters in range(4)]
    assert np.argmin(differences) == 0


def test_a_face_is_confirmed_by_as_many_detections_as_asked() -> None:
    for confirmed_by, numbers in ((1, [1, 1, 1]), (2, [None, 1, 1]), (3, [None, None, 1])):
        pipeline = FacePipeline(confirmed_by)
        detector = FakeDetector()
        seen = [pipeline.run(frame(), step / 10, detector, FakeClassifier(), SETTINGS) for step in range(3)]
        assert [faces[0].number for faces in seen] == numbers
