"""Runs with models of known merit, and their predictions."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.support.run_folders import write_run


@pytest.fixture
def make_run(fer_home: Path) -> Callable[..., str]:
    """`write_run` with a number of its own for each."""
    numbers = count(1)
    return lambda *arguments, **options: write_run(next(numbers), *arguments, **options)
