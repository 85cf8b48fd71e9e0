"""A small table to import."""

from pathlib import Path

import pytest

from tests.support.forms import csv_lines, synthetic_faces, write_lines


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "fer2013.csv", csv_lines(synthetic_faces()))
