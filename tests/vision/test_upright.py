"""Closer looks at one place: what they show, how many there are, and what they tell from a texture."""

from dataclasses import replace

import numpy as np
import pytest

from fer.vision import detection, upright
from fer.vision.boxes import Detections
from fer.vision.crops import LEAST_ROLL, Square
from fer.vision.detection import create_detector
from tests.support.builders import portrait_bgr
from tests.support.scenes import turned

# Searches of many photos: together they would take a sixth of the time of the quick tests.
pytestmark = pytest.mark.slow


def test_a_closer_look_shows_roll_and_landmarks_of_one_face() -> None:
    image_bgr, middle = turned(portrait_bgr(), 60)
    box = [middle[0] - 45, middle[1] - 55, 90, 110]
    assert create_detector("yunet", side=320).head(image_bgr, box).roll == pytest.approx(60, abs=10)
    head = create_detector("yunet").head(portrait_bgr(), [178, 63, 90, 113])
    found = create_detector("yunet").detect(portrait_bgr())
    assert head.roll == 0 and head.landmarks_xy is not None and found.landmarks_xy is not None
    assert np.abs(head.landmarks_xy - found.landmarks_xy[0]).max() < 8
    assert LEAST_ROLL < 30


@pytest.mark.parametrize("side", [None, 320])
def test_haar_knows_nothing_of_a_head(side: int | None) -> None:
    head = create_detector("haar", side=side).head(portrait_bgr(), [178, 63, 90, 113])
    assert (head.roll, head.landmarks_xy) == (0, None)


def test_a_closer_look_at_a_wall_shows_no_landmarks() -> None:
    wall = np.full((300, 400, 3), 128, np.uint8)
    assert create_detector("yunet", side=320).head(wall, [100, 100, 80, 90]).landmarks_xy is None


def test_a_clearly_upright_face_needs_no_second_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(*_: object, **__: object) -> None:
        raise AssertionError("no closer look was needed")

    monkeypatch.setattr(upright.Examiner, "look", look)
    assert len(create_detector("yunet").detect(portrait_bgr())) == 1


def test_a_look_at_the_middle_of_what_a_look_found_may_show_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A texture that keeps its score when it is mirrored and seen from closer by, but not when it is moved a little."""
    network = detection._yunet()
    aside = Detections.upright(np.array([[190, 75, 90, 113]], np.float32))
    examiner = upright.Examiner(network, portrait_bgr(), aside)
    look = examiner.upright()
    middle = np.round(look.face.centers_xy[0]).tolist()
    cut = upright.cut_square

    def unreadable(image: np.ndarray, center_xy: tuple[float, float], side: float, out: int, roll: float = 0) -> Square:
        square = cut(image, center_xy, side, out, roll)
        plain = side > 1.9 * np.sqrt(look.face.boxes_xywh[0, 2:].prod())
        at_middle = np.abs(np.subtract(center_xy, middle)).max() < 1
        return replace(square, pixels=np.full_like(square.pixels, 110)) if plain and at_middle else square

    assert examiner.again(look) > 0.9
    monkeypatch.setattr(upright, "cut_square", unreadable)
    assert examiner.again(look) == 0


def test_a_face_keeps_its_score_from_closer_by_and_a_texture_does_not() -> None:
    network = detection._yunet()
    face = Detections.upright(np.array([[178, 63, 90, 113]], np.float32))
    examiner = upright.Examiner(network, portrait_bgr(), face)
    assert examiner.again(examiner.upright()) > 0.9
    flat = upright.Examiner(network, np.full((512, 512, 3), 110, np.uint8), face)
    assert flat.again(flat.upright()) == 0


def test_level_landmarks_and_a_high_score_make_a_face_surely_upright() -> None:
    level = np.array([[10, 10], [30, 11], [20, 20], [12, 30], [28, 30]], np.float32)
    tilted = np.array([[10, 10], [30, 18], [18, 22], [6, 28], [22, 34]], np.float32)
    landmarks = np.stack([level, level, tilted, level[:, ::-1], -level])
    scores = np.array([0.95, 0.8, 0.95, 0.95, 0.95], np.float32)
    boxes = np.tile(np.array([5, 5, 30, 30], np.float32), (5, 1))
    assert upright.surely_upright(Detections.upright(boxes, scores, landmarks)).tolist() == [True, *[False] * 4]


def test_what_was_found_sideways_is_looked_at_sideways_only(monkeypatch: pytest.MonkeyPatch) -> None:
    network = detection._yunet()
    image_bgr = np.ascontiguousarray(np.rot90(portrait_bgr(), 2))
    box = np.array([[512 - 178 - 90, 512 - 63 - 113, 90, 113]], np.float32)
    upside_down = replace(Detections.upright(box), rolls=np.array([180], np.float32))
    angles: list[float] = []
    look = upright.Examiner.look
    monkeypatch.setattr(upright.Examiner, "look", lambda self, roll: angles.append(roll) or look(self, roll))
    best = upright.Examiner(network, image_bgr, upside_down).best()
    assert best.sure and best.score > 0.9 and abs(best.roll) == 180 and len(angles) == 1
    flat = upright.Examiner(network, np.full((512, 512, 3), 110, np.uint8), upside_down).best()
    assert flat.score == 0 and len(angles) == 2
