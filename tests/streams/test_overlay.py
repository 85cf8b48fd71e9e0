"""What is drawn on a frame, where, and what is hidden."""

from dataclasses import replace

import numpy as np
import pytest

from fer.streams.overlay import draw_people, label
from fer.streams.settings import StreamSettings
from fer.vision.drawing import color_bgr
from tests.support.live_session import frame
from tests.support.people import has_color, person, seen


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
def test_the_label_contains_the_chosen_parts(shown: dict, numbered: bool, expected: str | None) -> None:
    assert label(person(3), StreamSettings(**shown), numbered=numbered) == expected


def test_an_unsure_face_has_no_number_and_no_class_colour() -> None:
    unsure = person(confidence=0.3)
    assert label(unsure, StreamSettings(), numbered=False) == "not sure"
    scene = frame()
    draw_people(scene, [seen()], [unsure], StreamSettings())
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
    assert label(unsure, StreamSettings(), numbered=False) == words
    assert label(unsure, StreamSettings(), numbered=True) == f"1: {words}"


def test_a_blurred_face_is_a_few_squares_with_a_margin() -> None:
    image = frame()
    scene = image.copy()
    draw_people(scene, [seen()], [], StreamSettings(blur=True))
    face = scene[120:280, 100:260]
    assert len(np.unique(face.reshape(-1, 3), axis=0)) <= 64
    changed = (scene != image).any(axis=-1)
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max() + 1) == pytest.approx((80, 320), abs=3)
    assert (columns.min(), columns.max() + 1) == pytest.approx((60, 300), abs=3)


@pytest.mark.parametrize(("left", "changed"), [(-150.0, True), (-500.0, False), (600.0, True), (900.0, False)])
def test_a_face_beyond_the_edge_is_blurred_as_far_as_it_is_visible(left: float, changed: bool) -> None:
    scene = frame()
    draw_people(scene, [seen(left)], [], StreamSettings(blur=True))
    assert (scene != frame()).any() == changed
    draw_people(scene, [seen(left)], [person(left=int(left))], StreamSettings())


def test_without_boxes_only_the_label_is_drawn() -> None:
    scene = np.zeros((480, 640, 3), np.uint8)
    draw_people(scene, [seen()], [person()], StreamSettings(boxes=False))
    rows = np.flatnonzero(scene.any(axis=(1, 2)))
    assert rows.max() <= 121
    bare = np.zeros_like(scene)
    draw_people(bare, [seen()], [person()], StreamSettings(boxes=False, labels=False, confidence=False))
    assert not bare.any()
