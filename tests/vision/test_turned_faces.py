"""Faces of photos that are turned by any angle are found, with their roll and landmarks."""

import numpy as np
import pytest

from fer.vision.detection import create_detector
from tests.support.builders import portrait_bgr
from tests.support.scenes import FACE, WIDTH, found_at, scene, turned

# Searches of many photos: together they would take a sixth of the time of the quick tests.
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("face_px", [40, 60])
def test_a_group_photo_that_lies_on_its_side(quarters: int, face_px: int) -> None:
    image_bgr, middles = scene(4000, 3000, face_px, [(x, y) for x in (400, 1400, 2400, 3400) for y in (500, 2000)])
    (x, y), size = middles.T, np.array(image_bgr.shape[1::-1])
    middles = np.column_stack({1: (y, size[0] - x), 2: (size[0] - x, size[1] - y), 3: (size[1] - y, x)}[quarters])
    found = create_detector("yunet").detect(np.ascontiguousarray(np.rot90(image_bgr, quarters)))
    assert found_at(found, middles, face_px) == [1] * 8 and len(found) == 8
    # Turned counterclockwise.
    assert np.abs((found.rolls + 90 * quarters + 180) % 360 - 180).max() < 15


@pytest.mark.parametrize("quarters", [1, 3])
def test_a_small_face_that_lies_among_upright_ones(quarters: int) -> None:
    image_bgr, middles = scene(4000, 3000, 60, [(x, y) for x in (400, 1400, 2400, 3400) for y in (500, 2000)])
    side = round(60 / WIDTH)
    image_bgr[500 : 500 + side, 400 : 400 + side] = np.rot90(image_bgr[500 : 500 + side, 400 : 400 + side], quarters)
    x, y = FACE * side
    middles[0] = np.add({1: (y, side - x), 3: (side - y, x)}[quarters], (400, 500))
    found = create_detector("yunet").detect(image_bgr)
    assert found_at(found, middles, 60) == [1] * 8 and len(found) == 8
    lying = found.rolls[np.linalg.norm(found.centers_xy - middles[0], axis=1).argmin()]
    assert lying == pytest.approx({1: -90, 3: 90}[quarters], abs=12)
    assert np.count_nonzero(found.rolls) == 1


@pytest.mark.parametrize("degrees", range(0, 360, 30))
def test_a_turned_face_is_found_with_its_roll(degrees: int) -> None:
    image_bgr, middle = turned(portrait_bgr(), degrees)
    found = create_detector("yunet").detect(image_bgr)
    assert found_at(found, middle[None], WIDTH * 512) == [1] and len(found) == 1
    error = (found.rolls[0] - degrees + 180) % 360 - 180
    # Below LEAST_ROLL a face counts as upright, and 30 is close to it.
    assert abs(error) < 12 or (degrees in (30, 330) and found.rolls[0] == 0)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_landmarks_of_a_turned_face_are_those_of_the_upright_one(degrees: int) -> None:
    detector = create_detector("yunet")
    upright = detector.detect(portrait_bgr()).landmarks_xy
    found = detector.detect(np.ascontiguousarray(np.rot90(portrait_bgr(), -degrees // 90))).landmarks_xy
    assert upright is not None and found is not None
    x, y = upright[0].T
    expected = {90: (512 - y, x), 180: (512 - x, 512 - y), 270: (y, 512 - x)}[degrees]
    np.testing.assert_allclose(found[0], np.column_stack(expected), atol=8)


def test_only_the_sideways_face_next_to_an_upright_one_is_turned() -> None:
    both = np.hstack([portrait_bgr(), np.ascontiguousarray(np.rot90(portrait_bgr()))])
    found = create_detector("yunet").detect(both)
    by_place = found.rolls[np.argsort(found.centers_xy[:, 0])]
    assert len(found) == 2
    assert by_place[0] == 0 and by_place[1] == pytest.approx(-90, abs=12)
