"""Boxes that move with the picture."""

import cv2
import numpy as np
import pytest

from fer.vision.flow import shift_boxes


def textured(seed: int = 0, height: int = 240, width: int = 320) -> np.ndarray:
    """Return (H, W) uint8 with soft blobs, which optical flow can follow."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX)


def shifted(image: np.ndarray, dx: float, dy: float) -> np.ndarray:
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return cv2.warpAffine(image, matrix, image.shape[::-1], borderMode=cv2.BORDER_REFLECT)


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (3, 0), (-2.5, 4), (0, -11), (17, 6)])
def test_a_box_moves_as_far_as_the_picture(dx: float, dy: float) -> None:
    image = textured()
    moved = shift_boxes(image, shifted(image, dx, dy), [(120, 80, 70, 80)])
    np.testing.assert_allclose(moved.boxes_xywh, [(120 + dx, 80 + dy, 70, 80)], atol=0.3)
    assert moved.followed.tolist() == [True]
    assert moved.boxes_xywh.dtype == np.float32


def test_two_boxes_move_independently() -> None:
    image = textured()
    following = image.copy()
    following[:, :160] = shifted(image, 6, 0)[:, :160]
    following[:, 160:] = shifted(image, 0, -5)[:, 160:]
    moved = shift_boxes(image, following, [(40, 80, 60, 60), (220, 100, 60, 60)])
    np.testing.assert_allclose(moved.boxes_xywh[:, :2], [(46, 80), (220, 95)], atol=0.3)


def test_the_median_ignores_what_passes_in_front() -> None:
    """Something that moves the other way covers a third of the box."""
    image = textured()
    following = shifted(image, 4, 0)
    following[60:170, 165:200] = shifted(textured(1), -9, 0)[60:170, 165:200]
    moved = shift_boxes(image, following, [(110, 70, 80, 80)])
    assert moved.boxes_xywh[0, 0] == pytest.approx(114, abs=0.5)


def test_a_box_that_left_the_picture_stays_and_is_not_followed() -> None:
    image = textured()
    moved = shift_boxes(image, shifted(image, 5, 0), [(-200, -200, 50, 50)])
    assert moved.boxes_xywh.tolist() == [[-200, -200, 50, 50]]
    assert moved.followed.tolist() == [False]


def test_a_box_over_the_edge_follows_the_points_inside() -> None:
    image = textured()
    moved = shift_boxes(image, shifted(image, 4, 2), [(-30, 90, 90, 90)])
    np.testing.assert_allclose(moved.boxes_xywh[0, :2], (-26, 92), atol=0.5)


def test_no_boxes_give_none() -> None:
    image = textured()
    moved = shift_boxes(image, image, np.empty((0, 4)))
    assert moved.boxes_xywh.shape == (0, 4)
    assert moved.followed.shape == (0,)


def test_frames_of_two_sizes_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"\(240, 320\).*\(120, 160\)"):
        shift_boxes(textured(), textured(0, 120, 160), [(10, 10, 20, 20)])
