"""Draw boxes, numbers and expressions on a photo; drawing never predicts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from fer.arrays import Image
from fer.emotions import black_stands_out
from fer.results import Face
from fer.vision.boxes import reduced
from fer.vision.crops import LEAST_ROLL, cut_square
from fer.vision.drawing import BGR, color_bgr
from fer.vision.label_layout import LEAST_LETTERS_PX, Label, place_labels

# White, which no expression has: grey would be lost on many pictures.
NOT_SURE_BGR: Final[BGR] = (255, 255, 255)
# Round every line, so that it is seen on a picture of its own colour.
_EDGE_BGR: Final[BGR] = (0, 0, 0)
# Of the picture's width; the edge is a third of a line.
_LINE: Final = 1 / 350
_PAD: Final = 0.25
_FONTS: Final = 16
# Margin shown around a face's box, in sides of the box.
_FACE_MARGIN: Final = 0.25


def annotate(image_bgr: Image, faces: Sequence[Face], least_letters_px: int = LEAST_LETTERS_PX) -> Image:
    """Draw a box and a label for each face: 'looks happy 0.83', or '2 looks happy 0.83' where there are several.

    Labels cover neither each other nor another face. Where there is no room, all of them are shorter: '2 happy', '2'.

    Args:
        image_bgr: (H, W, 3) uint8; it is left as it is.
        faces: what to draw, with boxes in this image's pixels; they are numbered from 1 in this order.
        least_letters_px: height of letters that can just be read: more where the image will be shown reduced.

    Returns:
        A copy with lines and letters whose size goes with the image's.
    """
    scene = image_bgr.copy()
    height, width = scene.shape[:2]
    line = max(1, round(width * _LINE))
    for face in faces:
        _draw_box(scene, face.box_xywh, _color(face), line)
    texts = [_texts(face, number if len(faces) > 1 else None) for number, face in enumerate(faces, start=1)]
    labels = place_labels(texts, [face.box_xywh for face in faces], (width, height), _size, least_letters_px)
    for face, label in zip(faces, labels, strict=True):
        _draw_label(scene, label, _color(face))
    return scene


def annotated_view(
    image_bgr: Image, faces: Sequence[Face], side_px: int, least_letters_px: int = LEAST_LETTERS_PX
) -> Image:
    """Return the annotated photo for a page, with its long side at `side_px`, so that letters are sharp at any size."""
    factor = side_px / max(image_bgr.shape[:2])
    size = [max(1, round(side * factor)) for side in image_bgr.shape[1::-1]]
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    scene = np.asarray(cv2.resize(image_bgr, size, interpolation=way), np.uint8)
    return annotate(scene, [_scaled(face, factor) for face in faces], least_letters_px)


def face_view(image_bgr: Image, face: Face, side_px: int) -> Image:
    """Return one face with some margin, its head turned upright as for the network, at most `side_px` wide and high."""
    x, y, width, height = face.box_xywh
    center = (x + width / 2, y + height / 2)
    side = max(width, height) * (1 + 2 * _FACE_MARGIN)
    if abs(face.roll) >= LEAST_ROLL:
        return cut_square(image_bgr, center, side, min(side_px, math.ceil(side)), face.roll).pixels
    top, left = (max(0, round(middle - side / 2)) for middle in reversed(center))
    bottom, right = (round(middle + side / 2) for middle in reversed(center))
    return reduced(image_bgr[top:bottom, left:right], side_px)[0]


def _scaled(face: Face, factor: float) -> Face:
    x, y, width, height = (round(value * factor) for value in face.box_xywh)
    return replace(face, box_xywh=(x, y, max(1, width), max(1, height)))


def _color(face: Face) -> BGR:
    return color_bgr(face.emotion) if face.sure else NOT_SURE_BGR


def _texts(face: Face, number: int | None) -> tuple[str, ...]:
    full = f"{face.looks} {face.confidence:.2f}" if face.sure else face.looks
    short = face.looks.removeprefix("looks ")
    return (full, short) if number is None else (f"{number} {full}", f"{number} {short}", f"{number}")


def _draw_box(scene: Image, box_xywh: tuple[int, int, int, int], color: BGR, line: int) -> None:
    x, y, width, height = box_xywh
    for tone, thickness in ((_EDGE_BGR, line + 2 * max(1, line // 3)), (color, line)):
        cv2.rectangle(scene, (x, y), (x + width, y + height), tone, thickness)


def _draw_label(scene: Image, label: Label, color: BGR) -> None:
    patch = _patch(label, color)
    area = label.area
    room = scene[area.top : area.bottom, area.left : area.right]
    room[:] = patch[: room.shape[0], : room.shape[1]]


def _patch(label: Label, color: BGR) -> Image:
    width, height = label.area.right - label.area.left, label.area.bottom - label.area.top
    ink = (0, 0, 0) if black_stands_out(*color[::-1]) else (255, 255, 255)
    picture = PillowImage.new("RGB", (width, height), color[::-1])
    draw = ImageDraw.Draw(picture)
    edge = max(1, label.letters_px // 20)
    draw.rectangle((0, 0, width - 1, height - 1), outline=_EDGE_BGR, width=edge)
    lines = _lines(label.letters_px)
    draw.text((lines.pad, lines.pad), label.text, font=lines.font, fill=ink)
    return np.asarray(picture, np.uint8)[..., ::-1]


@dataclass(frozen=True)
class _Lines:
    """A font, the height of its lines and the margin round them, in pixels."""

    font: ImageFont.FreeTypeFont | ImageFont.ImageFont
    height: int
    pad: int


@lru_cache(maxsize=_FONTS)
def _lines(letters_px: int) -> _Lines:
    font = ImageFont.load_default(letters_px)
    # Of all letters, so that labels are equally high.
    return _Lines(font, round(font.getbbox("Ág")[3]), max(2, round(_PAD * letters_px)))


def _size(text: str, letters_px: int) -> tuple[int, int]:
    lines = _lines(letters_px)
    return round(lines.font.getlength(text)) + 2 * lines.pad, lines.height + 2 * lines.pad
