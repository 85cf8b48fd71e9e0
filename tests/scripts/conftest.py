"""A project with an empty environment, whose commands are recorded instead of run."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts import environment, run

Calls = list[list[str]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with an empty environment."""
    for kind in environment.REQUIREMENTS.values():
        for file in kind:
            (tmp_path / file).write_text(f"{file}\n")
    (tmp_path / "constraints.txt").write_text("pins\n")
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    python = environment.python_of(tmp_path / ".venv")
    python.parent.mkdir(parents=True)
    python.touch()
    return tmp_path


@pytest.fixture
def calls(project: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Record the commands instead of running them."""
    made: Calls = []

    def record(command: list[str], **_: object) -> SimpleNamespace:
        made.append([Path(command[0]).name, *command[1:]])
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", record)
    return made
