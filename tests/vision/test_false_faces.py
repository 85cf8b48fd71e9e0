"""Photos without a face: textures, stones, galaxies and shiny spoons."""

import cv2
import numpy as np
import pytest
from skimage import data

from fer.vision import photos, upright
from fer.vision.detection import create_detector
from tests.support.builders import portrait_bgr

# Searches of many photos: together they would take a sixth of the time of the quick tests.
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["yunet", "haar"])
def test_textures_have_no_more_faces_than_in_one_pass(name: str) -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (60, 80, 3)).astype(np.uint8)
    stripes = np.repeat(np.tile(np.array([0, 255], np.uint8), 1000)[None], 1500, axis=0)
    for image in (cv2.resize(coarse, (2000, 1500)), cv2.merge([stripes] * 3)):
        texture = np.asarray(image, np.uint8)
        once = create_detector(name, side=640).detect(texture)
        assert len(create_detector(name).detect(texture)) <= len(once) <= 1


@pytest.mark.parametrize("side", [512, 1600])
def test_gravel_has_no_face(side: int) -> None:
    stones = cv2.resize(cv2.cvtColor(data.gravel(), cv2.COLOR_GRAY2BGR), (side, side), interpolation=cv2.INTER_CUBIC)
    assert len(create_detector("yunet").detect(np.asarray(stones, np.uint8))) == 0


def test_a_galaxy_that_a_closer_look_does_not_show_is_no_face() -> None:
    sky = cv2.resize(data.hubble_deep_field()[..., ::-1], None, fx=1.2, fy=1.2, interpolation=cv2.INTER_CUBIC)
    part = np.ascontiguousarray(sky[360:840, 240:880])
    assert len(create_detector("yunet", side=640).detect(part)) == 1
    assert len(create_detector("yunet").detect(part)) == 0


@pytest.mark.parametrize(
    ("left", "top", "width"), [(166, 199, 268), (332, 199, 268), (120, 65, 360), (240, 65, 360), (240, 130, 360)]
)
def test_a_shiny_spoon_is_no_face_that_lies_on_its_side(left: int, top: int, width: int) -> None:
    part = data.coffee()[top : top + width * 3 // 4, left : left + width, ::-1]
    image_bgr = cv2.resize(np.ascontiguousarray(part), (640, 480), interpolation=cv2.INTER_CUBIC)
    assert len(create_detector("yunet").detect(np.asarray(image_bgr, np.uint8))) == 0


def test_what_a_small_photo_with_a_clear_face_only_suspects_gets_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    angles: list[float] = []
    look = upright.Examiner.look

    def counted(self: upright.Examiner, roll: float) -> upright.Look:
        angles.append(roll)
        return look(self, roll)

    monkeypatch.setattr(upright.Examiner, "look", counted)
    monkeypatch.setattr(photos, "_WEAK", 0.01)
    coarse = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    image_bgr = np.asarray(cv2.resize(coarse, (640, 640), interpolation=cv2.INTER_CUBIC), np.uint8)
    image_bgr[:512, :512] = portrait_bgr()
    assert len(create_detector("yunet").detect(image_bgr)) == 1
    assert angles and set(angles) == {0}
