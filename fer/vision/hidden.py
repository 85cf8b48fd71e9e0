"""Recognise halves of faces that something hides, such as a cup, a scarf or a hand, by a small network.

A plain cover has no detail, and is measured as such (`fer.vision.quality`). What has detail of its own is recognised by
how it differs from a face: how strong its edges are, in which direction they run, how fine they are and how bright it
is, in each of 4 x 4 cells. `scripts/fit_hidden.py` fits the network.
"""

import functools
from pathlib import Path
from typing import Final

import numpy as np

from fer.arrays import Floats

FILE: Final = Path(__file__).with_name("hidden.npz")
_CELLS: Final = 4
# What is seen of each cell.
_PER_CELL: Final = 5
# Added to squared steps, in squared grey levels, so that the direction of no edges at all is defined.
_FLOOR: Final = 4.0
# In grey levels, for the brightness of cells in a face without contrast.
_LEAST_CONTRAST: Final = 5.0
# Log odds beyond this say no more.
_MOST: Final = 15.0


def hidden(faces: Floats, cover: Floats, blocks: Floats) -> Floats:
    """Return the log odds that about one half of a face is hidden, (N,) float32 in -15..15.

    Args:
        faces: (N, 48, 48) float32, grey levels 0..255.
        cover: (N,), the measure of this name.
        blocks: (N,), the measure of this name.
    """
    first, offsets, second, offset = network()
    units = np.maximum(inputs(faces, cover, blocks) @ first + offsets, 0)
    return np.asarray((units @ second + offset).clip(-_MOST, _MOST), np.float32)


def inputs(faces: Floats, cover: Floats, blocks: Floats) -> Floats:
    """Return what the network sees of faces, (N, 82) float32; for the arguments see `hidden`."""
    across, down, both = _steps(faces)
    rows = faces[:, ::2] + faces[:, 1::2]
    small_across, small_down, _ = _steps((rows[:, :, ::2] + rows[:, :, 1::2]) * np.float32(0.25))
    energy = across + down + _FLOOR
    strength = np.log(energy)
    brightness = _means(faces)
    brightness -= brightness.mean((1, 2), keepdims=True)
    cells = (
        strength - strength.mean((1, 2), keepdims=True),
        (across - down) / energy,
        2 * both / energy,
        np.log((small_across + small_down + _FLOOR) / energy),
        brightness / (faces.std((1, 2))[:, None, None] + _LEAST_CONTRAST),
    )
    seen = np.stack(cells, axis=-1).reshape(len(faces), _CELLS**2 * _PER_CELL)
    return np.column_stack([seen, cover, blocks]).astype(np.float32)


def _steps(faces: Floats) -> Floats:
    """Return the means over each cell of squared steps to the right, squared steps down, and their products.

    Shape (3, N, 4, 4) for faces (N, S, S). The missing row and column count as zeros.
    """
    right = faces[:, :-1, 1:] - faces[:, :-1, :-1]
    down = faces[:, 1:, :-1] - faces[:, :-1, :-1]
    return _means(np.stack([right * right, down * down, right * down]))


def _means(values: Floats) -> Floats:
    """Return the means over each of 4 x 4 cells, (..., 4, 4) for values (..., S, S)."""
    pool = _pool(values.shape[-1])
    return np.asarray(pool @ values @ pool.T, np.float32)


@functools.cache
def _pool(side: int) -> Floats:
    """Return a matrix (4, side) that takes the means of a quarter of the rows each."""
    per_cell = -(-side // _CELLS)
    return np.asarray(np.arange(side) // per_cell == np.arange(_CELLS)[:, None], np.float32) / np.float32(per_cell)


@functools.cache
def network() -> tuple[Floats, Floats, Floats, Floats]:
    """Return the weights in `FILE`, which is read once: (82, H), (H,), (H,) and (), float32."""
    with np.load(FILE, allow_pickle=False) as stored:
        return stored["first"], stored["offsets"], stored["second"], stored["offset"]
