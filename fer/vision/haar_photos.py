"""Haar for photos, where YuNet adds the faces that are too small for the cascade."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fer.arrays import Boxes, Image
from fer.vision.boxes import Detections, Head, joined
from fer.vision.haar import HaarDetector
from fer.vision.photos import PHOTO_SIDE, YuNetPhotoDetector, apart_from


class HaarPhotoDetector:
    """Haar for photos; see `FaceDetector`.

    The cascade takes ten times as long as YuNet, so it has one pass at 640 pixels, and a finer one would find false
    faces in textures. In larger photos, YuNet finds what the cascade misses; without YuNet's file, nobody does.

    Args:
        finer: YuNet's search, or None if its file is missing.
        min_face: smallest side of a face in pixels of the photo.
        sensitivity: 0..1.
    """

    name = "haar"
    crop_scale = HaarDetector.crop_scale

    def __init__(self, finer: YuNetPhotoDetector | None, min_face: int | None, sensitivity: float) -> None:
        self._finer = finer
        self._haar = HaarDetector(PHOTO_SIDE, min_face, sensitivity)

    def detect(self, image_bgr: Image) -> Detections:
        """See `FaceDetector.detect`."""
        faces = self._haar.detect(image_bgr)
        if self._finer is None or max(image_bgr.shape[:2]) <= PHOTO_SIDE:
            return faces
        more = apart_from(faces, self._finer.detect(image_bgr))
        # Boxes as the cascade draws them, so that one crop scale suits all.
        return joined(faces, replace(more, boxes_xywh=_squares(more.boxes_xywh, self._finer.crop_scale)))

    def head(self, image_bgr: Image, box_xywh: npt.ArrayLike) -> Head:
        """See `HaarDetector.head`."""
        return self._haar.head(image_bgr, box_xywh)


def _squares(boxes_xywh: Boxes, scale: float) -> Boxes:
    """Return the squares that the crop rule cuts out for these boxes at this scale."""
    sides = scale * np.sqrt(boxes_xywh[:, 2:].prod(axis=1, keepdims=True))
    centers = boxes_xywh[:, :2] + boxes_xywh[:, 2:] / 2
    return np.hstack([centers - sides / 2, sides, sides]).astype(np.float32)
