"""Sweeps of trainings that train nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fer import paths
from fer.runs import control, process
from tests.support.fake_training import COMMAND


@pytest.fixture
def fake_trainings(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return an empty FER_HOME in which trainings train nothing, and end those that a test leaves running."""
    monkeypatch.setattr(control, "train_command", lambda config, run_id=None: [*COMMAND, run_id])
    monkeypatch.setattr(control, "resume_command", lambda run_id: [*COMMAND, run_id])
    yield fer_home
    for folder in paths.runs_dir().glob("2*"):
        if process.is_alive(folder):
            process.kill(folder)
