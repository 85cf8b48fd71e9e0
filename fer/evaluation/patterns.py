"""Patterns that hide part of a face: stripes, checks, cloth, and things held in front of it.

They are drawn from random numbers and from the face itself, so that no picture of a thing has to be shipped. What is
seen of each face follows from a generator alone.
"""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from fer.arrays import SIDE, Floats, Image

Pattern = Callable[[Image, np.random.Generator], Floats]

_Y, _X = np.mgrid[:SIDE, :SIDE].astype(np.float32)
_DARKEST, _BRIGHTEST = 50, 205
# Rows or columns that a cover leaves free, at least and at most.
_LEAST_FREE, _MOST_FREE = 20, 28
_FULL_TURN: Final = 2 * np.pi


def stripes(_: Image, rng: np.random.Generator) -> Floats:
    """Return stripes in any direction, 1.5 to 5 pixels wide, with soft or hard edges."""
    across, _along = _turned(rng)
    wave = np.sin(across * _FULL_TURN / rng.uniform(3, 10) + rng.uniform(0, _FULL_TURN))
    return _in_grey(np.clip(wave * rng.uniform(1, 5), -1, 1), rng)


def checks(_: Image, rng: np.random.Generator) -> Floats:
    """Return checks in any direction, 2 to 6 pixels wide."""
    across, along = _turned(rng)
    frequency = _FULL_TURN / rng.uniform(4, 12)
    return _in_grey(np.clip(4 * np.sin(across * frequency) * np.sin(along * frequency), -1, 1), rng)


def cloth(_: Image, rng: np.random.Generator) -> Floats:
    """Return an irregular texture, fine or coarse."""
    texture = cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE)), (0, 0), rng.uniform(0.5, 2.5))
    grey = rng.uniform(_DARKEST, _BRIGHTEST) + rng.uniform(8, 45) * texture / texture.std()
    return np.asarray(grey, np.float32)


def thing(image: Image, rng: np.random.Generator) -> Floats:
    """Return shapes and shades as things have them: a piece of the face itself, turned, enlarged and lit otherwise."""
    side = int(rng.integers(20, 37))
    top, left = rng.integers(0, SIDE + 1 - side, 2)
    piece = np.ascontiguousarray(np.rot90(image[top : top + side, left : left + side], int(rng.integers(1, 4))))
    shapes = cv2.resize(piece, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    if rng.uniform() < 0.3:
        shapes = 255 - shapes
    return np.asarray(shapes * rng.uniform(0.7, 1.2) + rng.uniform(-30, 30), np.float32)


def any_pattern(image: Image, rng: np.random.Generator) -> Floats:
    """Return one of the patterns above."""
    return (stripes, checks, cloth, thing)[int(rng.integers(4))](image, rng)


def _turned(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return two coordinates at a right angle to each other, in any direction, (48, 48) each."""
    angle = rng.uniform(0, np.pi)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return _X * cosine + _Y * sine, _Y * cosine - _X * sine


def _in_grey(wave: Floats, rng: np.random.Generator) -> Floats:
    """Return a wave in -1..1 as grey levels of any brightness and contrast."""
    return np.asarray(rng.uniform(_DARKEST, _BRIGHTEST) + rng.uniform(12, 70) * wave, np.float32)


def hiding_a_half(pattern: Pattern) -> Callable[[Image, int], Image]:
    """Return what hides about one half of a face, any of four, (48, 48) uint8; all follows from the face's number."""

    def hide(image: Image, number: int) -> Image:
        rng = np.random.default_rng(number)
        texture, free = pattern(image, rng), int(rng.integers(_LEAST_FREE, _MOST_FREE + 1))
        # The lower, the upper, the right or the left part.
        rows, columns = slice(None), slice(None)
        if number % 4 < 2:
            rows = slice(free, None) if number % 4 == 0 else slice(None, SIDE - free)
        else:
            columns = slice(free, None) if number % 4 == 2 else slice(None, SIDE - free)
        return _over(image, texture, rows, columns)

    return hide


def hiding_the_lower_half(pattern: Pattern) -> Callable[[Image, int], Image]:
    """Return what hides exactly the lower half of a face, (48, 48) uint8."""
    half = slice(SIDE // 2, None)
    return lambda image, number: _over(image, pattern(image, np.random.default_rng(number)), half, slice(None))


def _over(image: Image, texture: Floats, rows: slice, columns: slice) -> Image:
    covered = image.copy()
    covered[rows, columns] = np.clip(np.round(texture[rows, columns]), 0, 255)
    return covered
