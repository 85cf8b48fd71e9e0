"""Draw boxes and labels on a frame, and blur faces."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import Image
from fer.results import Face
from fer.streams.people import Person
from fer.streams.pipeline import SeenFace
from fer.streams.settings import StreamSettings
from fer.vision.drawing import UNSURE_BGR, color_bgr, draw_box, draw_label

# Squares across a blurred face: too few to recognise anybody.
_BLUR_SQUARES: Final = 8
_FRAME_SQUARES: Final = 24
# A face has room for two classes on its label.
_MOST_ON_LABEL: Final = 2
# A detector's box ends at the forehead and the ears, so blurring needs a margin.
_BLUR_MARGIN: Final = 0.25


def draw_people(scene: Image, seen: Sequence[SeenFace], people: Sequence[Person], settings: StreamSettings) -> None:
    """Draw on a frame in place.

    Args:
        scene: (H, W, 3) uint8.
        seen: all tracked faces, which are blurred if the settings say so.
        people: the confirmed faces, which get a box and a label.
        settings: what to draw.
    """
    if settings.blur:
        for face in seen:
            _pixelate(scene, face.box_xywh)
    for person in people:
        color = color_bgr(person.face.emotion) if person.face.sure else UNSURE_BGR
        text = label(person, settings, numbered=len(people) > 1)
        if settings.boxes:
            draw_box(scene, person.face.box_xywh, color, text)
        elif text:
            draw_label(scene, person.face.box_xywh[:2], color, text)


def label(person: Person, settings: StreamSettings, *, numbered: bool) -> str | None:
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
