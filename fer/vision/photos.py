"""Every face of a photo, whatever its size: a pass over the whole, a finer one over a large photo, and closer looks.

A pass at 640 pixels finds large faces at once. In a larger photo, the finer pass proposes small ones, and a proposal is
a face if a closer look at it, enlarged, finds it again. So a threshold low enough to miss nobody brings no false faces.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.arrays import Image
from fer.vision.boxes import Detections, joined, reduced
from fer.vision.haar import WINDOW, Haar, HaarDetector, neighbors_at
from fer.vision.upright import Examiner, roll_of, surely_upright
from fer.vision.yunet import YuNet, plausible, score_at

# Long side in pixels of the first pass. It finds all faces of 30 pixels in photos of twice its side.
PHOTO_SIDE: Final = 640
FINE_FROM: Final = 2 * PHOTO_SIDE
# The finer pass adds faces of this many pixels. A strip that is narrower holds none, however long it is.
_FINE_FACE: Final = 30
# The finer pass takes every second pixel, so that a face of 30 pixels has 15; YuNet proposes those.
_FINE: Final = 2
_TILE: Final = 1024
# Large faces of the first pass, in its pixels; tiles overlap by as much, so that each smaller face is whole in one.
_OVERLAP: Final = 24
# Candidates with a lower score are never faces.
_WEAK: Final = 0.2
# A face of the first pass that scores so much needs no confirmation.
_CLEAR: Final = 0.8
# What the first pass only suspects, and all that the finer one proposes, is a face if a closer look and one at its
# mirror image score so much, or so much more than the least score: real faces do, textures don't.
_MORE: Final = 0.25
_MORE_IN_SMALL: Final = 0.1
_CONFIRMED: Final = 0.85
# Proposals of one photo that are looked at; those with the highest scores come first.
_MOST_PROPOSALS: Final = 300
_MOST_WEAK: Final = 24
# A face as wide as this in the first pass's image is looked at there: a look into a large photo copies a large square.
_WIDE: Final = 40
# Degrees up to which the first pass draws the box of a tilted head as well as a closer look.
_TILTED: Final = 60
# Long side in pixels of Haar's finer pass.
HAAR_FINE_SIDE: Final = 1600


@dataclass(frozen=True, eq=False)
class _Photo:
    """A photo, and its reduced image for the first pass, whose coordinates times `factor` are the photo's."""

    network: YuNet
    image_bgr: Image
    small: Image
    factor: float

    def examiner(self, face: Detections) -> tuple[Examiner, float]:
        """Return what looks at a face, and the factor from what it finds to the photo's coordinates."""
        if self.factor > 1 and face.boxes_xywh[0, 2:].max() >= _WIDE * self.factor:
            return Examiner(self.network, self.small, face.placed(1 / self.factor)), self.factor
        return Examiner(self.network, self.image_bgr, face), 1.0


class YuNetPhotoDetector:
    """YuNet for photos; see `FaceDetector`."""

    name = "yunet"
    crop_scale = 1.1

    def __init__(self, network: YuNet, min_face: int | None, sensitivity: float) -> None:
        self._network = network
        self._min_face = max(min_face or 0, 1)
        self._sure = score_at(sensitivity)
        self._weak = min(_WEAK, self._sure)
        self._needed = _needed(self._sure)

    def detect(self, image_bgr: Image) -> Detections:
        """See `FaceDetector.detect`."""
        small, factor = reduced(image_bgr, PHOTO_SIDE)
        found = plausible(self._network.candidates(small, self._weak).placed(factor), image_bgr).distinct()
        photo = _Photo(self._network, image_bgr, small, factor)
        is_sure = found.scores >= self._sure
        sure, proposed = found.take(is_sure), found.take(~is_sure)
        is_large = max(image_bgr.shape[:2]) > FINE_FROM and min(image_bgr.shape[:2]) >= _FINE_FACE
        if is_large:
            proposed = joined(proposed, self._fine(image_bgr, factor)).distinct()
        faces = joined(self._turned(photo, sure), self._confirmed(photo, apart_from(sure, proposed)))
        if not (faces.scores >= _CLEAR).any():
            faces = joined(faces, self._confirmed(photo, self._sideways(small).placed(factor), any_angle=True))
        # A large photo that lies on its side has more faces that do, and the finer pass misses most of the small ones.
        # In a photo that is upside down, it may miss all.
        orientations = _quarters(faces) if (faces.scores >= _CLEAR).any() else [2]
        for quarters in orientations if is_large else ():
            proposed = self._fine(image_bgr, factor, quarters)
            faces = joined(faces, self._confirmed(photo, apart_from(faces, proposed), any_angle=True))
        return plausible(faces, image_bgr, self._min_face).distinct()

    def roll(self, image_bgr: Image, box_xywh: npt.ArrayLike) -> float:
        """See `FaceDetector.roll`."""
        return roll_of(self._network, image_bgr, box_xywh)

    def _fine(self, image_bgr: Image, coarse_factor: float, quarters: int = 0) -> Detections:
        """Return the candidates of the finer pass, tile by tile on two threads.

        Args:
            image_bgr: the photo.
            coarse_factor: factor from the first pass's coordinates to the photo's.
            quarters: by how many quarters the photo is turned counterclockwise before.
        """
        half, factor = reduced(image_bgr, max(image_bgr.shape[:2]) // _FINE)
        height, width = half.shape[:2]
        half = np.ascontiguousarray(np.rot90(half, quarters))
        # No face is larger than the shorter side, and the overlap of a long strip would be most of its length.
        overlap = min(round(_OVERLAP * coarse_factor / factor), *half.shape[:2])

        def search(corner: tuple[int, int]) -> Detections:
            x, y = corner
            tile = half[y : y + _TILE + overlap, x : x + _TILE + overlap]
            return self._network.candidates(tile, self._weak).placed(1, corner)

        with ThreadPoolExecutor(2) as threads:
            found = reduce(joined, threads.map(search, _corners(half, overlap)))
        if quarters:
            found = _turned_back(found, quarters, width, height)
        return plausible(found.placed(factor), image_bgr).distinct()

    def _sideways(self, small: Image) -> Detections:
        """Return the candidates of the three other orientations."""
        height, width = small.shape[:2]
        found = nobody()
        for quarters in (1, 2, 3):
            seen = self._network.candidates(np.ascontiguousarray(np.rot90(small, quarters)), self._weak)
            found = joined(found, _turned_back(seen, quarters, width, height))
        return plausible(found, small).distinct()

    def _turned(self, photo: _Photo, sure: Detections) -> Detections:
        """Return faces of the first pass, the turned ones with roll and landmarks of the look that shows them.

        In a photo with turned heads, the first pass sees faces where none are: there, what scores little must be
        confirmed. Elsewhere that would lose more real faces than false ones.
        """
        is_upright = surely_upright(sure)
        faces, doubtful = sure.take(is_upright), nobody()
        for index in np.flatnonzero(~is_upright):
            face = sure.take(np.array([index]))
            examiner, scale = photo.examiner(face)
            look = examiner.best()
            if look.roll and look.score >= self._sure:
                faces = joined(faces, _tilted(face, look.face.placed(scale)))
            elif face.scores[0] >= _CLEAR or look.score >= self._needed:
                faces = joined(faces, face)
            else:
                doubtful = joined(doubtful, face)
        return faces if (faces.rolls != 0).any() else joined(faces, doubtful)

    def _confirmed(self, photo: _Photo, proposed: Detections, *, any_angle: bool = False) -> Detections:
        """Return the proposals that closer looks find again, as they see them.

        Args:
            photo: the photo.
            proposed: places with scores.
            any_angle: look for turned faces even where a place has a low score and an upright look shows nothing.
        """
        # In large photos, there are more textures to confuse with faces; in small ones, strictness loses turned faces.
        is_large = max(photo.image_bgr.shape[:2]) > FINE_FROM
        needed = self._needed if is_large else min(self._sure + _MORE_IN_SMALL, self._needed)
        order = np.argsort(-proposed.scores, kind="stable")[:_MOST_PROPOSALS]
        n_strong = int((proposed.scores >= self._sure).sum())
        faces = nobody()
        for index in order[: n_strong + _MOST_WEAK]:
            examiner, scale = photo.examiner(proposed.take(np.array([index])))
            is_strong = any_angle or proposed.scores[index] >= self._sure
            if not is_strong and examiner.upright().score < self._weak:
                continue
            look = examiner.best()
            if min(look.score, examiner.look(look.roll, mirrored=True).score) >= needed:
                faces = joined(faces, look.face.placed(scale))
        return faces


def nobody() -> Detections:
    """Return no face."""
    return Detections.upright(np.zeros((0, 4), np.float32), landmarks_xy=np.zeros((0, 5, 2), np.float32))


def _tilted(face: Detections, seen: Detections) -> Detections:
    """Return a face as a look sees it, with its own box if it is tilted little; the look's cost 5 of 28 answers."""
    return seen if abs(seen.rolls[0]) > _TILTED else replace(seen, boxes_xywh=face.boxes_xywh)


def _turned_back(found: Detections, quarters: int, width: int, height: int) -> Detections:
    """Return the faces of an image that was turned counterclockwise by quarters, as boxes of the image of this size."""
    x, y = found.centers_xy.T
    centers = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[quarters]
    sizes = found.boxes_xywh[:, 2:] if quarters == 2 else found.boxes_xywh[:, :1:-1]
    boxes = np.hstack([np.column_stack(centers) - sizes / 2, sizes])
    return Detections.upright(boxes, found.scores, found.landmarks_xy)


def _quarters(faces: Detections) -> list[int]:
    """Return by how many quarters a photo must be turned counterclockwise so that its turned faces are upright."""
    return sorted(set(np.round(faces.rolls / 90).astype(int) % 4) - {0})


def _corners(image: Image, overlap: int) -> Iterator[tuple[int, int]]:
    """Yield the left top corners of tiles that cover an image."""
    height, width = image.shape[:2]
    for y in range(0, max(1, height - overlap), _TILE):
        for x in range(0, max(1, width - overlap), _TILE):
            yield x, y


def apart_from(clear: Detections, proposed: Detections) -> Detections:
    """Return the proposals whose centre is in no clear face: the others are the same face, or a part of it."""
    corner, size = clear.boxes_xywh[:, :2], clear.boxes_xywh[:, 2:]
    centers = proposed.centers_xy[:, None]
    inside = np.any(np.all((centers >= corner) & (centers <= corner + size), axis=2), axis=1)
    return proposed.take(np.flatnonzero(~inside))


class HaarPhotoDetector:
    """Haar for photos; see `FaceDetector`.

    The cascade takes ten times as long as YuNet, so its finer pass is at 1600 pixels however large the photo is. That
    pass finds two or three false faces in an enlarged portrait, even if a closer look has to find them again. So YuNet
    confirms what it proposes, and without YuNet's file there is no finer pass.

    Args:
        network: YuNet, or None if its file is missing.
        min_face: smallest side of a face in pixels of the photo.
        sensitivity: 0..1.
    """

    name = "haar"
    crop_scale = HaarDetector.crop_scale

    def __init__(self, network: YuNet | None, min_face: int | None, sensitivity: float) -> None:
        self._network = network
        self._haar = Haar()
        self._coarse = HaarDetector(PHOTO_SIDE, min_face, sensitivity)
        self._min_face = min_face or 0
        self._neighbors = neighbors_at(sensitivity)
        self._needed = _needed(score_at(sensitivity))

    def detect(self, image_bgr: Image) -> Detections:
        """See `FaceDetector.detect`."""
        clear = self._coarse.detect(image_bgr)
        if self._network is None or max(image_bgr.shape[:2]) <= FINE_FROM:
            return clear
        small, factor = reduced(image_bgr, HAAR_FINE_SIDE)
        least = max(WINDOW, round(self._min_face / factor))
        # The first pass finds what is larger.
        most = max(least, round(1.3 * WINDOW * HAAR_FINE_SIDE / PHOTO_SIDE))
        fine = self._haar.search(small, step=1.1, neighbors=self._neighbors, min_face=least, max_face=most)
        proposed = apart_from(clear, fine.placed(factor).distinct())
        each = (proposed.take(np.array([index])) for index in range(len(proposed)))
        return reduce(joined, (face for face in each if self._confirms(self._network, image_bgr, face)), clear)

    def _confirms(self, network: YuNet, image_bgr: Image, face: Detections) -> bool:
        examiner = Examiner(network, image_bgr, face)
        return min(examiner.look(0).score, examiner.look(0, mirrored=True).score) >= self._needed

    def roll(self, image_bgr: Image, box_xywh: npt.ArrayLike) -> float:
        """See `HaarDetector.roll`."""
        return self._coarse.roll(image_bgr, box_xywh)


def _needed(sure: float) -> float:
    """Return the score of a closer look that confirms a proposal, where `sure` is the detector's least score."""
    return min(sure + _MORE, max(sure, _CONFIRMED))
