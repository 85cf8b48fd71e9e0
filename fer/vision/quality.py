"""What speaks against an answer about a face, measured on its crop: blur, noise, covers, compression, light.

Every measure is larger where the face is worse. They cost about a third of a millisecond per face, and are cheap on
purpose: what they mean for an answer is learned (`fer.recognition.face_temperature`), not guessed here.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from fer.arrays import SIDE, Floats, Image, Images
from fer.results import Pose
from fer.vision.hidden import hidden
from fer.vision.pose import turned_away

_HALF: Final = SIDE // 2
# Side of a JPEG block.
_BLOCK: Final = 8
_LAPLACIAN_TWICE: Final = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_STEPS_PER_PHASE: Final = np.array([SIDE // _BLOCK] * (_BLOCK - 1) + [SIDE // _BLOCK - 1], np.float32)
_SIGMAS: Final = (1.0, 2.0, 4.0)
# Added before a logarithm, in grey levels, so that a flat face has a finite measure.
_FLOOR: Final = 0.3
# Faces that are measured at a time. Each needs 100 kB meanwhile.
_AT_ONCE: Final = 256


_COVERED: Final = "part of the face seems to be covered"
_LITTLE_CONTRAST: Final = "the face has little contrast"


@dataclass(frozen=True)
class Measure:
    """One thing that can be wrong with a face.

    Attributes:
        name: the stable name in files.
        limit: what 98 of 100 clean FER-2013 faces stay below.
        reason: what a face above the limit is told.
    """

    name: str
    limit: float
    reason: str


MEASURES: Final = (
    Measure("blur", 0.15, "the face is blurred"),
    Measure("softness", 0.85, "the face is blurred"),
    Measure("noise", 1.8, "the picture is noisy"),
    Measure("cover", 0.6, _COVERED),
    Measure("hidden", 1.9, _COVERED),
    Measure("blocks", 0.75, "the picture is heavily compressed"),
    Measure("darkness", -60.0, "the face is dark"),
    Measure("brightness", 200.0, "the face is very bright"),
    Measure("flatness", -3.4, _LITTLE_CONTRAST),
)


def measure(crops: Images) -> Floats:
    """Return (N, len(MEASURES)) float32 in the order of `MEASURES`, for crops (N, 48, 48, 1) or (N, 48, 48) uint8."""
    parts = [_measured(crops[start : start + _AT_ONCE]) for start in range(0, len(crops), _AT_ONCE)]
    return np.concatenate(parts) if parts else np.empty((0, len(MEASURES)), np.float32)


def _measured(crops: Images) -> Floats:
    faces = np.asarray(crops, np.float32).reshape(-1, SIDE, SIDE)
    steps_x, steps_y = np.abs(faces[:, :, 1:] - faces[:, :, :-1]), np.abs(faces[:, 1:] - faces[:, :-1])
    mean = faces.mean((1, 2))
    cover, blocks = _cover(steps_x, steps_y), _blocks(steps_x, steps_y)
    columns = (*_detail(faces), cover, hidden(faces, cover, blocks), blocks, -mean, mean)
    return np.column_stack([*columns, -np.log(faces.std((1, 2)) + 1)]).astype(np.float32)


def _detail(faces: Floats) -> tuple[Floats, Floats, Floats]:
    """Return how little fine and how little middle detail there is, and how strong the noise is (Immerkaer, 1996)."""
    energies, noise = np.empty((3, len(faces)), np.float32), np.empty(len(faces), np.float32)
    for index, face in enumerate(faces):
        blurred = [face, *(cv2.GaussianBlur(face, (0, 0), sigma) for sigma in _SIGMAS)]
        energies[:, index] = [cv2.norm(a, b, cv2.NORM_L2SQR) for a, b in itertools.pairwise(blurred)]
        # The median, unlike the mean, isn't raised by the edges of a sharp face.
        residual = np.abs(cv2.filter2D(face, -1, _LAPLACIAN_TWICE)[1:-1, 1:-1])
        noise[index] = _median(residual.ravel())
    fine, middle, coarse = np.log(energies / SIDE**2 + 0.1)
    return middle - fine, coarse - middle, np.log(noise / 4 + _FLOOR)


def _cover(steps_x: Floats, steps_y: Floats) -> Floats:
    """Return how featureless the emptiest half of each face is, compared with the whole."""
    steps = steps_x[:, :-1] + steps_y[:, :, :-1]
    halves = (steps[:, : _HALF - 1], steps[:, _HALF:], steps[:, :, : _HALF - 1], steps[:, :, _HALF:])
    emptiest = np.min([half.mean((1, 2)) for half in halves], axis=0)
    cover: Floats = np.log(steps.mean((1, 2)) + 1) - np.log(emptiest + _FLOOR)
    return cover


def _blocks(steps_x: Floats, steps_y: Floats) -> Floats:
    """Return how much stronger the edges of JPEG blocks are than other edges, wherever the grid of blocks begins."""
    # 47 steps, and a zero that makes them six blocks.
    profiles = np.zeros((len(steps_x), 2, SIDE), np.float32)
    profiles[:, 0, :-1], profiles[:, 1, :-1] = steps_x.mean(1), steps_y.mean(2)
    phases = profiles.reshape(-1, 2, SIDE // _BLOCK, _BLOCK).sum(2) / _STEPS_PER_PHASE
    blocks: Floats = np.log((phases.max(2) + 0.5) / (_median(phases) + 0.5)).sum(1)
    return blocks


def _median(values: Floats) -> Floats:
    """Return the medians along the last axis, whose length is even; `np.median` takes much longer for so few."""
    middle = values.shape[-1] // 2
    medians: Floats = np.partition(values, (middle - 1, middle))[..., middle - 1 : middle + 1].mean(-1)
    return medians


# What goes without saying. The straight edge of what covers a face looks like that of JPEG blocks, and the light of a
# face says why it has little contrast.
_SAID_BY: Final = {"cover": "blocks", "hidden": "blocks", "darkness": "flatness", "brightness": "flatness"}


def reasons(measures: Sequence[float] | Floats) -> tuple[str, ...]:
    """Return what a face's measures, (len(MEASURES),), say against it, each reason once; empty if nothing."""
    found = {item.name: item.reason for item, value in zip(MEASURES, measures, strict=True) if value > item.limit}
    for name, weaker in _SAID_BY.items():
        if name in found:
            found.pop(weaker, None)
    return tuple(dict.fromkeys(found.values()))


# A face of this width or less has lost its expression: of FER-2013's faces reduced to 16 pixels, fewer than half are
# classified correctly.
_TOO_SMALL_PX: Final = 20
# A smaller one than FER-2013's most reduced faces; the network sees it enlarged.
_SMALL_PX: Final = 30
# Shares of the face's box that lie outside the picture.
_CUT_OFF, _MOSTLY_CUT_OFF = 0.1, 0.35
# Of the five landmarks, so many outside the picture mean that both eyes, the mouth or one half of the face is missing.
_MISSING: Final = 2
# A landmark this near the edge, as a share of the face's side, counts as outside: half of an eye can't be read.
_AT_THE_EDGE: Final = 0.02
# Standard deviation of the grey levels under which a face can't be told from noise.
_NO_CONTRAST: Final = 5.0


@dataclass(frozen=True)
class Objections:
    """What speaks against an answer about one face, in plain words.

    Attributes:
        doubts: why no answer should be trusted.
        flaws: what makes an answer less reliable.
        measures: numbers in the order of `MEASURES`; empty if they were not taken.
    """

    doubts: tuple[str, ...] = ()
    flaws: tuple[str, ...] = ()
    measures: tuple[float, ...] = ()


def objections(
    crop: Image,
    box_xywh: Sequence[float] | Floats,
    image_wh: tuple[int, int],
    pose: Pose | None = None,
    measures: Floats | None = None,
    landmarks_xy: Floats | None = None,
) -> Objections:
    """Find what speaks against an answer about one face.

    Args:
        crop: (48, 48) or (48, 48, 1) uint8, as the network sees it.
        box_xywh: the face's box in pixels of the image; it may extend beyond it.
        image_wh: width and height of the image.
        pose: where the head is turned; None if that isn't known.
        measures: what `measure` returns for the crop, if it is known already.
        landmarks_xy: (5, 2) in pixels of the image; None if they aren't known.
    """
    left, top, width, height = (float(value) for value in box_xywh)
    doubts: list[str] = []
    flaws: list[str] = []
    # A head that lies on its side is as wide as its box is high.
    side = min(width, height)
    if side < _SMALL_PX:
        (doubts if side <= _TOO_SMALL_PX else flaws).append(f"the face is only {round(side)} pixels wide")
    outside = _share_outside((left, top, width, height), image_wh)
    n_missing = 0 if landmarks_xy is None else _n_outside(landmarks_xy, image_wh, _AT_THE_EDGE * side)
    if outside > _CUT_OFF or n_missing:
        mostly = outside > _MOSTLY_CUT_OFF or n_missing >= _MISSING
        (doubts if mostly else flaws).append("the face is cut off by the edge of the picture")
    faint = float(crop.std()) < _NO_CONTRAST
    if faint:
        doubts.append("the face has almost no contrast")
    if pose is not None and (away := turned_away(pose)):
        doubts.append(away)
    if measures is None:
        (measures,) = measure(crop[None])
    found = (reason for reason in reasons(measures) if not (faint and reason == _LITTLE_CONTRAST))
    return Objections(tuple(doubts), (*flaws, *found), tuple(measures.tolist()))


def _share_outside(box_xywh: tuple[float, float, float, float], image_wh: tuple[int, int]) -> float:
    """Return the share of a box that lies outside the image."""
    left, top, width, height = box_xywh
    inside_x = max(0.0, min(left + width, image_wh[0]) - max(left, 0.0)) / width
    inside_y = max(0.0, min(top + height, image_wh[1]) - max(top, 0.0)) / height
    return 1 - inside_x * inside_y


def _n_outside(points_xy: Floats, image_wh: tuple[int, int], margin: float) -> int:
    """Return how many points lie outside the image, or within `margin` pixels of its edge."""
    inside = (points_xy > margin) & (points_xy < np.array(image_wh) - margin)
    return int((~inside.all(axis=1)).sum())
