"""A place seen from four sides at once shows a face that lies on its side, and where it is."""

import numpy as np
import pytest

from fer.vision import detection
from fer.vision.boxes import Detections
from fer.vision.detection import create_detector
from fer.vision.quarters import nobody, seen_from_all_sides, turned_back
from fer.vision.yunet import YuNet
from tests.support.builders import portrait_bgr
from tests.support.scenes import FACE, found_at, scene

SIDE = 512


def turned(quarters: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the portrait turned counterclockwise by quarters, and the middle of its face."""
    x, y = FACE * SIDE
    middle = ((x, y), (y, SIDE - x), (SIDE - x, SIDE - y), (SIDE - y, x))[quarters]
    return np.ascontiguousarray(np.rot90(portrait_bgr(), quarters)), np.array(middle)


def places(*middles: np.ndarray, side: float = 100) -> Detections:
    return Detections.upright(np.array([[*(middle - side / 2), side, side] for middle in middles], np.float32))


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_face_on_its_side_is_seen_where_it_is(quarters: int) -> None:
    image_bgr, middle = turned(quarters)
    far = np.array([SIDE - middle[0], SIDE - middle[1]])
    found = seen_from_all_sides(detection._yunet(), image_bgr, places(far, middle + 12), 0.3)
    assert len(found) == 1 and found.scores[0] > 0.7
    np.testing.assert_allclose(found.centers_xy[0], middle, atol=10)
    assert found.rolls[0] == (0, -90, 180, 90)[quarters]
    width, height = found.boxes_xywh[0, 2:]
    assert (width < height) == (quarters % 2 == 0) and 70 < min(width, height) < 130


def test_nothing_is_seen_on_a_wall_and_in_no_place() -> None:
    wall = np.full((SIDE, SIDE, 3), 128, np.uint8)
    assert len(seen_from_all_sides(detection._yunet(), wall, places(FACE * SIDE), 0.1)) == 0
    assert len(seen_from_all_sides(detection._yunet(), portrait_bgr(), nobody(), 0.1)) == 0


def test_boxes_are_turned_back_into_the_image() -> None:
    found = Detections.upright(np.array([[10, 20, 4, 6]], np.float32))
    # An image of 100 x 50: turned by a quarter, it is 50 x 100.
    np.testing.assert_array_equal(turned_back(found, 0, 100, 50).boxes_xywh, [[10, 20, 4, 6]])
    np.testing.assert_array_equal(turned_back(found, 1, 100, 50).boxes_xywh, [[74, 10, 6, 4]])
    np.testing.assert_array_equal(turned_back(found, 2, 100, 50).boxes_xywh, [[86, 24, 4, 6]])
    np.testing.assert_array_equal(turned_back(found, 3, 100, 50).boxes_xywh, [[20, 36, 6, 4]])


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_small_group_photo_that_lies_on_its_side(quarters: int) -> None:
    image_bgr, _ = scene(640, 480, 40, [(x, y) for x in (10, 220, 410) for y in (5, 245)])
    found = create_detector("yunet").detect(np.ascontiguousarray(np.rot90(image_bgr, quarters)))
    assert len(found) == 6
    assert np.abs((found.rolls + 90 * quarters + 180) % 360 - 180).max() < 15


def test_a_picture_without_a_face_costs_one_pass_and_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels: list[int] = []
    candidates = YuNet.candidates

    def counted(self: YuNet, image: np.ndarray, least: float) -> Detections:
        pixels.append(image.shape[0] * image.shape[1])
        return candidates(self, image, least)

    monkeypatch.setattr(YuNet, "candidates", counted)
    waves = 128 + 60 * np.sin(np.arange(640) / 9)[None] * np.sin(np.arange(480) / 7)[:, None]
    image_bgr = np.dstack([waves] * 3).astype(np.uint8)
    assert len(create_detector("yunet").detect(image_bgr)) == 0
    assert pixels[0] == 640 * 480 and sum(pixels) < 1.8 * 640 * 480


def test_one_place_may_hold_no_face_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    image_bgr, middle = turned(1)
    found = seen_from_all_sides(detection._yunet(), image_bgr, places(middle, middle, np.array([60.0, 60.0])), 0.3)
    assert found_at(found, middle[None], 90) == [2]
