"""Every upright face of a photo is found once, whatever its size and the photo's."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fer.vision import detection
from fer.vision.boxes import Detections
from fer.vision.detection import create_detector, smallest_face
from fer.vision.quarters import nobody
from fer.vision.yunet import YuNet
from tests.support.builders import portrait_bgr
from tests.support.scenes import FACE, WIDTH, found_at, scene

# Searches of many photos: together they would take a sixth of the time of the quick tests.
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("shape", [(1, 2_000_000, 3), (2_000_000, 1, 3), (29, 100_000, 3)])
def test_a_strip_too_narrow_for_a_face_is_looked_at_once(shape, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    candidates = YuNet.candidates

    def counted(self: YuNet, image_bgr: np.ndarray, least: float) -> Detections:
        looks.append(image_bgr.size)
        return candidates(self, image_bgr, least)

    monkeypatch.setattr(YuNet, "candidates", counted)
    assert len(create_detector("yunet").detect(np.full(shape, 90, np.uint8))) == 0
    # The whole, reduced, and its three other orientations.
    assert len(looks) == 4


@pytest.mark.parametrize(
    ("width", "height", "corners"),
    [
        (4000, 3000, [(100, 80), (1000, 940), (2005, 2010), (3700, 2700)]),
        (12000, 2000, [(20, 20), (5950, 900), (11400, 1600)]),
        (1281, 900, [(10, 10), (1000, 650)]),
    ],
)
@pytest.mark.parametrize("face_px", [30, 60])
@pytest.mark.parametrize("name", ["yunet", "haar"])
def test_every_small_face_of_a_large_photo_is_found_once(name, width, height, corners, face_px) -> None:
    image_bgr, middles = scene(width, height, face_px, [(x, y) for x, y in corners if x + face_px * 6 < width])
    found = create_detector(name).detect(image_bgr)
    assert found_at(found, middles, face_px) == [1] * len(middles)
    assert len(found) == len(middles)


def test_the_group_photo_that_one_pass_missed() -> None:
    image_bgr, middles = scene(4000, 3000, 60, [(x, y) for x in (400, 1400, 2400, 3400) for y in (500, 2000)])
    assert len(create_detector("yunet", side=640).detect(image_bgr)) < 8
    assert len(create_detector("haar", side=640).detect(image_bgr)) == 0
    for name in ("yunet", "haar"):
        found = create_detector(name).detect(image_bgr)
        assert found_at(found, middles, 60) == [1] * 8 and len(found) == 8


@pytest.mark.parametrize(("width", "height"), [(1280, 960), (2400, 1800)])
@pytest.mark.parametrize("tone", [(1, 1, 1), (0.78, 0.95, 1.1)])
def test_small_faces_are_found_without_colours_too(width: int, height: int, tone: tuple[float, ...]) -> None:
    image_bgr, middles = scene(width, height, 30, [(x, y) for x in (20, 450, 950) for y in (30, 380, 730)])
    grey = cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY)[..., None]
    found = create_detector("yunet").detect((grey * np.array(tone)).clip(0, 255).astype(np.uint8))
    assert found_at(found, middles, 30) == [1] * 9 and len(found) == 9


@pytest.mark.parametrize("name", ["yunet", "haar"])
@pytest.mark.parametrize("side", [1300, 2500])
def test_a_large_face_is_found_once_without_false_ones(name: str, side: int) -> None:
    image_bgr = cv2.resize(portrait_bgr(), (side, side), interpolation=cv2.INTER_CUBIC)
    found = create_detector(name).detect(image_bgr)
    assert found_at(found, FACE[None] * side, WIDTH * side) == [1]
    assert len(found) == len(create_detector(name, side=640).detect(image_bgr))


def test_a_face_across_tiles_is_found_once() -> None:
    image_bgr, middles = scene(4000, 3000, 90, [(2048 - 220, 2048 - 120)])
    found = create_detector("yunet").detect(image_bgr)
    assert found_at(found, middles, 90) == [1] and len(found) == 1


@pytest.mark.parametrize(
    ("name", "size", "smallest"),
    [
        ("yunet", (640, 480), 30),
        ("yunet", (8160, 6120), 30),
        ("haar", (640, 480), 30),
        ("haar", (3000, 4000), 30),
    ],
)
def test_the_documented_smallest_face_is_found(name: str, size: tuple[int, int], smallest: int) -> None:
    assert smallest_face(name, *size) == smallest


def test_with_haar_the_smallest_face_is_that_of_one_pass(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(detection, "yunet_file", lambda: None)
    assert smallest_face("haar", 4000, 3000) == 188
    image_bgr, _ = scene(4000, 3000, 60, [(400, 500)])
    assert len(create_detector("haar").detect(image_bgr)) == 0


@pytest.mark.parametrize("name", ["yunet", "haar"])
def test_a_minimum_face_size_applies_to_the_finer_pass_too(name: str) -> None:
    image_bgr, _ = scene(4000, 3000, 60, [(400, 500)])
    assert len(create_detector(name, min_face=40).detect(image_bgr)) == 1
    assert len(create_detector(name, min_face=150).detect(image_bgr)) == 0


def test_the_work_for_a_long_strip_grows_with_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []

    def candidates(self: YuNet, image_bgr: np.ndarray, least_score: float) -> Detections:
        searched.append(image_bgr.size)
        return nobody()

    monkeypatch.setattr(YuNet, "candidates", candidates)
    strip = np.full((20, 100_000, 3), 110, np.uint8)
    create_detector("yunet").detect(strip)
    assert sum(searched) < strip.size
