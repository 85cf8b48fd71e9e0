"""Boxes and labels on a frame of a stream; drawing never predicts."""

import cv2
import numpy as np

from fer.arrays import Image
from fer.emotions import EMOTION_COLORS, black_stands_out

BGR = tuple[int, int, int]

_FONT = cv2.FONT_HERSHEY_SIMPLEX
UNSURE_BGR: BGR = (150, 150, 150)


def color_bgr(emotion: str) -> BGR:
    """Return the colour of a class, 0..255 each, in OpenCV's order."""
    value = EMOTION_COLORS[emotion].lstrip("#")
    return int(value[4:6], 16), int(value[2:4], 16), int(value[0:2], 16)


def draw_box(scene: Image, box_xywh: tuple[int, int, int, int], color: BGR, text: str | None = None) -> None:
    """Draw one box in place, with a text on a patch of its colour above it, or inside where there is no room."""
    thickness = max(1, round(max(scene.shape[:2]) / 400))
    x, y, w, h = box_xywh
    cv2.rectangle(scene, (x, y), (x + w, y + h), color, thickness)
    if text:
        draw_label(scene, (x, y), color, text)


def draw_label(scene: Image, corner_xy: tuple[int, int], color: BGR, text: str) -> None:
    """Write a text in place, on a patch of a colour above a corner, or below it where there is no room."""
    height, width = scene.shape[:2]
    x, y = corner_xy
    scale = max(0.4, max(height, width) / 1300)
    stroke = max(1, round(scale * 1.6))
    (text_width, text_height), baseline = cv2.getTextSize(text, _FONT, scale, stroke)
    pad = max(2, baseline // 2)
    patch_height = text_height + baseline + pad
    left = int(np.clip(x, 0, max(0, width - text_width - 2 * pad)))
    top = y - patch_height if y >= patch_height else max(0, y)
    cv2.rectangle(scene, (left, top), (left + text_width + 2 * pad, top + patch_height), color, cv2.FILLED)
    ink = (0, 0, 0) if black_stands_out(*color[::-1]) else (255, 255, 255)
    cv2.putText(scene, text, (left + pad, top + text_height + pad), _FONT, scale, ink, stroke, cv2.LINE_AA)
