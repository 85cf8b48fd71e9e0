"""Closer looks at one face: is it one, and how far is its head turned in the image plane?

YuNet finds turned heads, but draws their landmarks as if they were upright: on faces up to 100 pixels wide, turned by
30 degrees, its eyes' line shows 3. Its score is honest: it is highest where the face is upright. So the face is looked
at again, enlarged and turned, until the score has its maximum.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.arrays import Floats, Image
from fer.vision.boxes import Detections, Head
from fer.vision.crops import LEAST_ROLL, cut_square
from fer.vision.yunet import YuNet

# A look shows a face and as much again around it, the face 64 pixels wide.
_SPAN: Final = 2.0
_SIDE: Final = 128
_CLOSER: Final = 0.8
# A face that scores less may be turned by any angle.
_UPRIGHT: Final = 0.9
# What was found in a photo turned by quarters is no face if it scores less when it is looked at so.
_HOPELESS: Final = 0.25
# Degrees by which the landmarks of an upright face are tilted at most; natural tilts are within these.
_LEVEL: Final = 15.0
_QUARTERS: Final = (90, 180, -90)
_STEP: Final = 30


@dataclass(frozen=True, eq=False)
class Look:
    """What YuNet sees of a face that is supposed to be turned by `roll`.

    Attributes:
        roll: degrees clockwise.
        face: at most one, in pixels of the image, with this roll.
        score: 0 where there is no face.
        sure: whether the face is turned so beyond doubt; see `surely_upright`.
    """

    roll: float
    face: Detections
    score: float
    sure: bool


class Examiner:
    """Takes closer looks at one place of an image. It serves one thread.

    Args:
        network: YuNet.
        image: (H, W, 3) BGR or (H, W) grey, uint8.
        face: one face; its place and size count, and its roll if it was found in a photo turned by quarters.
    """

    def __init__(self, network: YuNet, image: Image, face: Detections) -> None:
        self._network = network
        self._image = image
        self._center = (float(face.centers_xy[0, 0]), float(face.centers_xy[0, 1]))
        self._side = float(np.sqrt(face.boxes_xywh[0, 2:].prod())) * _SPAN
        self._supposed = round(float(face.rolls[0]))
        self._looks: dict[int, Look] = {}

    def upright(self) -> Look:
        """Return the look at which the face is supposed to be upright."""
        return self._at(0)

    def best(self) -> Look:
        """Return the look at the angle with the highest score, refined between the angles that were tried."""
        angle = self._supposed
        if self._at(angle).sure:
            return self._at(angle)
        if angle == 0 and self._at(0).score < _UPRIGHT:
            angle = max((0, *_QUARTERS), key=lambda quarter: self._at(quarter).score)
        if angle == self._supposed != 0 and self._at(angle).score < _HOPELESS:
            return self._at(angle)
        while (better := max((angle, angle - _STEP, angle + _STEP), key=lambda near: self._at(near).score)) != angle:
            angle = better
        before, here, after = (self._at(angle + turn).score for turn in (-_STEP, 0, _STEP))
        bend = before - 2 * here + after
        roll = angle + (_STEP * (before - after) / (2 * bend) if bend < 0 else 0)
        roll = (roll + 180) % 360 - 180
        return self._at(0) if abs(roll) < LEAST_ROLL else self.look(roll)

    def _at(self, angle: int) -> Look:
        angle = (angle + 180) % 360 - 180
        if angle not in self._looks:
            self._looks[angle] = self.look(angle)
        return self._looks[angle]

    def again(self, look: Look) -> float:
        """Return the lower score of two more looks at what a look found: in its middle, and mirrored from closer by.

        A face keeps its score. A texture loses it, since it owes it to one place and one size.
        """
        if not len(look.face):
            return 0.0
        return min(self._score(look, _CLOSER, mirrored=True), self._score(look, 1.0, mirrored=False))

    def _score(self, look: Look, span: float, *, mirrored: bool) -> float:
        """Return the score of the middle of what a look found, with `span` times as much around it."""
        x, y = (float(value) for value in look.face.centers_xy[0])
        side = span * _SPAN * float(np.sqrt(look.face.boxes_xywh[0, 2:].prod()))
        pixels = cut_square(self._image, (x, y), side, _SIDE, look.roll).pixels
        return float(self._central(np.ascontiguousarray(pixels[:, ::-1]) if mirrored else pixels).scores.max(initial=0))

    def _central(self, pixels: Image) -> Detections:
        """Return the candidates in the middle of a look."""
        found = self._network.candidates(pixels, 0.05)
        return found.take((np.abs(found.centers_xy - _SIDE / 2) < _SIDE / _SPAN / 2).all(axis=1))

    def look(self, roll: float) -> Look:
        """Look once at a head that is supposed to be turned clockwise by `roll` degrees."""
        square = cut_square(self._image, self._center, self._side, _SIDE, roll)
        found = self._central(square.pixels)
        if not len(found):
            return Look(roll, found, 0.0, sure=False)
        face = found.take(np.array([found.scores.argmax()]))
        center, size = square.in_image(face.centers_xy), _size(face.boxes_xywh[0, 2:] * square.step, roll)
        assert face.landmarks_xy is not None
        placed = Detections(
            np.hstack([center - size / 2, [size]]).astype(np.float32),
            face.scores,
            square.in_image(face.landmarks_xy),
            np.array([roll], np.float32),
        )
        return Look(roll, placed, float(face.scores[0]), bool(surely_upright(face)[0]))


def surely_upright(found: Detections) -> npt.NDArray[np.bool_]:
    """Return which faces are upright beyond doubt, (N,): high score, eyes on a level line, the mouth below them.

    Of FER-2013's faces, enlarged, that is true for 7 of 10, and for 1 of 20 that are turned by 30 degrees. The score
    alone or the landmarks alone would be true for more of those.
    """
    assert found.landmarks_xy is not None
    right_eye, left_eye, _, right_mouth, left_mouth = np.moveaxis(found.landmarks_xy, 1, 0)
    across = left_eye - right_eye
    down = (right_mouth + left_mouth - right_eye - left_eye) / 2
    tilts = np.arctan2([across[:, 1], -down[:, 0]], [across[:, 0], down[:, 1]])
    return np.asarray((found.scores >= _UPRIGHT) & (np.abs(np.degrees(tilts)) < _LEVEL).all(axis=0), np.bool_)


def _size(size_wh: Floats, roll: float) -> Floats:
    """Return width and height of an upright box for a turned face: of the same area, swapped at 90 degrees."""
    share = np.sin(np.deg2rad(roll)) ** 2
    turned = size_wh * (1 - share) + size_wh[::-1] * share
    resized: Floats = turned * np.sqrt(size_wh.prod() / turned.prod())
    return resized


def head_in(network: YuNet, image_bgr: Image, box_xywh: npt.ArrayLike) -> Head:
    """Look closer at the face in a box, (4,) in pixels of the image; a roll of less than `LEAST_ROLL` is 0."""
    box = np.asarray(box_xywh, np.float32).reshape(1, 4)
    look = Examiner(network, image_bgr, Detections.upright(box)).best()
    landmarks = look.face.landmarks_xy
    return Head(look.roll, landmarks[0] if landmarks is not None and len(landmarks) else None)
