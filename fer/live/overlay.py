"""Draw boxes, labels and the date on a live frame, and blur faces."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import Image
from fer.live.pipeline import SeenFace
from fer.live.settings import LiveSettings
from fer.recognition.candidates import ClassSets
from fer.results import Face
from fer.vision.drawing import UNSURE_BGR, color_bgr, draw_box, draw_label

_DATE_BGR: Final = (32, 32, 32)
# Squares across a blurred face: too few to recognise anybody.
_BLUR_SQUARES: Final = 8
_FRAME_SQUARES: Final = 24
# A face has room for two classes on its label.
_MOST_ON_LABEL: Final = 2
# A detector's box ends at the forehead and the ears, so blurring needs a margin.
_BLUR_MARGIN: Final = 0.25


@dataclass(frozen=True, eq=False)
class Person:
    """A person in the current frame: their number, the face with smoothed probabilities, and raw ones (7,)."""

    number: int
    face: Face
    raw: npt.NDArray[np.float32]


def people_of(
    seen: Sequence[SeenFace], confidence_threshold: float, sets: ClassSets | None = None
) -> tuple[Person, ...]:
    """Return the faces that are confirmed and classified, by number.

    Args:
        seen: all tracked faces.
        confidence_threshold: the confidence in 0..1 below which the model answers 'not sure'.
        sets: which classes may be the right one; None if the model has no such calibration.
    """
    people = []
    for face in seen:
        if face.number is not None and face.raw is not None and face.smoothed is not None:
            left, top, width, height = (round(float(value)) for value in face.box_xywh)
            box = (left, top, max(1, width), max(1, height))
            # After hundreds of float32 steps, the sum is slightly off 1.
            smoothed = face.smoothed / face.smoothed.sum()
            shown = Face(
                box_xywh=box,
                probabilities=smoothed,
                confidence_threshold=confidence_threshold,
                candidates=sets.of(smoothed) if sets else (),
                doubts=face.against.doubts,
                flaws=face.against.flaws,
            )
            people.append(Person(face.number, shown, face.raw))
    return tuple(sorted(people, key=lambda person: person.number))


def draw(
    image_bgr: Image, seen: Sequence[SeenFace], people: Sequence[Person], settings: LiveSettings, now: datetime
) -> Image:
    """Draw the frame that the viewer sees.

    Args:
        image_bgr: (H, W, 3) uint8; not modified.
        seen: all tracked faces, which are blurred if the settings say so.
        people: the confirmed faces, which get a box and a label.
        settings: what to draw.
        now: the date and time to show.

    Returns:
        A new image of the same size.
    """
    scene: Image = cv2.flip(image_bgr, 1).astype(np.uint8, copy=False) if settings.mirror else image_bgr.copy()
    width = scene.shape[1]
    if settings.blur:
        for face in seen:
            _pixelate(scene, _mirrored(face.box_xywh, width) if settings.mirror else face.box_xywh)
    for person in people:
        x, y, w, h = person.face.box_xywh
        box = (width - x - w, y, w, h) if settings.mirror else (x, y, w, h)
        color = color_bgr(person.face.emotion) if person.face.sure else UNSURE_BGR
        text = label(person, settings, numbered=len(people) > 1)
        if settings.boxes:
            draw_box(scene, box, color, text)
        elif text:
            draw_label(scene, box[:2], color, text)
    if settings.date:
        # A label at the bottom edge is drawn above its corner.
        draw_label(scene, (0, scene.shape[0]), _DATE_BGR, f"{now:%Y-%m-%d %H:%M:%S}")
    return scene


def label(person: Person, settings: LiveSettings, *, numbered: bool) -> str | None:
    """Return the label of a face, such as '2: looks happy 0.83' or 'not sure'; None if labels are off."""
    parts = []
    if settings.labels:
        parts.append(_words(person.face))
    if settings.confidence and (person.face.sure or not settings.labels):
        parts.append(f"{person.face.confidence:.2f}")
    if numbered and parts:
        parts[0] = f"{person.number}: {parts[0]}"
    elif numbered and settings.boxes:
        parts.append(str(person.number))
    return " ".join(parts) or None


def _words(face: Face) -> str:
    """Return what a face looks like: 'looks happy', 'not sure', or 'neutral or happy?' if the set names only two."""
    if face.sure or len(face.candidates) != _MOST_ON_LABEL:
        return face.looks
    return f"{' or '.join(face.candidates)}?"


def hide_all(image_bgr: Image) -> Image:
    """Return the frame as a few squares, for when faces must be blurred but couldn't be detected."""
    height, width = image_bgr.shape[:2]
    scene = image_bgr.copy()
    _pixelate_area(scene, 0, 0, width, height, _FRAME_SQUARES)
    return scene


def _mirrored(box_xywh: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float32]:
    return np.array([width - box_xywh[0] - box_xywh[2], *box_xywh[1:]], dtype=np.float32)


def _pixelate(scene: Image, box_xywh: npt.NDArray[np.float32]) -> None:
    height, width = scene.shape[:2]
    left_top = box_xywh[:2] - _BLUR_MARGIN * box_xywh[2:]
    right_bottom = box_xywh[:2] + (1 + _BLUR_MARGIN) * box_xywh[2:]
    left, top = (int(value) for value in np.clip(left_top, 0, (width, height)))
    right, bottom = (int(value) for value in np.clip(np.ceil(right_bottom), 0, (width, height)))
    if right > left and bottom > top:
        _pixelate_area(scene, left, top, right, bottom, _BLUR_SQUARES)


def _pixelate_area(scene: Image, left: int, top: int, right: int, bottom: int, squares: int) -> None:
    area = scene[top:bottom, left:right]
    small = cv2.resize(area, (squares, squares), interpolation=cv2.INTER_AREA)
    scene[top:bottom, left:right] = cv2.resize(small, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)
