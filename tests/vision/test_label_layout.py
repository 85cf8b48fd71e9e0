import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.vision.label_layout import Area, Label, place_labels

SIZE = (1000, 800)


def measure(text: str, letters_px: int) -> tuple[int, int]:
    return len(text) * letters_px // 2 + 8, letters_px + 8


def texts(count: int) -> list[tuple[str, ...]]:
    return [(f"{number} looks surprised 0.83", f"{number} surprised", f"{number}") for number in range(1, count + 1)]


def grid(columns: int, rows: int, face: int) -> list[tuple[int, int, int, int]]:
    across, down = SIZE[0] / columns, SIZE[1] / rows
    return [
        (round((column + 0.5) * across - face / 2), round((row + 0.5) * down - face / 2), face, face)
        for row in range(rows)
        for column in range(columns)
    ]


def areas(boxes: list[tuple[int, int, int, int]]) -> list[Area]:
    return [Area(x, y, x + width, y + height) for x, y, width, height in boxes]


def check(labels: list[Label], boxes: list[tuple[int, int, int, int]]) -> None:
    assert len(labels) == len(boxes)
    for label in labels:
        assert label.area.within(*SIZE)
    for one, other in itertools.combinations(labels, 2):
        assert not one.area.meets(other.area)
    for label, (index, face) in itertools.product(labels, enumerate(areas(boxes))):
        if labels[index] is not label:
            assert not label.area.meets(face)


@pytest.mark.parametrize(
    ("columns", "rows", "face", "level"), [(2, 2, 120, 0), (4, 1, 60, 0), (8, 3, 60, 1), (10, 4, 50, 2), (12, 8, 30, 2)]
)
def test_labels_of_a_group_cover_nothing_and_are_as_full_as_fits(
    columns: int, rows: int, face: int, level: int
) -> None:
    boxes = grid(columns, rows, face)
    labels = place_labels(texts(len(boxes)), boxes, SIZE, measure)
    check(labels, boxes)
    assert [label.text for label in labels] == [one[level] for one in texts(len(boxes))]


def test_letters_go_with_the_width_and_stay_legible() -> None:
    (large,) = place_labels([("looks happy", "happy")], [(1000, 1000, 400, 400)], (4000, 3000), measure)
    (small,) = place_labels([("looks happy", "happy")], [(40, 60, 40, 40)], (200, 150), measure)
    assert large.letters_px == 125 and small.letters_px == 11
    (reduced,) = place_labels([("looks happy", "happy")], [(40, 60, 40, 40)], (200, 150), measure, 20)
    assert reduced.letters_px == 20, "more where the picture will be shown reduced"


def test_faces_side_by_side_get_their_labels_above_and_below() -> None:
    boxes = [(300 + 110 * number, 300, 100, 100) for number in range(3)]
    labels = place_labels(texts(3), boxes, SIZE, measure)
    check(labels, boxes)


def test_a_face_that_fills_the_picture_has_its_label_on_its_forehead() -> None:
    (label,) = place_labels([("looks happy", "happy")], [(-20, -30, 1040, 860)], SIZE, measure)
    assert label.area.within(*SIZE) and label.area.bottom < 0.25 * 860


def test_no_face_has_no_label() -> None:
    assert place_labels([], [], SIZE, measure) == []


@given(st.lists(st.tuples(*[st.integers(-100, 1000)] * 2, *[st.integers(1, 400)] * 2), max_size=25))
def test_every_face_gets_a_label_in_the_picture(boxes: list[tuple[int, int, int, int]]) -> None:
    labels = place_labels(texts(len(boxes)), boxes, SIZE, measure)
    assert len(labels) == len(boxes)
    for number, label in enumerate(labels, start=1):
        assert label.text.startswith(str(number)) and label.area.left >= 0 and label.area.top >= 0
