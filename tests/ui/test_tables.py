"""Rows of tables are as high as the longest name needs, and Streamlit breaks lines only above 64 pixels."""

import pytest

from fer.ui.tables import NAME_PX, row_px, table_px


@pytest.mark.parametrize(
    ("names", "height"),
    [
        ([], 35),
        (["Quick look on faces"], 35),
        (["Quick look on faces", "Standard on fer2013.csv, network small"], 70),
        (["Standard on fer2013.csv, network small, learning rate 0.001, 2 more"], 88),
        (["x" * 30], 66),
        (["x" * 1000], 106),
    ],
)
def test_rows_have_room_for_the_longest_name(names: list[str], height: int) -> None:
    assert row_px(names, NAME_PX) == height


def test_a_wider_column_needs_lower_rows() -> None:
    assert row_px(["Standard on fer2013.csv, network small"], 300) == 35


def test_a_table_is_no_higher_than_its_rows_or_the_most() -> None:
    assert table_px(2, 35, 400) == 108
    assert table_px(100, 35, 400) == 400
