"""Every face of a photo, whatever its size: a pass over the whole, a finer one over a large photo, and closer looks.

A pass at 640 pixels finds large faces at once. In a larger photo, the finer pass proposes small ones, and a proposal is
a face if a closer look at it, enlarged, finds it again. So a threshold low enough to miss nobody brings no false faces.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from fer.arrays import Image
from fer.vision.boxes import Detections, Head, joined, reduced
from fer.vision.monochrome import brightness_of, is_monochrome
from fer.vision.quarters import nobody, seen_in, turned_back
from fer.vision.tiles import tiles
from fer.vision.upright import Examiner, head_in, surely_upright
from fer.vision.yunet import YuNet, plausible, score_at

# Long side in pixels of the first pass. It finds all faces of 30 pixels in photos of `_FINE` times its side.
PHOTO_SIDE: Final = 640
# The finer pass adds faces of this many pixels. A strip that is narrower holds none, however long it is.
_FINE_FACE: Final = 30
# Pixels of the photo for one of the finer pass: a face of 30 pixels has 15 there, and YuNet proposes those. It was
# trained on colours; without them, it needs 20.
_FINE: Final = 2.0
_FINE_IN_GREY: Final = 1.3
# Pixels of a large photo for one of the passes that search for turned faces first.
_COARSE: Final = 4
# Large faces of the first pass, in its pixels; tiles overlap by as much, so that each smaller face is whole in one.
_OVERLAP: Final = 20
# Candidates with a lower score are never faces.
_WEAK: Final = 0.2
# An upright look at a face scores so much.
_PROMISING: Final = 0.5
# A face of the first pass that scores so much needs no confirmation.
_CLEAR: Final = 0.8
# What the first pass only suspects, and all that other passes propose, is a face if three closer looks score so much,
# or so much more than the least score: real faces do, textures don't.
_MORE: Final = 0.25
_CONFIRMED: Final = 0.82
# Proposals of one photo that are looked at; those with the highest scores come first.
_MOST_PROPOSALS: Final = 300
_MOST_WEAK: Final = 24
# A face as wide as this in a reduced image is looked at there: a look into a large photo copies a large square.
_WIDE: Final = 40
_WIDE_IN_FINE: Final = 64
# In the first pass' pixels: averaging a square that is twice as wide takes longer than the look itself.
_FILLING: Final = 160
# Degrees up to which the first pass draws the box of a tilted head as well as a closer look.
_TILTED: Final = 60
# Long side in pixels at which a photo without a finer pass and without a clear face is searched in the three other
# orientations. At 320 pixels, fewer answers about turned faces agree with those about upright ones.
_SIDEWAYS: Final = 448
# What they propose can be looked at from twelve sides each: the best ones bound the time in pictures without a face.
_MOST_SIDEWAYS: Final = 12
# What is smaller in the photo and only suspected isn't looked at: it couldn't be read anyway.
_TINY: Final = 20


@dataclass(frozen=True, eq=False)
class _Photo:
    """A photo as its passes need it.

    Attributes:
        network: looks at it.
        image_bgr: all of it.
        small: reduced for the first pass.
        factor: from coordinates in `small` to the photo's.
        fine: reduced for the finer pass, (H, W) if the photo has no colours; None if it needs none.
        fine_factor: from coordinates in `fine` to the photo's.
    """

    network: YuNet
    image_bgr: Image
    small: Image
    factor: float
    fine: Image | None = None
    fine_factor: float = 1.0

    @classmethod
    def of(cls, network: YuNet, image_bgr: Image) -> Self:
        """Reduce a photo for its passes."""
        longest = max(image_bgr.shape[:2])
        large = longest > _FINE_IN_GREY * PHOTO_SIDE and min(image_bgr.shape[:2]) >= _FINE_FACE
        is_grey = large and is_monochrome(image_bgr)
        step = _FINE_IN_GREY if is_grey else _FINE
        if not large or longest <= step * PHOTO_SIDE:
            return cls(network, image_bgr, *reduced(image_bgr, PHOTO_SIDE))
        # Averaging three equal channels over millions of pixels would take a tenth of the whole search.
        fine, factor = reduced(brightness_of(image_bgr) if is_grey else image_bgr, int(longest / step))
        # From the finer one, because that is faster.
        return cls(network, image_bgr, reduced(fine, PHOTO_SIDE)[0], longest / PHOTO_SIDE, fine, factor)

    @cached_property
    def smaller(self) -> tuple[Image, float]:
        """Return half of `small`, for looks at faces that fill it, and the factor from its coordinates."""
        half, factor = reduced(self.small, PHOTO_SIDE // 2)
        return half, factor * self.factor

    def examiner(self, face: Detections) -> tuple[Examiner, float]:
        """Return what looks at a face, and the factor from what it finds to the photo's coordinates."""
        side = float(face.boxes_xywh[0, 2:].max())
        if side >= _FILLING * self.factor:
            half, factor = self.smaller
            return Examiner(self.network, half, face.placed(1 / factor)), factor
        if self.factor > 1 and side >= _WIDE * self.factor:
            return Examiner(self.network, self.small, face.placed(1 / self.factor)), self.factor
        if self.fine is not None and side >= _WIDE_IN_FINE * self.fine_factor:
            return Examiner(self.network, self.fine, face.placed(1 / self.fine_factor)), self.fine_factor
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
        self._needed = min(self._sure + _MORE, max(self._sure, _CONFIRMED))

    def detect(self, image_bgr: Image) -> Detections:
        """See `FaceDetector.detect`."""
        photo = _Photo.of(self._network, image_bgr)
        found = plausible(self._network.candidates(photo.small, self._weak).placed(photo.factor), image_bgr).distinct()
        is_sure = found.scores >= self._sure
        sure, proposed = found.take(is_sure), found.take(~is_sure)
        if photo.fine is not None:
            proposed = joined(proposed, self._fine(photo, photo.fine)).distinct()
        faces = self._turned(photo, sure)
        # A small photo with a clear face isn't searched for turned ones.
        promising = _PROMISING if photo.fine is None and _any_clear(faces) else self._weak
        faces = joined(faces, self._confirmed(photo, apart_from(sure, proposed), promising))
        if photo.fine is not None:
            faces = self._with_turned(photo, photo.fine, faces)
        else:
            if not _any_clear(faces):
                faces = joined(faces, self._confirmed(photo, self._sideways(photo), 0))
            # Where one is turned, others are.
            for quarters in _quarters(faces):
                others = seen_in(self._network, photo.small, (quarters,), self._weak).placed(photo.factor).distinct()
                faces = joined(faces, self._confirmed(photo, apart_from(faces, others), 0))
        return plausible(faces, image_bgr, self._min_face).distinct()

    def head(self, image_bgr: Image, box_xywh: npt.ArrayLike) -> Head:
        """See `FaceDetector.head`."""
        return head_in(self._network, image_bgr, box_xywh)

    def _fine(self, photo: _Photo, image: Image, quarters: int = 0) -> Detections:
        """Return the candidates of a finer pass, tile by tile on two threads.

        Args:
            photo: the photo.
            image: the photo reduced, but less than for the first pass.
            quarters: by how many quarters it is turned counterclockwise before.
        """
        height, width = image.shape[:2]
        factor = max(photo.image_bgr.shape[:2]) / max(height, width)
        turned = np.ascontiguousarray(np.rot90(image, quarters))
        # No face is larger than the shorter side, and the overlap of a long strip would be most of its length.
        overlap = min(math.ceil(_OVERLAP * photo.factor / factor), *turned.shape[:2])

        def search(tile: tuple[slice, slice]) -> Detections:
            rows, columns = tile
            return self._network.candidates(turned[tile], self._weak).placed(1, (columns.start, rows.start))

        with ThreadPoolExecutor(2) as threads:
            found = reduce(joined, threads.map(search, tiles(turned, overlap)))
        if quarters:
            found = turned_back(found, quarters, width, height)
        return plausible(found.placed(factor), photo.image_bgr).distinct()

    def _with_turned(self, photo: _Photo, fine: Image, faces: Detections) -> Detections:
        """Add the faces of a large photo that lie on their side, or upside down if no upright one is clear."""
        clear = faces.take(faces.scores >= _CLEAR)
        quarter, _ = reduced(fine, max(photo.image_bgr.shape[:2]) // _COARSE)
        if len(clear):
            # The few that lie among upright ones may be small.
            proposed = joined(self._fine(photo, quarter, 1), self._fine(photo, quarter, 3))
        else:
            # In a large photo that is upside down, the first pass may miss all faces, and so may the finer one.
            proposed = seen_in(self._network, photo.small, (1, 3), self._weak).placed(photo.factor)
            proposed = joined(proposed, self._fine(photo, quarter, 2))
        faces = joined(faces, self._confirmed(photo, apart_from(clear, proposed.distinct()), 0))
        # Where one is turned, others are, and the finer pass misses most of the small ones.
        for quarters in _quarters(faces):
            proposed = self._fine(photo, fine, quarters)
            faces = joined(faces, self._confirmed(photo, apart_from(faces, proposed), 0))
        return faces

    def _sideways(self, photo: _Photo) -> Detections:
        """Return the best candidates of a small photo's three other orientations."""
        image, factor = reduced(photo.small, _SIDEWAYS)
        found = seen_in(self._network, image, (1, 2, 3), self._weak).placed(factor * photo.factor)
        # A tilted head is found in two orientations; looking from all sides tells better which one is nearer.
        return _first(replace(found, rolls=np.zeros_like(found.rolls)).distinct(), _MOST_SIDEWAYS)

    def _turned(self, photo: _Photo, sure: Detections) -> Detections:
        """Return faces of the first pass, the turned ones with roll and landmarks of the look that shows them.

        In a photo with turned heads, the first pass sees faces where none are: there, what scores little must be
        confirmed. Elsewhere that would lose more real faces than false ones; a look at a face must at least show one.
        """
        shown = self._sure if photo.fine is not None else min(self._sure, _PROMISING)
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
            elif look.score >= shown:
                doubtful = joined(doubtful, face)
        return faces if (faces.rolls != 0).any() else joined(faces, doubtful)

    def _confirmed(self, photo: _Photo, proposed: Detections, promising: float) -> Detections:
        """Return the proposals that closer looks find again, as they see them.

        Args:
            photo: the photo.
            proposed: places with scores.
            promising: score of an upright look from which a place with a low score may be a face, turned or not.
        """
        proposed = proposed.take((proposed.scores >= self._sure) | (proposed.boxes_xywh[:, 2:].min(axis=1) >= _TINY))
        order = np.argsort(-proposed.scores, kind="stable")[:_MOST_PROPOSALS]
        n_strong = int((proposed.scores >= self._sure).sum())
        faces = nobody()
        for index in order[: n_strong + _MOST_WEAK]:
            examiner, scale = photo.examiner(proposed.take(np.array([index])))
            if proposed.scores[index] < self._sure and examiner.upright().score < promising:
                continue
            look = examiner.best()
            if look.score >= self._needed and examiner.again(look) >= self._needed:
                faces = joined(faces, look.face.placed(scale))
        return faces


def _first(found: Detections, count: int) -> Detections:
    """Return those with the highest scores."""
    return found.take(np.argsort(-found.scores, kind="stable")[:count])


def _tilted(face: Detections, seen: Detections) -> Detections:
    """Return a face as a look sees it, with its own box if it is tilted little; the look's cost 5 of 28 answers."""
    return seen if abs(seen.rolls[0]) > _TILTED else replace(seen, boxes_xywh=face.boxes_xywh)


def _quarters(faces: Detections) -> list[int]:
    """Return by how many quarters a photo must be turned counterclockwise so that its turned faces are upright."""
    return sorted(set(np.round(faces.rolls / 90).astype(int) % 4) - {0})


def _any_clear(faces: Detections) -> bool:
    return bool((faces.scores >= _CLEAR).any())


def apart_from(clear: Detections, proposed: Detections) -> Detections:
    """Return the proposals whose centre is in no clear face: the others are the same face, or a part of it."""
    corner, size = clear.boxes_xywh[:, :2], clear.boxes_xywh[:, 2:]
    centers = proposed.centers_xy[:, None]
    inside = np.any(np.all((centers >= corner) & (centers <= corner + size), axis=2), axis=1)
    return proposed.take(np.flatnonzero(~inside))
