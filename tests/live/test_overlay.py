"""The live frame: what is mirrored, and where the date is."""

from datetime import datetime

import numpy as np
import pytest

from fer.live.overlay import draw
from fer.live.settings import LiveSettings
from fer.vision.drawing import color_bgr
from tests.support.live_session import frame
from tests.support.people import has_color, person, seen

NOON = datetime(2025, 3, 4, 12, 0, 0)


@pytest.mark.parametrize(("mirror", "side"), [(False, slice(90, 270)), (True, slice(370, 550))])
def test_the_box_is_on_the_mirrored_face(mirror: bool, side: slice) -> None:
    scene = draw(np.zeros((480, 640, 3), np.uint8), [seen()], [person()], LiveSettings(mirror=mirror, date=False), NOON)
    columns = np.flatnonzero(scene.any(axis=(0, 2)))
    assert side.start <= columns.min() and columns.max() < side.stop
    assert has_color(scene, color_bgr("happy"))


def test_the_date_is_in_the_lower_left_corner() -> None:
    black = np.zeros((480, 640, 3), np.uint8)
    scene = draw(black, [], [], LiveSettings(), NOON)
    rows, columns = np.nonzero(scene.any(axis=-1))
    assert rows.min() > 440 and columns.max() < 320
    assert not draw(black, [], [], LiveSettings(date=False), NOON).any()


def test_a_face_seen_only_once_is_blurred_too_and_in_the_mirror_on_its_side() -> None:
    image = frame()
    scene = draw(image, [seen(confirmed=False)], [], LiveSettings(mirror=True, date=False, blur=True), NOON)
    changed = (scene != image[:, ::-1]).any(axis=(0, 2))
    columns = np.flatnonzero(changed)
    assert (columns.min(), columns.max() + 1) == pytest.approx((340, 580), abs=3)
