"""Head pose from the five landmarks of a face."""

import math
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.results import Pose

# A generic face in millimetres, from the viewer: x to the right, y down, z away. Right eye, left eye, nose tip, right
# and left corner of the mouth, where right and left are the person's own.
_FACE_MM: Final = np.array([[-31, -34, 0], [31, -34, 0], [0, 0, -26], [-24, 33, -3], [24, 33, -3]], np.float64)
# Half a metre to a metre away, faces look nearly as if from infinity; the camera's real focal length is unknown.
_DISTANCE_IN_FACES: Final = 12.0
# Beyond these angles, one half of the face is hidden, or its eyes or mouth are.
MOST_YAW: Final = 50.0
MOST_PITCH: Final = 45.0


def head_pose(landmarks_xy: npt.ArrayLike, roll: float) -> Pose:
    """Return where a head is turned.

    The generic face is fitted to the landmarks with `cv2.solvePnP` (SQPnP, Terzakis and Lourakis, 2020).

    Args:
        landmarks_xy: (5, 2) in pixels, in the order of `fer.results.Face.landmarks`.
        roll: degrees by which the head is turned clockwise; landmarks alone tell it badly in small faces.
    """
    radians = np.deg2rad(roll)
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    points = np.asarray(landmarks_xy, np.float64)
    points = (points - points.mean(axis=0)) @ turn  # turned back: upright
    focal = _DISTANCE_IN_FACES * max(1.0, float(np.ptp(points, axis=0).max()))
    camera = np.array([[focal, 0, 0], [0, focal, 0], [0, 0, 1]])
    try:
        _, rotation, _ = cv2.solvePnP(_FACE_MM, points, camera, None, flags=cv2.SOLVEPNP_SQPNP)
        x, y, z = cv2.Rodrigues(rotation)[0] @ (0, 0, -1)
    except cv2.error:  # the landmarks are no face, such as five times the same point
        x, y, z = math.nan, math.nan, math.nan
    if not np.isfinite([x, y, z]).all():
        return Pose(0.0, 0.0, roll)
    return Pose(float(np.degrees(np.arctan2(x, -z))), float(np.degrees(np.arctan2(-y, np.hypot(x, z)))), roll)


def turned_away(pose: Pose) -> str | None:
    """Return why a face can't be read, in words for people, or None if it is turned little enough."""
    if abs(pose.yaw) > MOST_YAW:
        return "the face is turned too far to the side"
    if abs(pose.pitch) > MOST_PITCH:
        return f"the face is turned too far {'up' if pose.pitch > 0 else 'down'}"
    return None
