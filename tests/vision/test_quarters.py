"""Faces that lie on their side or upside down are found in the photo's other orientations."""

import numpy as np
import pytest

from fer.vision import detection
from fer.vision.boxes import Detections
from fer.vision.detection import create_detector
from fer.vision.quarters import nobody, seen_in, turned_back
from fer.vision.yunet import YuNet
from tests.support.builders import portrait_bgr
from tests.support.scenes import FACE, found_at, scene

SIDE = 512


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_face_on_its_side_is_seen_where_it_is(quarters: int) -> None:
    x, y = FACE * SIDE
    middle = np.array({1: (y, SIDE - x), 2: (SIDE - x, SIDE - y), 3: (SIDE - y, x)}[quarters])
    lying = np.ascontiguousarray(np.rot90(portrait_bgr(), quarters))
    found = seen_in(detection._yunet(), lying, (1, 2, 3), 0.7).distinct()
    assert len(found) == 1
    np.testing.assert_allclose(found.centers_xy[0], middle, atol=10)
    assert found.rolls[0] == {1: -90, 2: 180, 3: 90}[quarters]
    width, height = found.boxes_xywh[0, 2:]
    assert (width < height) == (quarters == 2) and 70 < min(width, height) < 130


def test_boxes_are_turned_back_into_the_image() -> None:
    found = Detections.upright(np.array([[10, 20, 4, 6]], np.float32))
    # An image of 100 x 50: turned by a quarter, it is 50 x 100.
    np.testing.assert_array_equal(turned_back(found, 1, 100, 50).boxes_xywh, [[74, 10, 6, 4]])
    np.testing.assert_array_equal(turned_back(found, 2, 100, 50).boxes_xywh, [[86, 24, 4, 6]])
    np.testing.assert_array_equal(turned_back(found, 3, 100, 50).boxes_xywh, [[20, 36, 6, 4]])


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_small_group_photo_that_lies_on_its_side(quarters: int) -> None:
    image_bgr, middles = scene(640, 480, 40, [(x, y) for x in (10, 220, 410) for y in (5, 245)])
    (x, y), (width, height) = middles.T, image_bgr.shape[1::-1]
    middles = np.column_stack({1: (y, width - x), 2: (width - x, height - y), 3: (height - y, x)}[quarters])
    found = create_detector("yunet").detect(np.ascontiguousarray(np.rot90(image_bgr, quarters)))
    assert found_at(found, middles, 40) == [1] * 6 and len(found) == 6
    assert np.abs((found.rolls + 90 * quarters + 180) % 360 - 180).max() < 15


def test_a_picture_full_of_likely_places_costs_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    corners = np.stack(np.meshgrid(np.arange(20, 300, 40), np.arange(20, 300, 40)), axis=-1).reshape(-1, 2)
    boxes = np.hstack([corners, np.full_like(corners, 30)]).astype(np.float32)
    looks: list[tuple[int, ...]] = []

    def candidates(self: YuNet, image: np.ndarray, least: float) -> Detections:
        looks.append(image.shape)
        if max(image.shape) != 448:
            return nobody()
        scores = np.linspace(0.7, 0.9, len(boxes), dtype=np.float32)
        return Detections.upright(boxes, scores, np.zeros((len(boxes), 5, 2), np.float32))

    monkeypatch.setattr(YuNet, "candidates", candidates)
    assert len(create_detector("yunet").detect(np.full((480, 640, 3), 128, np.uint8))) == 0
    # Six sides of each of the twelve best of 49 places in three orientations.
    assert sum(max(shape) == 448 for shape in looks) == 3
    assert sum(shape == (128, 128, 3) for shape in looks) == 12 * 6
