"""Runs on disk, and processes that act as runs without training."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from fer import paths
from fer.runs import control, process
from tests.support.run_folders import FAKE_RUN, write_run


@pytest.fixture
def home(fer_home: Path) -> Path:
    """Return an empty FER_HOME."""
    return fer_home


@pytest.fixture
def make_run(home: Path) -> Callable[..., str]:
    """Return `write_run` with a counter, so that every run has its own id."""
    numbers = count(1)

    def make(*arguments: Any, **options: Any) -> str:
        return write_run(next(numbers), *arguments, **options)

    return make


@pytest.fixture
def fake_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make `start` and `resume` start `fake_run` processes, and end those that a test leaves running."""
    monkeypatch.setattr(control, "train_command", lambda config, run_id=None: [*FAKE_RUN, run_id])
    monkeypatch.setattr(control, "resume_command", lambda run_id: [*FAKE_RUN, run_id])
    yield
    for folder in paths.runs_dir().glob("2*"):
        if process.is_alive(folder):
            process.kill(folder)
