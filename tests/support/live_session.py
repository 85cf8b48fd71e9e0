"""Small fakes: a detector with given boxes, a classifier with given results, and a clock."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from fer.emotions import EMOTIONS
from fer.live.session import LiveSession
from fer.live.settings import LiveSettings
from fer.streams.pipeline import StreamModel
from fer.vision.boxes import Detections, Head

Box = tuple[float, float, float, float]
FACE: Box = (100, 60, 80, 80)


def frame(height: int = 480, width: int = 640, seed: int = 0) -> np.ndarray:
    """Return (H, W, 3) uint8 noise, soft enough for optical flow, with different left and right halves."""
    small = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3)).astype(np.uint8)
    return np.repeat(np.repeat(small, 8, axis=0), 8, axis=1)


class FakeDetector:
    """A detector that finds `boxes` (in pixels of the reduced frame) and records its calls and their sizes."""

    name = "fake"
    crop_scale = 1.0

    def __init__(self, boxes: Sequence[Box] = (FACE,)) -> None:
        self.boxes = list(boxes)
        self.sizes: list[tuple[int, ...]] = []

    def detect(self, image_bgr: np.ndarray) -> Detections:
        self.sizes.append(image_bgr.shape[:2])
        boxes = np.array(self.boxes, np.float32).reshape(-1, 4)
        return Detections.upright(boxes)

    def head(self, image_bgr: np.ndarray, box_xywh: object) -> Head:
        return Head()


# Where eyes, nose and mouth are of heads turned away, as shares of the box. To the side, eyes and mouth are close
# together and the nose is far from them; up or down, the nose is near the eyes or near the mouth.
AVERTED: Final = {
    "side": ((0.50, 0.38), (0.64, 0.38), (0.80, 0.56), (0.52, 0.76), (0.62, 0.76)),
    "up": ((0.30, 0.40), (0.70, 0.40), (0.50, 0.42), (0.34, 0.70), (0.66, 0.70)),
    "down": ((0.30, 0.40), (0.70, 0.40), (0.50, 0.78), (0.34, 0.66), (0.66, 0.66)),
}


class AvertedDetector(FakeDetector):
    """A detector whose closer looks, which it counts, show a head that is turned away in one of `AVERTED`'s ways."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.looks = 0
        self._shares = np.array(AVERTED[way], np.float32)

    def head(self, image_bgr: np.ndarray, box_xywh: object) -> Head:
        self.looks += 1
        box = np.asarray(box_xywh, np.float32)
        return Head(0.0, box[:2] + self._shares * box[2:])


class FakeClassifier:
    """A classifier that predicts `emotion` with `confidence`, and fails on every `fails_every`-th call."""

    def __init__(
        self,
        emotion: str = "happy",
        confidence: float = 0.88,
        fails_every: int = 0,
        failure: Exception | None = None,
    ) -> None:
        self.emotion = emotion
        self.confidence = confidence
        self.fails_every = fails_every
        self.failure = failure or RuntimeError("out of luck")
        self.batches: list[int] = []

    def probabilities(self, crops: np.ndarray, **_: object) -> np.ndarray:
        assert crops.dtype == np.uint8 and crops.shape[1:] == (48, 48, 1)
        self.batches.append(len(crops))
        if self.fails_every and len(self.batches) % self.fails_every == 0:
            raise self.failure
        row = np.full(len(EMOTIONS), (1 - self.confidence) / 6, np.float32)
        row[EMOTIONS.index(self.emotion)] = self.confidence
        return np.tile(row, (len(crops), 1))


class Clock:
    """A clock whose seconds a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def session(
    detector: FakeDetector | None = None,
    classifier: FakeClassifier | None = None,
    settings: LiveSettings | None = None,
    *,
    clock: Callable[[], float] | None = None,
    confidence_threshold: float = 0.0,
    replacement: Callable[[], StreamModel] | None = None,
) -> LiveSession:
    found = detector or FakeDetector()
    return LiveSession(
        StreamModel(classifier or FakeClassifier(), confidence_threshold, "model-1"),
        settings or LiveSettings(),
        replacement=replacement,
        make_detector=lambda _: found,
        clock=clock or Clock(),
    )


def play(live: LiveSession, clock: Clock, n_frames: int, step_s: float = 0.1, seed: int = 0) -> np.ndarray:
    """Submit the same frame `n_frames` times, `step_s` apart, and return the last annotated one."""
    shown = np.empty(0, np.uint8)
    for _ in range(n_frames):
        shown = live.submit(frame(seed=seed))
        clock.now += step_s
    return shown
