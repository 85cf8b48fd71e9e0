"""Values of a state file: parsed, bounded and refused with one kind of error."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fer.storage.open_files import read_plain
from fer.storage.schema import read_object
from fer.storage.values import MAX_DEPTH, ValuesError, cleaned, is_number, parse, parse_object
from tests.support import state_files
from tests.support.state_files import RAW


@pytest.mark.parametrize("data", RAW.values())
def test_parsing_raises_one_kind_of_error(data: bytes) -> None:
    try:
        values = parse_object(data)
    except ValuesError as error:
        assert "\n" not in str(error)
    else:
        state_files.repr_of(cleaned(values)).encode()


def test_nesting_is_bounded() -> None:
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    with pytest.raises(ValuesError, match="nested too deep"):
        parse("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, True), (0.5, True), (True, False), ("1", False), (None, False), (float("nan"), False), (10**400, False)],
)
def test_numbers(value: Any, expected: bool) -> None:
    assert is_number(value) == expected
    assert is_number(float("inf")) is False and is_number(2, 0, 1) is False


def test_a_state_file_has_a_maximum_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer.storage.schema.read_plain", partial(read_plain, most=10))
    (tmp_path / "x.json").write_text('{"a": "0123456789"}')
    with pytest.raises(ValuesError, match="it has more than"):
        read_object(tmp_path / "x.json")
    with pytest.raises(FileNotFoundError):
        read_object(tmp_path / "none.json")
