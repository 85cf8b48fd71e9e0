import numpy as np
import pytest

from fer.results import Pose
from fer.vision.detection import create_detector
from fer.vision.pose import MOST_PITCH, MOST_YAW, head_pose, turned_away
from tests.support.builders import portrait_bgr

# Millimetres from the viewer: x to the right, y down, z away. Right eye, left eye, nose, right and left corner of the
# mouth.
FACE_MM = np.array([[-31, -35.5, 0], [31, -35.5, 0], [0, 0, -26], [-25, 27.5, -3], [25, 27.5, -3]])


def seen(yaw: float, pitch: float, roll: float, distance_mm: float = 900, face_mm: np.ndarray = FACE_MM) -> np.ndarray:
    """Project a face with a known pose: first up, then to the side, then tilted; (5, 2)."""
    y, x, z = np.deg2rad([yaw, pitch, roll])
    to_side = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    up = np.array([[1, 0, 0], [0, np.cos(x), np.sin(x)], [0, -np.sin(x), np.cos(x)]])
    tilted = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    points = face_mm @ (tilted @ to_side @ up).T
    return points[:, :2] * distance_mm / (distance_mm + points[:, 2:])


@pytest.mark.parametrize("roll", [0, 30, -90, 180])
@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (30, 0), (-30, 0), (0, 20), (0, -20), (40, 15), (-55, -10)])
def test_a_known_pose_is_recovered(yaw: float, pitch: float, roll: float) -> None:
    found = head_pose(300 + 2 * seen(yaw, pitch, roll), roll)
    assert (found.yaw, found.pitch, found.roll) == pytest.approx((yaw, pitch, roll), abs=3)


def test_yaw_is_positive_if_the_nose_points_to_the_right_of_the_image() -> None:
    frontal = seen(0, 0, 0)
    to_the_right, up = frontal.copy(), frontal.copy()
    to_the_right[2, 0] += 8
    up[2, 1] -= 8
    assert head_pose(to_the_right, 0).yaw > 10
    assert head_pose(up, 0).pitch > 10


def test_the_portrait_looks_into_the_camera() -> None:
    found = create_detector("yunet").detect(portrait_bgr())
    assert found.landmarks_xy is not None
    pose = head_pose(found.landmarks_xy[0], 0)
    assert abs(pose.yaw) < 8 and abs(pose.pitch) < 8


@pytest.mark.parametrize("length", [0.8, 1.25])
@pytest.mark.parametrize("width_of_mouth", [0.7, 1.5])
def test_short_faces_and_wide_smiles_still_look_straight_ahead(length: float, width_of_mouth: float) -> None:
    face_mm = FACE_MM * [1, length, 1]
    face_mm[3:, 0] *= width_of_mouth
    pose = head_pose(seen(0, 0, 10, face_mm=face_mm), 10)
    assert abs(pose.yaw) < 3 and abs(pose.pitch) < 3


@pytest.mark.parametrize("landmarks", [np.zeros((5, 2)), np.full((5, 2), 7.0), np.eye(5, 2)])
def test_impossible_landmarks_still_give_a_pose(landmarks: np.ndarray) -> None:
    pose = head_pose(landmarks, 12)
    assert pose.roll == 12 and np.isfinite([pose.yaw, pose.pitch]).all()


@pytest.mark.parametrize(
    ("pose", "words"),
    [
        (Pose(MOST_YAW, MOST_PITCH, 180), None),
        (Pose(MOST_YAW + 1, 0, 0), "the face is turned too far to the side"),
        (Pose(-MOST_YAW - 1, 0, 0), "the face is turned too far to the side"),
        (Pose(0, MOST_PITCH + 1, 0), "the face is turned too far up"),
        (Pose(0, -MOST_PITCH - 1, 0), "the face is turned too far down"),
    ],
)
def test_a_face_turned_too_far_is_named(pose: Pose, words: str | None) -> None:
    assert turned_away(pose) == words
