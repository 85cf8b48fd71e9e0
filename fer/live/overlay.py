"""Draw a live frame as its viewer sees it: mirrored, with the date."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import cv2
import numpy as np

from fer.arrays import Image
from fer.live.settings import LiveSettings
from fer.streams.overlay import draw_people
from fer.streams.people import Person
from fer.streams.pipeline import SeenFace
from fer.vision.drawing import draw_label

_DATE_BGR: Final = (32, 32, 32)


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
    scene = image_bgr.copy()
    if settings.mirror:
        width = scene.shape[1]
        scene = np.asarray(cv2.flip(image_bgr, 1), np.uint8)
        seen = [_mirrored_face(face, width) for face in seen]
        people = [_mirrored_person(person, width) for person in people]
    draw_people(scene, seen, people, settings)
    if settings.date:
        # A label at the bottom edge is drawn above its corner.
        draw_label(scene, (0, scene.shape[0]), _DATE_BGR, f"{now:%Y-%m-%d %H:%M:%S}")
    return scene


def _mirrored_face(face: SeenFace, width: int) -> SeenFace:
    left, top, box_width, height = face.box_xywh
    return replace(face, box_xywh=np.array([width - left - box_width, top, box_width, height], np.float32))


def _mirrored_person(person: Person, width: int) -> Person:
    left, top, box_width, height = person.face.box_xywh
    return replace(person, face=replace(person.face, box_xywh=(width - left - box_width, top, box_width, height)))
