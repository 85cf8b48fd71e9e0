from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from fer.vision import detection, photos, upright
from fer.vision.boxes import Detections
from fer.vision.crops import LEAST_ROLL, Square
from fer.vision.detection import create_detector, smallest_face
from fer.vision.photos import nobody
from fer.vision.yunet import YuNet
from tests.support.builders import portrait_bgr

# Searches of many large photos: together they would take a sixth of the time of the quick tests.
pytestmark = pytest.mark.slow

# The middle and the width of the portrait's face, as shares of the portrait's side.
FACE, WIDTH = np.array([0.435, 0.235]), 0.176


def scene(width: int, height: int, face_px: int, corners: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return a grey photo with portraits whose faces are `face_px` wide, and the middles of these faces, (N, 2)."""
    side = round(face_px / WIDTH)
    image_bgr = np.full((height, width, 3), 110, np.uint8)
    small = cv2.resize(portrait_bgr(), (side, side), interpolation=cv2.INTER_AREA)
    for x, y in corners:
        image_bgr[y : y + side, x : x + side] = small
    return image_bgr, np.array(corners) + FACE * side


def turned(image_bgr: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the image turned clockwise on a larger canvas, and the position of the portrait's face in it, (2,)."""
    side = image_bgr.shape[0]
    canvas = round(side * 1.5)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), -degrees, 1)
    matrix[:, 2] += (canvas - side) / 2
    image = cv2.warpAffine(image_bgr, matrix, (canvas, canvas), borderValue=(128, 128, 128))
    return np.asarray(image, np.uint8), matrix @ [*(FACE * side), 1]


def found_at(found: Detections, middles: np.ndarray, face_px: float) -> list[int]:
    distances = np.linalg.norm(found.centers_xy[None] - middles[:, None], axis=2)
    return [int(count) for count in (distances < 0.4 * face_px).sum(axis=1)]


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


@pytest.mark.parametrize("name", ["yunet", "haar"])
def test_textures_have_no_more_faces_than_in_one_pass(name: str) -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (60, 80, 3)).astype(np.uint8)
    stripes = np.repeat(np.tile(np.array([0, 255], np.uint8), 1000)[None], 1500, axis=0)
    for image in (cv2.resize(coarse, (2000, 1500)), cv2.merge([stripes] * 3)):
        texture = np.asarray(image, np.uint8)
        once = create_detector(name, side=640).detect(texture)
        assert len(create_detector(name).detect(texture)) <= len(once) <= 1


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


def test_a_look_at_the_middle_of_what_a_look_found_may_show_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A texture that keeps its score when it is mirrored and seen from closer by, but not when it is moved a little."""
    network = detection._yunet()
    aside = Detections.upright(np.array([[190, 75, 90, 113]], np.float32))
    examiner = upright.Examiner(network, portrait_bgr(), aside)
    look = examiner.upright()
    middle = np.round(look.face.centers_xy[0]).tolist()
    cut = upright.cut_square

    def spoiled(image: np.ndarray, center_xy: tuple[float, float], side: float, out: int, roll: float = 0) -> Square:
        square = cut(image, center_xy, side, out, roll)
        plain = side > 1.9 * np.sqrt(look.face.boxes_xywh[0, 2:].prod())
        at_middle = np.abs(np.subtract(center_xy, middle)).max() < 1
        return replace(square, pixels=np.full_like(square.pixels, 110)) if plain and at_middle else square

    assert examiner.again(look) > 0.9
    monkeypatch.setattr(upright, "cut_square", spoiled)
    assert examiner.again(look) == 0


def test_a_face_keeps_its_score_from_closer_by_and_a_texture_does_not() -> None:
    network = detection._yunet()
    face = Detections.upright(np.array([[178, 63, 90, 113]], np.float32))
    examiner = upright.Examiner(network, portrait_bgr(), face)
    assert examiner.again(examiner.upright()) > 0.9
    flat = upright.Examiner(network, np.full((512, 512, 3), 110, np.uint8), face)
    assert flat.again(flat.upright()) == 0


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


def test_level_landmarks_and_a_high_score_make_a_face_surely_upright() -> None:
    level = np.array([[10, 10], [30, 11], [20, 20], [12, 30], [28, 30]], np.float32)
    tilted = np.array([[10, 10], [30, 18], [18, 22], [6, 28], [22, 34]], np.float32)
    landmarks = np.stack([level, level, tilted, level[:, ::-1], -level])
    scores = np.array([0.95, 0.8, 0.95, 0.95, 0.95], np.float32)
    boxes = np.tile(np.array([5, 5, 30, 30], np.float32), (5, 1))
    assert upright.surely_upright(Detections.upright(boxes, scores, landmarks)).tolist() == [True, *[False] * 4]


def test_the_work_for_a_long_strip_grows_with_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []

    def candidates(self: YuNet, image_bgr: np.ndarray, least_score: float) -> Detections:
        searched.append(image_bgr.size)
        return nobody()

    monkeypatch.setattr(YuNet, "candidates", candidates)
    strip = np.full((20, 100_000, 3), 110, np.uint8)
    create_detector("yunet").detect(strip)
    assert sum(searched) < strip.size


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
