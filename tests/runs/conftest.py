"""Runs on disk, made in milliseconds, and a process that is a run without training anything."""

import dataclasses
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fer import paths
from fer.runs import control, files, process
from fer.runs.config import TrainConfig
from fer.runs.progress import Progress

FAKE_RUN = [sys.executable, "-m", "tests.runs.fake_run"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty FER_HOME."""
    monkeypatch.setenv("FER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def make_run(home: Path) -> Callable[..., str]:
    """Write the folder of a run as one that ended would have left it, and return its id."""
    count = 0

    def make(config: TrainConfig | None = None, name: str = "a run", **progress: Any) -> str:
        nonlocal count
        count += 1
        config = config or TrainConfig(epochs=5)
        run_id = f"20260101-0000{count // 60:02d}-{count:04x}"
        folder = paths.runs_dir() / run_id
        folder.mkdir(parents=True)
        (folder / files.CONFIG).write_text(config.to_json())
        files.write_json(folder / files.NOTES, {"name": name, "notes": ""})
        values = {"state": "finished", "epochs": config.epochs, "started": 1_700_000_000.0 + count, "ended": 1.0}
        Progress(**(values | progress)).write(folder)
        (folder / files.LOG).touch()
        return run_id

    return make


@pytest.fixture
def fake_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let `start` and `resume` start `fake_run` processes, and end those that a test leaves."""
    monkeypatch.setattr(control, "train_command", lambda config, run_id=None: [*FAKE_RUN, run_id])
    monkeypatch.setattr(control, "resume_command", lambda run_id: [*FAKE_RUN, run_id])
    yield
    for folder in paths.runs_dir().glob("2*"):
        if process.is_alive(folder):
            process.kill(folder)


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def stamp(folder: Path, owner: psutil.Process, **changes: Any) -> None:
    """Say that a process is the run of a folder."""
    files.write_json(folder / files.PROCESS, {"pid": owner.pid, "started": owner.create_time(), **changes})


def change_progress(folder: Path, **changes: Any) -> None:
    dataclasses.replace(Progress.read(folder), **changes).write(folder)
