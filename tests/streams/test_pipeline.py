"""The two halves of the pipeline: finding may be frames ahead of classifying."""

import numpy as np

from fer.streams.pipeline import FacePipeline, SeenFace
from fer.streams.settings import StreamSettings
from tests.support.live_session import FACE, FakeClassifier, FakeDetector, frame

SETTINGS = StreamSettings(detect_every=1, smoothing_s=0.5)


class ByBrightness:
    """Says 'angry' of dark crops and 'disgust' of bright ones, in proportion."""

    def probabilities(self, crops: np.ndarray) -> np.ndarray:
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
    actual = [apart.classify(one, ByBrightness(), SETTINGS) for one in found]
    assert [values(seen) for seen in actual] == [values(seen) for seen in expected]
    lefts = [seen[0].box_xywh[0] for seen in actual]
    assert lefts == sorted(lefts) and lefts[0] < lefts[-1]


def test_a_face_is_confirmed_by_as_many_detections_as_asked() -> None:
    for confirmed_by, numbers in ((1, [1, 1, 1]), (2, [None, 1, 1]), (3, [None, None, 1])):
        pipeline = FacePipeline(confirmed_by)
        detector = FakeDetector()
        seen = [pipeline.run(frame(), step / 10, detector, FakeClassifier(), SETTINGS) for step in range(3)]
        assert [faces[0].number for faces in seen] == numbers
