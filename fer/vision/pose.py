"""Head pose from the five landmarks of a face."""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.results import Pose

# How far the tip of the nose is in front of the eyes, in distances between the eyes.
_NOSE_DEPTH: Final = 26 / 62
# Where it is between the eyes (0) and the mouth (1) of a face that looks straight ahead: the median of what YuNet finds
# in FER-2013's faces.
_NOSE_HEIGHT: Final = 0.563
# Beyond these angles, one half of the face is hidden, or its eyes or mouth are.
MOST_YAW: Final = 50.0
MOST_PITCH: Final = 45.0


def head_pose(landmarks_xy: npt.ArrayLike, roll: float) -> Pose:
    """Return where a head is turned, as if seen from afar.

    The tip of the nose, in front of the plane of eyes and mouth, moves to the side and up or down in it as the head
    turns. How long the face is doesn't matter: faces differ, and a smile lifts the mouth. Fitting a generic face with
    `cv2.solvePnP` takes a short face for one that looks up or down.

    Args:
        landmarks_xy: (5, 2) in pixels, in the order of `fer.results.Face.landmarks`.
        roll: degrees by which the head is turned clockwise; landmarks alone tell it badly in small faces.
    """
    right_eye, left_eye, nose, right_mouth, left_mouth = np.asarray(landmarks_xy, np.float64)
    eyes, mouth = (right_eye + left_eye) / 2, (right_mouth + left_mouth) / 2
    across = left_eye - right_eye
    moved = nose - eyes - _NOSE_HEIGHT * (mouth - eyes)
    square = float(across @ across)
    if not (np.isfinite([*moved, square]).all() and square > 0):
        return Pose(0.0, 0.0, roll)  # the landmarks are no face
    # Along the line of the eyes and across it, in depths of the nose: cos(pitch) tan(yaw) and sin(pitch) / cos(yaw).
    side = float(moved @ across) / square / _NOSE_DEPTH
    up = float(moved[0] * across[1] - moved[1] * across[0]) / square / _NOSE_DEPTH
    rest = 1 - side**2 - up**2
    cosine = math.sqrt(min(1.0, (rest + math.sqrt(rest**2 + 4 * side**2)) / 2))
    pitch = math.copysign(math.acos(cosine), up)
    return Pose(math.degrees(math.atan2(side, cosine)), math.degrees(pitch), roll)


def turned_away(pose: Pose) -> str | None:
    """Return why a face can't be read, in words for people, or None if it is turned little enough."""
    if abs(pose.yaw) > MOST_YAW:
        return "the face is turned too far to the side"
    if abs(pose.pitch) > MOST_PITCH:
        return f"the face is turned too far {'up' if pose.pitch > 0 else 'down'}"
    return None
