"""Count identity switches in clips of moving portraits: `python -m benchmarks.tracking`.

Two people move for a minute: they cross, so that one hides the other, leave the picture and come back. Where each is in
every frame is known. A switch is counted as in the metric MOTA (Bernardin and Stiefelhagen, 2008): a person's face
overlaps a tracked box by half, and that box has another number than the person had before.

The second person is the portrait, mirrored, in other colours. Both are therefore more alike than most people.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from fer.arrays import Boxes, Floats, Image
from fer.streams.pipeline import FacePipeline, stream_detector
from fer.streams.settings import StreamSettings
from fer.vision.images import decode
from fer.vision.samples import sample_portrait
from fer.vision.tracking import iou

_SECONDS: Final = 60
_RATE: Final = 30
_WIDTH, _HEIGHT = 640, 360
_SIDE: Final = 240
# The face in the portrait, as shares of its side.
_FACE: Final = (0.35, 0.13, 0.18, 0.24)
_LEAST_IOU: Final = 0.5


@dataclass(frozen=True)
class Scene:
    """How the second person differs, and how the two move; see `_place`."""

    name: str
    hue: int
    brightness: float
    moves: str


SCENES: Final = (
    Scene("cross every 5 s", 12, 0.7, "cross"),
    Scene("leave and come back every 10 s", 12, 0.7, "leave"),
    Scene("both", 12, 0.7, "both"),
    Scene("both, the two more alike", 5, 0.9, "both"),
)


class _Even:
    """A classifier without an opinion, because only the boxes matter."""

    def probabilities(self, crops: Image, *, measures: Floats | None = None) -> Floats:
        return np.full((len(crops), 7), 1 / 7, np.float32)


def frames(scene: Scene) -> Iterator[tuple[Image, Boxes]]:
    """Yield frames (360, 640, 3), and the box of each person's face, (2, 4); NaN while it is hidden or outside."""
    first = cv2.resize(decode(sample_portrait()), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(first[:, ::-1], cv2.COLOR_BGR2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + scene.hue) % 180
    hsv[..., 2] *= scene.brightness
    second = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)
    for index in range(_SECONDS * _RATE):
        lefts = [_place(scene.moves, person, index / _RATE) for person in (0, 1)]
        frame = np.full((_HEIGHT, _WIDTH, 3), 90, np.uint8)
        boxes = np.full((2, 4), np.nan, np.float32)
        # The second person walks in front.
        for person, picture in ((0, first), (1, second)):
            _paste(frame, np.asarray(picture, np.uint8), round(lefts[person]), 60 + 10 * person)
            x = 1 - _FACE[0] - _FACE[2] if person else _FACE[0]
            box = np.array([x * _SIDE + lefts[person], _FACE[1] * _SIDE + 60 + 10 * person, 0, 0], np.float32)
            box[2:] = np.array(_FACE[2:]) * _SIDE
            if box[0] > 0 and box[0] + box[2] < _WIDTH:
                boxes[person] = box
        if np.isfinite(boxes).all() and lefts[1] < boxes[0, 0] + boxes[0, 2] and boxes[0, 0] < lefts[1] + _SIDE:
            boxes[0] = np.nan
        yield frame, boxes


def _place(moves: str, person: int, time_s: float) -> float:
    """Return the left edge of a person's picture."""
    sign = -1 if person else 1
    swing = np.cos(2 * np.pi * time_s / 10) if moves in ("cross", "both") else 1.0
    middle = (_WIDTH - _SIDE) / 2
    left = middle - sign * swing * middle
    # Outside for three of ten seconds, one after the other.
    if moves in ("leave", "both"):
        phase = (time_s + 5 * person + 2.5) % 10
        away = np.clip((2.5 - abs(phase - 7.5)) / 1.5, 0, 1)
        left -= sign * away * _WIDTH
    return float(left)


def _paste(frame: Image, picture: Image, left: int, top: int) -> None:
    start, end = max(0, left), min(_WIDTH, left + _SIDE)
    if start < end:
        frame[top : top + _SIDE, start:end] = picture[:, start - left : end - left]


@dataclass
class Count:
    """What was counted in a scene."""

    switches: int = 0
    visible: int = 0
    tracked: int = 0
    numbers: int = 0


def count(scene: Scene) -> Count:
    """Track a scene as a video is tracked, and count."""
    settings = StreamSettings(detector="yunet", detect_every=1, smallest_face=0.05)
    detector, pipeline, found = stream_detector(settings), FacePipeline(confirmed_by=1, remember=True), Count()
    last: list[int | None] = [None, None]
    numbers: set[int | None] = set()
    for index, (frame, boxes) in enumerate(frames(scene)):
        seen = [face for face in pipeline.run(frame, index / _RATE, detector, _Even(), settings) if face.present]
        numbers |= {face.number for face in seen}
        for person in (0, 1):
            if not np.isfinite(boxes[person]).all():
                continue
            found.visible += 1
            overlaps = [float(iou(boxes[person], face.box_xywh)[0, 0]) for face in seen]
            if overlaps and max(overlaps) >= _LEAST_IOU:
                found.tracked += 1
                number = seen[int(np.argmax(overlaps))].number
                found.switches += last[person] not in (None, number)
                last[person] = number
    found.numbers = len(numbers)
    return found


def main() -> None:
    """Print the table."""
    table = Table("one minute, two people", "switches", "numbers", "faces tracked")
    for scene in SCENES:
        one = count(scene)
        table.add_row(scene.name, str(one.switches), str(one.numbers), f"{one.tracked / max(one.visible, 1):.1%}")
    table.caption = "Wanted: at most one switch, and two numbers."
    Console().print(table)


if __name__ == "__main__":
    main()
