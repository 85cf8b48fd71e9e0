import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.recognition.reading_order import reading_order


def grid(
    rows: int, columns: int, *, size: int = 60, gap: int = 40, slope: float = 0.0, jitter: float = 0.0, seed: int = 0
):
    """Boxes of a group photo in reading order; `slope` in pixels per column, `jitter` in heights of a face."""
    random = np.random.default_rng(seed)
    boxes = [
        (
            column * (size + gap) + random.uniform(-0.2, 0.2) * gap,
            row * (size + gap) + column * slope + random.uniform(-jitter, jitter) * size,
            size,
            size * 1.2,
        )
        for row in range(rows)
        for column in range(columns)
    ]
    return np.array(boxes)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    "form",
    [
        {"rows": 1, "columns": 9},
        {"rows": 4, "columns": 1},
        {"rows": 3, "columns": 6},
        {"rows": 3, "columns": 6, "jitter": 0.25},
        {"rows": 3, "columns": 8, "slope": 25},
        {"rows": 2, "columns": 8, "slope": -25},
        {"rows": 3, "columns": 8, "slope": 20, "jitter": 0.15},
    ],
)
def test_rows_are_read_from_top_to_bottom_and_from_left_to_right(form: dict, seed: int) -> None:
    boxes = grid(**form, seed=seed)
    shuffled = np.random.default_rng(seed).permutation(len(boxes))
    order = reading_order(boxes[shuffled])
    assert shuffled[order].tolist() == list(range(len(boxes)))


def test_a_back_row_between_the_heads_of_the_front_row_is_a_row_of_its_own() -> None:
    back = [(50 + 100 * column, 0, 60, 60) for column in range(3)]
    front = [(100 * column, 50, 60, 60) for column in range(4)]
    assert reading_order(np.array([*front, *back])).tolist() == [4, 5, 6, 0, 1, 2, 3]


def test_a_child_stands_in_the_row_of_its_parents() -> None:
    boxes = np.array([(0, 0, 80, 100), (120, 55, 40, 50), (200, 5, 80, 100)])
    assert reading_order(boxes).tolist() == [0, 1, 2]


def test_no_face_has_no_order() -> None:
    assert reading_order(np.empty((0, 4))).tolist() == []


@given(st.lists(st.tuples(*[st.floats(-1e4, 1e4)] * 2, *[st.floats(1, 1e3)] * 2), max_size=30))
def test_every_face_has_one_place(boxes: list[tuple[float, ...]]) -> None:
    assert sorted(reading_order(np.array(boxes).reshape(-1, 4)).tolist()) == list(range(len(boxes)))
