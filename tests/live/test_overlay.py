"""What is drawn, where, and what is hidden."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from fer.emotions import EMOTIONS
from fer.live.overlay import Person, draw, label, people_of
from fer.live.pipeline import SeenFace
from fer.live.settings import LiveSettings
from fer.recognition.candidates import ClassSets
from fer.results import Face
from fer.vision.drawing import color_bgr
from fer.vision.quality import Objections
from tests.support.live_session import frame

NOON = datetime(2025, 3, 4, 12, 0, 0)
BARE = LiveSettings(mirror=False, boxes=False, labels=False, confidence=False, date=False)


def person(number: int = 1, confidence: float = 0.83, confidence_threshold: float = 0.5, left: int = 100) -> Person:
    probabilities = np.full(len(EMOTIONS), (1 - confidence) / 6, np.float32)
    probabilities[EMOTIONS.index("happy")] = confidence
    return Person(number, Face((left, 120, 160, 160), probabilities, confidence_threshold), probabilities)


def seen(left: float = 100, confirmed: bool = True) -> SeenFace:
    return SeenFace(1 if confirmed else None, np.array([left, 120, 160, 160], np.float32), True, None, None)


def has_color(image: np.ndarray, color: tuple[int, int, int]) -> bool:
    return bool((image == np.array(color, np.uint8)).all(axis=-1).any())


@pytest.mark.parametrize(
    ("shown", "numbered", "expected"),
    [
        ({}, False, "looks happy 0.83"),
        ({}, True, "3: looks happy 0.83"),
        ({"confidence": False}, False, "looks happy"),
        ({"labels": False}, False, "0.83"),
        ({"labels": False, "confidence": False}, False, None),
        ({"labels": False, "confidence": False}, True, "3"),
    ],
)
def test_the_label_says_what_was_asked_for(shown: dict, numbered: bool, expected: str | None) -> None:
    assert label(person(3), LiveSettings(**shown), numbered=numbered) == expected


def test_an_unsure_face_gets_no_number_and_no_colour_of_a_class() -> None:
    unsure = person(confidence=0.3)
    assert label(unsure, LiveSettings(), numbered=False) == "not sure"
    scene = draw(frame(), [seen()], [unsure], LiveSettings(), NOON)
    assert not has_color(scene, color_bgr("happy"))


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        (("neutral",), "not sure"),
        (("neutral", "happy"), "neutral or happy?"),
        (("neutral", "happy", "sad"), "not sure"),
    ],
)
def test_an_unsure_face_is_labelled_with_two_classes_that_fit(candidates: tuple[str, ...], words: str) -> None:
    unsure = person(confidence=0.3)
    unsure = replace(unsure, face=replace(unsure.face, candidates=candidates))
    assert label(unsure, LiveSettings(), numbered=False) == words
    assert label(unsure, LiveSettings(), numbered=True) == f"1: {words}"


def test_people_carry_their_candidates_and_flaws() -> None:
    probabilities = np.array([0.1, 0, 0, 0.5, 0, 0, 0.4], np.float32)
    face = replace(
        seen(), raw=probabilities, smoothed=probabilities, against=Objections(flaws=("the face is blurred",))
    )
    (found,) = people_of([face], 0.6, ClassSets(0.9, 0.3))
    assert found.face.candidates == ("happy", "neutral")
    assert found.face.details == "Not sure: the face is blurred. Perhaps happy or neutral."
    (plain,) = people_of([face], 0.6)
    assert plain.face.candidates == ()


def test_a_person_with_a_doubt_is_never_sure() -> None:
    probabilities = np.array([0, 0, 0, 1, 0, 0, 0], np.float32)
    face = replace(seen(), raw=probabilities, smoothed=probabilities)
    (doubted,) = people_of([replace(face, against=Objections(("the face is only 18 pixels wide",)))], 0.6)
    assert doubted.face.details == "Not sure: the face is only 18 pixels wide."
    assert people_of([face], 0.6)[0].face.sure


@pytest.mark.parametrize(("mirror", "side"), [(False, slice(90, 270)), (True, slice(370, 550))])
def test_the_box_lies_on_the_face_as_it_is_shown(mirror: bool, side: slice) -> None:
    scene = draw(np.zeros((480, 640, 3), np.uint8), [seen()], [person()], LiveSettings(mirror=mirror, date=False), NOON)
    columns = np.flatnonzero(scene.any(axis=(0, 2)))
    assert side.start <= columns.min() and columns.max() < side.stop
    assert has_color(scene, color_bgr("happy"))


def test_the_date_stands_in_the_lower_left_corner() -> None:
    black = np.zeros((480, 640, 3), np.uint8)
    scene = draw(black, [], [], LiveSettings(), NOON)
    rows, columns = np.nonzero(scene.any(axis=-1))
    assert rows.min() > 440 and columns.max() < 320
    assert not draw(black, [], [], LiveSettings(date=False), NOON).any()


def test_a_blurred_face_is_a_few_squares_with_a_margin() -> None:
    image = frame()
    scene = draw(image, [seen()], [], LiveSettings(mirror=False, date=False, blur=True), NOON)
    face = scene[120:280, 100:260]
    assert len(np.unique(face.reshape(-1, 3), axis=0)) <= 64
    changed = (scene != image).any(axis=-1)
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max() + 1) == pytest.approx((80, 320), abs=3)
    assert (columns.min(), columns.max() + 1) == pytest.approx((60, 300), abs=3)


def test_a_face_seen_only_once_is_blurred_too_and_in_the_mirror_on_its_side() -> None:
    image = frame()
    scene = draw(image, [seen(confirmed=False)], [], LiveSettings(mirror=True, date=False, blur=True), NOON)
    changed = (scene != image[:, ::-1]).any(axis=(0, 2))
    columns = np.flatnonzero(changed)
    assert (columns.min(), columns.max() + 1) == pytest.approx((340, 580), abs=3)


def test_a_face_beyond_the_edge_is_no_trouble() -> None:
    for left in (-150.0, -500.0, 600.0, 900.0):
        scene = draw(frame(), [seen(left)], [person(left=int(left))], LiveSettings(blur=True), NOON)
        assert scene.shape == (480, 640, 3)


def test_only_a_label_where_boxes_are_off() -> None:
    black = np.zeros((480, 640, 3), np.uint8)
    scene = draw(black, [seen()], [person()], LiveSettings(mirror=False, boxes=False, date=False), NOON)
    rows = np.flatnonzero(scene.any(axis=(1, 2)))
    assert rows.max() <= 121
    assert not draw(black, [seen()], [person()], BARE, NOON).any()
