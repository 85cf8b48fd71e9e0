"""A face and its expression: frozen, and validated when created."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fer.arrays import Probabilities
from fer.emotions import EMOTIONS, N_EMOTIONS, NOT_SURE, looks
from fer.text import listed

# Right eye, left eye, nose tip, right and left corner of the mouth; right and left are the person's own.
N_LANDMARKS = 5
# Of seven classes, more than this say nothing to a reader.
MOST_CANDIDATES = 3
# What is measured of a face's picture, in the order of `fer.vision.quality.MEASURES`, in words; larger is worse.
QUALITY_IN_WORDS = {
    "blur": "how little fine detail there is",
    "softness": "how little detail of middle size there is",
    "noise": "how strong the grain is",
    "cover": "how empty the emptiest half of the face is, as under a hand or a mask",
    "hidden": "how likely a half of the face is hidden, also by a pattern or a thing (log odds)",
    "blocks": "how visible the blocks of JPEG compression are",
    "darkness": "the mean grey level from 0 to 255, with a minus sign",
    "brightness": "the mean grey level from 0 to 255",
    "flatness": "how little contrast there is",
}
QUALITY = tuple(QUALITY_IN_WORDS)
# What FaceReader counts as negative (Noldus, 'FaceReader methodology'); contempt is no class of FER-2013.
NEGATIVE = ("angry", "disgust", "fear", "sad")


@dataclass(frozen=True)
class Pose:
    """Where a head is turned, in degrees, as the viewer of the image sees it; (0, 0, 0) looks into the camera.

    Attributes:
        yaw: positive turns the face towards the image's right edge, -180..180.
        pitch: positive turns the face up, -180..180.
        roll: positive turns the head clockwise, -180..180; 180 is upside down.

    Raises:
        ValueError: an angle is not finite or out of range.
    """

    yaw: float
    pitch: float
    roll: float

    def __post_init__(self) -> None:
        for name, angle in asdict(self).items():
            if not -180 <= angle <= 180:
                raise ValueError(f"{name}: expected degrees in -180..180. Received: {angle}")


@dataclass(frozen=True, eq=False)
class Face:
    """One face of an image and its expression.

    Attributes:
        box_xywh: left, top, width, height in pixels of the image as it is shown; width and height are positive. The box
            may extend beyond the image.
        probabilities: (7,) float32 in the order of `EMOTIONS`, each in 0..1, summing to 1. A read-only copy is kept.
        confidence_threshold: confidence in 0..1 under which the face is 'not sure'.
        landmarks: five (x, y) in pixels of the same image: right eye, left eye, nose tip, right and left corner of the
            mouth, where right and left are the person's own. None if the detector finds none, as Haar does.
        pose: where the head is turned; None without landmarks.
        doubts: why no answer should be trusted, in plain words such as 'the face is only 18 pixels wide'. Any doubt
            makes the face 'not sure', whatever its confidence.
        candidates: the classes of `EMOTIONS` that contain the right one with the model's stated coverage, most probable
            first; empty if the model has no such calibration.
        flaws: what is wrong with the picture of the face, in plain words such as 'the face is blurred'. Its confidence
            is lower for it; a flaw alone doesn't make the face 'not sure'.
        quality: measures of the face's picture in the order of `QUALITY`, larger where it is worse; None if they were
            not taken.

    Raises:
        ValueError: a shape, a range or a class name is wrong.
    """

    box_xywh: tuple[int, int, int, int]
    probabilities: Probabilities
    confidence_threshold: float = 0.0
    landmarks: tuple[tuple[float, float], ...] | None = None
    pose: Pose | None = None
    doubts: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    flaws: tuple[str, ...] = ()
    quality: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        probabilities = np.array(self.probabilities, dtype=np.float32)
        if probabilities.shape != (N_EMOTIONS,):
            raise ValueError(f"probabilities: expected shape ({N_EMOTIONS},). Received: {probabilities.shape}")
        if not (np.all(probabilities >= 0) and abs(float(probabilities.sum()) - 1) < 1e-3):
            raise ValueError(f"probabilities: expected values of 0 or more that sum to 1. Received: {probabilities}")
        if len(self.box_xywh) != 4 or self.box_xywh[2] <= 0 or self.box_xywh[3] <= 0:
            raise ValueError(f"box_xywh: expected (left, top, width > 0, height > 0). Received: {self.box_xywh}")
        if self.landmarks is not None and np.shape(self.landmarks) != (N_LANDMARKS, 2):
            raise ValueError(f"landmarks: expected {N_LANDMARKS} pairs (x, y). Received: {self.landmarks}")
        if not set(self.candidates) <= set(EMOTIONS):
            raise ValueError(f"candidates: expected names of {EMOTIONS}. Received: {self.candidates}")
        if self.quality is not None and len(self.quality) != len(QUALITY):
            raise ValueError(f"quality: expected {len(QUALITY)} numbers. Received: {len(self.quality)}")
        probabilities.setflags(write=False)
        object.__setattr__(self, "probabilities", probabilities)
        object.__setattr__(self, "box_xywh", tuple(int(value) for value in self.box_xywh))

    @property
    def emotion(self) -> str:
        """Return the most probable of `EMOTIONS`."""
        return EMOTIONS[int(self.probabilities.argmax())]

    @property
    def label(self) -> str:
        """Return `emotion`, or 'not sure': what the face counts as."""
        return self.emotion if self.sure else NOT_SURE

    @property
    def confidence(self) -> float:
        """Return the probability of `emotion`, 1/7..1."""
        return float(self.probabilities.max())

    @property
    def valence(self) -> float:
        """Return the valence as FaceReader defines it: happy minus the strongest negative expression, -1..1."""
        by_name = dict(zip(EMOTIONS, self.probabilities.tolist(), strict=True))
        return float(by_name["happy"] - max(by_name[name] for name in NEGATIVE))

    @property
    def roll(self) -> float:
        """Return the degrees by which the head is turned clockwise, 0 if unknown."""
        return self.pose.roll if self.pose else 0.0

    @property
    def sure(self) -> bool:
        """Return whether `confidence` reaches the threshold and nothing speaks against an answer."""
        return self.confidence >= self.confidence_threshold and not self.doubts

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return what speaks against an answer, the most serious first, whether the face is sure or not."""
        return tuple(dict.fromkeys((*self.doubts, *self.flaws)))

    @property
    def looks(self) -> str:
        """Return the wording for people: 'looks happy' or 'not sure'."""
        return looks(self.emotion, sure=self.sure)

    @property
    def details(self) -> str:
        """Return a sentence for people that says more where the face is 'not sure'; '' if it is sure.

        For example 'Not sure: the face is blurred. Perhaps neutral or happy.'
        """
        if self.sure:
            return ""
        why = f": {listed(self.reasons)}" if self.reasons else ""
        may_be = f" Perhaps {' or '.join(self.candidates)}." if 0 < len(self.candidates) <= MOST_CANDIDATES else ""
        return f"Not sure{why}.{may_be}"

    def to_dict(self) -> dict[str, Any]:
        """Return the face as plain JSON values."""
        return {
            "box": list(self.box_xywh),
            "label": self.label,
            "emotion": self.emotion,
            "confidence": round(self.confidence, 6),
            "sure": self.sure,
            "probabilities": {
                name: round(float(value), 6) for name, value in zip(EMOTIONS, self.probabilities, strict=True)
            },
            "valence": round(self.valence, 6),
            "landmarks": self.landmarks and [[round(float(x), 2), round(float(y), 2)] for x, y in self.landmarks],
            "pose": self.pose and {name: round(angle, 1) for name, angle in asdict(self.pose).items()},
            "quality": self.quality
            and {name: round(value, 3) for name, value in zip(QUALITY, self.quality, strict=True)},
            "reasons": list(self.reasons),
            "candidates": list(self.candidates),
        }
