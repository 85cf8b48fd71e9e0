"""Detected faces as arrays, and what every detector does with an image and its boxes."""

from dataclasses import dataclass
from typing import Final, Protocol, Self

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import Boxes, Floats, Image

# Two boxes that share more than this part of their union are one face.
_MOST_OVERLAP: Final = 0.3


@dataclass(frozen=True, eq=False)
class Detections:
    """Faces found in one image.

    Attributes:
        boxes_xywh: (N, 4) float32, left, top, width, height in pixels of the image. Width and height are positive; the
            centre is in the image, the edges may be outside.
        scores: (N,) float32 in 0..1; Haar has none, so 1.
        landmarks_xy: (N, 5, 2) float32 in pixels: right eye, left eye, nose tip, right and left corner of the mouth,
            where right and left are the person's own; None from Haar.
        rolls: (N,) float32, degrees in -180..180 by which each head is turned clockwise.
    """

    boxes_xywh: Boxes
    scores: Floats
    landmarks_xy: Floats | None
    rolls: Floats

    @classmethod
    def upright(cls, boxes_xywh: Boxes, scores: Floats | None = None, landmarks_xy: Floats | None = None) -> Self:
        """Return faces that aren't turned; without scores, each has 1."""
        count = len(boxes_xywh)
        known = np.ones(count, np.float32) if scores is None else scores
        return cls(boxes_xywh, known, landmarks_xy, np.zeros(count, np.float32))

    def __len__(self) -> int:
        return len(self.boxes_xywh)

    @property
    def centers_xy(self) -> Floats:
        """Return the centres of the boxes, (N, 2)."""
        return self.boxes_xywh[:, :2] + self.boxes_xywh[:, 2:] / np.float32(2)

    def whole_pixels(self) -> Boxes:
        """Return the boxes rounded to pixels, each side 1 or more."""
        boxes = np.round(self.boxes_xywh)
        boxes[:, 2:] = np.maximum(boxes[:, 2:], 1)
        return boxes

    def take(self, chosen: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Self:
        """Return the faces at some indices, or where a mask is true."""
        landmarks = None if self.landmarks_xy is None else self.landmarks_xy[chosen]
        return type(self)(self.boxes_xywh[chosen], self.scores[chosen], landmarks, self.rolls[chosen])

    def placed(self, factor: float, offset_xy: tuple[float, float] = (0, 0)) -> Self:
        """Return the faces in another image's pixels: multiplied by `factor`, then moved by `offset_xy`."""
        offset = np.array(offset_xy, np.float32)
        boxes = self.boxes_xywh * np.float32(factor)
        boxes[:, :2] += offset
        landmarks = None if self.landmarks_xy is None else self.landmarks_xy * np.float32(factor) + offset
        return type(self)(boxes, self.scores, landmarks, self.rolls)

    def distinct(self) -> Self:
        """Return each face once, highest score first: of boxes that overlap, the one with the highest score."""
        kept = cv2.dnn.NMSBoxes(self.boxes_xywh.tolist(), self.scores.tolist(), 0.0, _MOST_OVERLAP)
        return self.take(np.asarray(kept, np.intp).reshape(-1))

    def with_centers_in(self, width: int, height: int) -> Self:
        """Return the faces whose centre is in an image of this size; coordinates that aren't finite are not."""
        inside = np.all((self.centers_xy >= 0) & (self.centers_xy < (width, height)), axis=1)
        return self.take(np.flatnonzero(inside))


def joined(first: Detections, second: Detections) -> Detections:
    """Return the faces of two detections of one detector in one image; a face may be there twice."""
    landmarks = None
    if first.landmarks_xy is not None and second.landmarks_xy is not None:
        landmarks = np.concatenate([first.landmarks_xy, second.landmarks_xy])
    return Detections(
        np.concatenate([first.boxes_xywh, second.boxes_xywh]),
        np.concatenate([first.scores, second.scores]),
        landmarks,
        np.concatenate([first.rolls, second.rolls]),
    )


@dataclass(frozen=True, eq=False)
class Head:
    """What a closer look at one face shows.

    Attributes:
        roll: degrees in -180..180 by which the head is turned clockwise; 0 if the detector can't tell.
        landmarks_xy: (5, 2) float32 in pixels of the image, as in `Detections`; None if the detector finds none.
    """

    roll: float = 0.0
    landmarks_xy: Floats | None = None


class FaceDetector(Protocol):
    """Finds faces. An object serves one thread.

    Attributes:
        name: one of `fer.vision.detection.DETECTORS`.
        crop_scale: factor for the side of its boxes so that a crop looks like a FER-2013 image.
    """

    name: str
    crop_scale: float

    def detect(self, image_bgr: Image) -> Detections:
        """Return the faces of an image, (H, W, 3) BGR uint8."""

    def head(self, image_bgr: Image, box_xywh: npt.ArrayLike) -> Head:
        """Look closer at the face in a box, (4,) in pixels of the image."""


def reduced(image: Image, side: int) -> tuple[Image, float]:
    """Shrink an image until its long side is `side`; smaller ones stay as they are.

    Returns:
        The image, and the factor from its coordinates to those of the original.
    """
    height, width = image.shape[:2]
    factor = max(height, width) / side
    if factor <= 1:
        return image, 1.0
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), factor
