"""Synthetic faces of the seven expressions, for tests and for a first training without a download.

They are cartoons. Results on them say nothing about real faces, so the dataset is marked `synthetic`.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import SIDE
from fer.datasets.faces import SPLITS, FaceDataset
from fer.emotions import EMOTIONS, N_EMOTIONS

_CANVAS: Final = 4 * SIDE  # drawn large and reduced, so that lines have soft edges


@dataclass(frozen=True)
class _Expression:
    """The state of the facial muscles, each about -1..1, where 0 is at rest.

    Attributes:
        mouth_curve: corners up (1) or down (-1).
        mouth_open: how far the lips part, 0..1.
        mouth_width: wider (1) or narrower (-1).
        brow_height: raised (1) or lowered (-1).
        brow_slant: inner ends up (1) or down (-1).
        eye_open: wide (1) or narrowed (-1).
        nose_wrinkle: depth of the lines next to the nose, 0..1.
    """

    mouth_curve: float = 0.0
    mouth_open: float = 0.0
    mouth_width: float = 0.0
    brow_height: float = 0.0
    brow_slant: float = 0.0
    eye_open: float = 0.0
    nose_wrinkle: float = 0.0


# After the action units of these expressions in Ekman and Friesen's Facial Action Coding System, 1978.
_EXPRESSIONS: Final[dict[str, _Expression]] = {
    "angry": _Expression(mouth_curve=-0.3, mouth_width=-0.3, brow_height=-0.8, brow_slant=-1.0, eye_open=-0.2),
    "disgust": _Expression(mouth_curve=-0.7, mouth_open=0.2, brow_height=-0.6, eye_open=-0.8, nose_wrinkle=1.0),
    "fear": _Expression(mouth_open=0.35, mouth_width=0.7, brow_height=0.6, brow_slant=0.8, eye_open=0.9),
    "happy": _Expression(mouth_curve=1.0, mouth_open=0.3, mouth_width=0.5, eye_open=-0.3),
    "sad": _Expression(mouth_curve=-0.8, mouth_width=-0.2, brow_slant=1.0, eye_open=-0.5),
    "surprise": _Expression(mouth_open=1.0, mouth_width=-0.6, brow_height=1.0, eye_open=1.0),
    "neutral": _Expression(),
}
# Vary strength and features, so that expressions overlap and no single feature tells them apart.
_STRENGTH: Final = (0.45, 1.1)
_SLIP: Final = 0.17


def make_synthetic(n_train: int = 700, n_validation: int = 140, n_test: int = 140, seed: int = 0) -> FaceDataset:
    """Draw a dataset with balanced classes; the same arguments give the same images.

    Args:
        n_train: images in train.
        n_validation: images in validation.
        n_test: images in test.
        seed: another seed gives other faces.
    """
    rng = np.random.default_rng(seed)
    sizes = (n_train, n_validation, n_test)
    labels = np.concatenate([rng.permutation(np.arange(size) % N_EMOTIONS) for size in sizes]).astype(np.int64)
    images = [draw_face(EMOTIONS[label], rng) for label in labels]
    return FaceDataset(
        name="synthetic",
        images=np.array(images, np.uint8).reshape(-1, SIDE, SIDE),
        labels=labels,
        splits=np.repeat(np.arange(len(SPLITS), dtype=np.uint8), sizes),
        synthetic=True,
    )


def draw_face(emotion: str, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Draw one face, (48, 48) uint8, with random position, size, rotation, light and noise.

    Args:
        emotion: one of `EMOTIONS`.
        rng: the source of all random choices.

    Raises:
        KeyError: `emotion` is not one of the seven.
    """
    face = _vary(_EXPRESSIONS[emotion], rng)
    skin = rng.uniform(90, 210)
    dark = skin * rng.uniform(0.25, 0.45)
    canvas = np.full((_CANVAS, _CANVAS), rng.uniform(20, 230), np.float32)
    _draw_head(canvas, skin, dark, rng)
    _draw_eyes(canvas, face, dark, rng)
    _draw_mouth(canvas, face, skin, dark)
    return _photograph(canvas, rng)


def _vary(expression: _Expression, rng: np.random.Generator) -> _Expression:
    strength = rng.uniform(*_STRENGTH)
    return _Expression(**{name: strength * value + rng.normal(0, _SLIP) for name, value in vars(expression).items()})


def _draw_head(canvas: npt.NDArray[np.float32], skin: float, dark: float, rng: np.random.Generator) -> None:
    hair = rng.uniform(10, 240)
    width, height = int(rng.uniform(66, 80)), int(rng.uniform(88, 100))
    cv2.ellipse(canvas, (96, 84), (width + 10, height), 0, 180, 360, hair, -1, cv2.LINE_AA)
    cv2.ellipse(canvas, (96, 100), (width, height - 4), 0, 0, 360, skin, -1, cv2.LINE_AA)
    nose = int(rng.uniform(112, 120))
    cv2.polylines(canvas, [np.array([(94, 84), (86, nose), (100, nose + 2)], np.int32)], False, dark, 2, cv2.LINE_AA)


def _draw_eyes(canvas: npt.NDArray[np.float32], face: _Expression, dark: float, rng: np.random.Generator) -> None:
    apart = int(rng.uniform(32, 38))
    opening = max(2, int(9 + 7 * face.eye_open))
    look = int(rng.uniform(-4, 4))
    for side in (-1, 1):
        x = 96 + side * apart
        cv2.ellipse(canvas, (x, 78), (16, opening), 0, 0, 360, 245, -1, cv2.LINE_AA)
        cv2.circle(canvas, (x + look, 78), min(7, opening), dark * 0.5, -1, cv2.LINE_AA)
        cv2.ellipse(canvas, (x, 78), (16, opening), 0, 0, 360, dark, 2, cv2.LINE_AA)
        brow = 56 - 9 * face.brow_height
        inner = (x - side * 16, int(brow - 8 * face.brow_slant))
        outer = (x + side * 18, int(brow + 5 * face.brow_slant))
        cv2.line(canvas, inner, outer, dark, 6, cv2.LINE_AA)
        depth = max(0.0, face.nose_wrinkle)
        crease = np.array([(96 + side * 12, 100), (96 + side * 22, 112), (96 + side * 30, 128)], np.int32)
        if depth > 0.3:
            cv2.polylines(canvas, [crease], False, dark, 1 + int(2 * depth), cv2.LINE_AA)


def _draw_mouth(canvas: npt.NDArray[np.float32], face: _Expression, skin: float, dark: float) -> None:
    half = 28 + 9 * face.mouth_width
    x = np.linspace(-1, 1, 21)
    bend = 15 * face.mouth_curve * (1 - x**2)
    gap = 22 * max(0.0, face.mouth_open) * np.sqrt(1 - x**2)
    centre = 146 - 6 * face.mouth_curve
    upper = np.stack([96 + half * x, centre + bend - gap * 0.5], axis=1)
    lower = np.stack([96 + half * x, centre + bend + gap], axis=1)
    outline = np.concatenate([upper, lower[::-1]]).astype(np.int32)
    cv2.fillPoly(canvas, [outline], dark * 0.6, cv2.LINE_AA)
    cv2.polylines(canvas, [outline], True, min(skin * 0.55, dark * 1.3), 4, cv2.LINE_AA)


def _photograph(canvas: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    turn, scale = rng.uniform(-12, 12), rng.uniform(0.85, 1.12)
    matrix = cv2.getRotationMatrix2D((_CANVAS / 2, _CANVAS / 2), turn, scale)
    matrix = matrix + np.array([[0, 0, 1]]) * rng.uniform(-12, 12, (2, 1))
    turned = cv2.warpAffine(canvas, matrix, (_CANVAS, _CANVAS), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(turned, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 + rng.uniform(0, 0.35) * (np.cos(angle) * x + np.sin(angle) * y)
    contrast, brightness = rng.uniform(0.6, 1.1), rng.uniform(-25, 25)
    noisy = (small * light - 128) * contrast + 128 + brightness + rng.normal(0, rng.uniform(3, 12), small.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)
