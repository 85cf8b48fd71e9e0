"""Text for people, and untrusted text made safe."""

from datetime import UTC, datetime, timedelta

import pytest

from fer.text import (
    MB,
    ago,
    counted,
    duration,
    encodable,
    file_size,
    listed,
    literal,
    percent,
    printable,
    spreadsheet_safe,
)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@A1", " =1", "\uff1d1", "\t1", "|x", "%x"])
def test_a_spreadsheet_runs_no_cell(cell: str) -> None:
    assert spreadsheet_safe(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "me.png", "a=b", "1-2"])
def test_a_plain_cell_stays_as_it_is(cell: str) -> None:
    assert spreadsheet_safe(cell) == cell


def test_a_name_controls_no_terminal() -> None:
    assert printable("a\x1b[2J\u202eb ü") == "a\\x1b[2J\\u202eb ü"
    assert encodable("a\udcffb") == "a\\udcffb"


@pytest.mark.parametrize(
    ("words", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_words_become_a_list(words: list[str], text: str) -> None:
    assert listed(words) == text


def test_marks_that_turn_text_are_written_out() -> None:
    assert literal("\u202egpj.exe \u2067x") == r"\\u202egpj\.exe \\u2067x"
    assert literal("\u05e9\u05dc\u05d5\u05dd") == "\u05e9\u05dc\u05d5\u05dd"


def test_a_number_has_its_noun() -> None:
    assert [counted(number, "image") for number in (0, 1, 2000)] == ["0 images", "1 image", "2,000 images"]


def test_shares_and_sizes_are_readable() -> None:
    assert (percent(0.7123), percent(0.7123, 0)) == ("71.2 %", "71 %")
    sizes = (0, MB // 100, 5 * MB, 3000 * MB)
    assert [file_size(size) for size in sizes] == ["1 kB", "10 kB", "5.0 MB", "3,000 MB"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1 s"),
        (49.2, "50 s"),
        (89.4, "90 s"),
        (120, "2 min"),
        (3570, "1 h"),
        (6600, "1 h 50 min"),
        (183_600, "2 d 3 h"),
        (30 * 86_400, "30 days"),
    ],
)
def test_durations_are_readable(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_moment_was_some_time_ago() -> None:
    assert ago((datetime.now(UTC) - timedelta(minutes=3)).isoformat()) == "3 min ago"
    # The clock was set back.
    assert ago((datetime.now(UTC) + timedelta(hours=1)).isoformat()) == "1 s ago"
