"""Class activation maps: compute which parts of a face support a class, and draw them."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

_COLOURS: Final = cv2.COLORMAP_INFERNO
# Below 1, so that the face stays visible under the strongest evidence.
_STRONGEST: Final = 0.7


def evidence(maps: npt.ArrayLike, label: int) -> npt.NDArray[np.float32]:
    """Return where a face supports one class more than the others.

    A softmax depends only on differences between logits, so a value that all classes share has no effect. The mean over
    the classes is subtracted and negative values become 0 (after Zhou et al., 2016, 'Learning deep features for
    discriminative localization').

    Args:
        maps: (h, w, 7), the class activation maps of one face.
        label: an index into `EMOTIONS`.

    Returns:
        (h, w) float32 in 0..1 with a maximum of 1, or all zero if no place supports the class.
    """
    values = np.asarray(maps, np.float32)
    heat = np.maximum(values[..., label] - values.mean(-1), 0)
    top = float(heat.max(initial=0))
    return np.asarray(heat / top if top > 0 else heat, np.float32)


def overlay(face: npt.NDArray[np.uint8], heat: npt.ArrayLike, side: int = 192) -> npt.NDArray[np.uint8]:
    """Draw evidence over a face: (side, side, 3) uint8 RGB, bright where there is evidence, grey elsewhere.

    Args:
        face: (48, 48) uint8 grey.
        heat: (h, w) in 0..1, such as `evidence` returns.
        side: width and height of the result in pixels.
    """
    grey = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
    strength = cv2.resize(np.asarray(heat, np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    strength = np.clip(strength, 0, 1)
    coloured = cv2.cvtColor(cv2.applyColorMap(np.round(255 * strength).astype(np.uint8), _COLOURS), cv2.COLOR_BGR2RGB)
    weight = _STRONGEST * strength[..., None]
    blended = (1 - weight) * np.asarray(grey)[..., None] + weight * coloured
    return np.round(blended).astype(np.uint8)


def enlarged(face: npt.NDArray[np.uint8], side: int = 192) -> npt.NDArray[np.uint8]:
    """Return a face, (48, 48) uint8, scaled to the size of an overlay: (side, side) uint8."""
    return np.asarray(cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)
