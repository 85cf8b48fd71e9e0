"""The settings that every stream of frames has, whether it comes from a camera or a file."""

from dataclasses import dataclass
from typing import Final

from fer.provenance import Setting
from fer.vision.haar import FRAME_SIDE

# Haar takes five times as long as YuNet, and optical flow between detections loses no face. YuNet gains little by it.
DETECT_EVERY: Final[dict[str, int]] = {"haar": 5, "yunet": 1}
MAX_DETECT_EVERY: Final = 10
MAX_SMOOTHING_S: Final = 2.0
# The range that suits a camera. Smaller faces can be searched in larger frames.
SMALLEST_FACES: Final = (0.05, 0.5)
_LEAST_FACE: Final = 0.02
_SIDES: Final = (64, 1920)


@dataclass(frozen=True)
class StreamSettings:
    """How the faces of a stream are found, smoothed and drawn.

    Attributes:
        detector: 'haar' or 'yunet'.
        sensitivity: how easily the detector accepts a face, 0..1.
        side: long side in pixels to which frames are scaled for detection and optical flow, 64..1920.
        smallest_face: side of the smallest face to detect, as a share of the frame's longer side, 0.02..0.5. Haar finds
            none below 0.075 in a camera's frames, because its window has 24 pixels and the frame 320.
        detect_every: detect on every n-th frame, 1..10. Optical flow moves the boxes in between.
        smoothing_s: time constant of the smoothed probabilities in seconds, 0 (none)..2.
        boxes, labels, confidence: draw the box, the expression, its confidence.
        blur: make faces unrecognisable in the output, including snapshots.

    Raises:
        ValueError: a value is out of range.
    """

    detector: str = "haar"
    sensitivity: float = 0.5
    side: int = FRAME_SIDE
    smallest_face: float = 0.1
    detect_every: int = DETECT_EVERY["haar"]
    smoothing_s: float = 0.4
    boxes: bool = True
    labels: bool = True
    confidence: bool = True
    blur: bool = False

    def __post_init__(self) -> None:
        for name, low, high in (
            ("sensitivity", 0, 1),
            ("side", *_SIDES),
            ("smallest_face", _LEAST_FACE, SMALLEST_FACES[1]),
            ("detect_every", 1, MAX_DETECT_EVERY),
            ("smoothing_s", 0, MAX_SMOOTHING_S),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name}: expected {low} to {high}. Received: {value}")

    def described(self) -> dict[str, Setting]:
        """Return what a result says of the settings that made it, besides the detector."""
        return {
            "sensitivity": self.sensitivity,
            "detect_every": self.detect_every,
            "smoothing_seconds": self.smoothing_s,
        }

    @property
    def detector_key(self) -> tuple[str, float, int, float]:
        """Return the settings a detector is made from. If they change, a new detector is needed."""
        return self.detector, self.sensitivity, self.side, self.smallest_face
