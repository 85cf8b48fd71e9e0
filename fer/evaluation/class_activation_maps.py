"""Class activation maps: which part of a face speaks for a class, and a picture of it."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

_COLOURS: Final = cv2.COLORMAP_INFERNO
# The face stays visible under the strongest evidence.
_STRONGEST: Final = 0.7


def evidence(maps: npt.ArrayLike, label: int) -> npt.NDArray[np.float32]:
    """Where a face speaks for a class rather than for the others.

    The softmax knows differences of logits only, so that what all classes share at a place decides nothing: the mean
    over the classes is taken off, and what is left above zero counts (Zhou et al., 2016, 'Learning deep features for
    discriminative localization').

    Args:
        maps: (h, w, 7), the class activation maps of one face.
        label: an index into `EMOTIONS`.

    Returns:
        (h, w) float32 in 0..1, the strongest place being 1; all zero where no place speaks for the class.
    """
    values = np.asarray(maps, np.float32)
    heat = np.maximum(values[..., label] - values.mean(-1), 0)
    top = float(heat.max(initial=0))
    return np.asarray(heat / top if top > 0 else heat, np.float32)


def overlay(face: npt.NDArray[np.uint8], heat: npt.ArrayLike, side: int = 192) -> npt.NDArray[np.uint8]:
    """A face with evidence laid over it: (side, side, 3) uint8 RGB, glowing where the evidence is, grey elsewhere.

    Args:
        face: (48, 48) uint8 grey.
        heat: (h, w) in 0..1, such as `evidence` gives.
        side: of the picture in pixels.
    """
    grey = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
    strength = cv2.resize(np.asarray(heat, np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    strength = np.clip(strength, 0, 1)
    coloured = cv2.cvtColor(cv2.applyColorMap(np.round(255 * strength).astype(np.uint8), _COLOURS), cv2.COLOR_BGR2RGB)
    weight = _STRONGEST * strength[..., None]
    blended = (1 - weight) * np.asarray(grey)[..., None] + weight * coloured
    return np.round(blended).astype(np.uint8)


def enlarged(face: npt.NDArray[np.uint8], side: int = 192) -> npt.NDArray[np.uint8]:
    """A face (48, 48) uint8 at the size of an overlay: (side, side) uint8."""
    return np.asarray(cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)
