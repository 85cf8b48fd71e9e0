"""The script that sets up the environment, with replaced tools."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fer.paths import CHECKOUT
from scripts import run

Calls = list[list[str]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with an empty environment."""
    for kind in run.REQUIREMENTS.values():
        for file in kind:
            (tmp_path / file).write_text(f"{file}\n")
    (tmp_path / "constraints.txt").write_text("pins\n")
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "VENV", tmp_path / ".venv")
    python = run.python_of(tmp_path / ".venv")
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


def test_each_requirements_file_is_installed_once_and_again_after_a_change(project: Path, calls: Calls) -> None:
    run.ensure_installed("app", "dev")
    assert [call[-3] for call in calls] == ["requirements.txt", "requirements-dev.txt"]
    run.ensure_installed("app", "dev")
    assert len(calls) == 2
    (project / "requirements-training.txt").write_text("keras\n")
    run.ensure_installed("app", "dev")
    assert [call[-3] for call in calls[2:]] == ["requirements.txt"]
    (project / "constraints.txt").write_text("other pins\n")
    run.ensure_installed("app", "dev")
    assert len(calls) == 5


def test_a_failed_installation_is_repeated(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = iter([1, 0])
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=next(codes)))
    with pytest.raises(run.CommandError):
        run.ensure_installed("app")
    run.ensure_installed("app")
    assert list(codes) == []


def test_app_passes_on_its_options(calls: Calls) -> None:
    assert run.main(["app", "--port", "8600"]) == 0
    assert calls[-1][1:] == ["-m", "fer", "app", "--port", "8600"]


def test_a_failed_step_ends_the_command(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda command, **_: SimpleNamespace(returncode=int("ruff" in command[0])))
    assert run.main(["quick"]) == 1


def test_a_failure_in_one_part_of_the_tests_runs_the_others_and_fails(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SKIP_BROWSER", "1")

    def fail_in_training(command: list[str], **_: object) -> SimpleNamespace:
        calls.append(command)
        return SimpleNamespace(returncode=int("training and not e2e and not soak" in command))

    monkeypatch.setattr(subprocess, "run", fail_in_training)
    assert run.main(["test"]) == 1
    assert [call[-1] for call in calls[-3:]] == [
        "training and not e2e and not soak",
        "e2e and not alone and not soak",
        "alone and not soak",
    ]
    assert "Some tests failed" in capsys.readouterr().err


def test_a_link_to_a_missing_folder_is_named_with_what_to_do(tmp_path: Path) -> None:
    link = tmp_path / ".venv"
    link.symlink_to(tmp_path / "gone")
    with pytest.raises(run.CommandError) as raised:
        run.ensure_venv(link)
    assert str(raised.value) == (
        f"{link} is a link to a missing folder. Delete it (rm '{link}'), then type the command again."
    )
    assert link.is_symlink()


def test_an_old_python_is_refused_with_the_version_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "OLDEST", (99, 0))
    with pytest.raises(run.CommandError, match="newer is needed"):
        run.ensure_venv(tmp_path / ".venv")
    assert not (tmp_path / ".venv").exists()


def test_a_missing_venv_module_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(run.CommandError, match=r"apt-get install python\d\.\d+-venv"):
        run.ensure_venv_module()


@pytest.mark.parametrize("browser", [None, "chromium"])
def test_a_missing_browser_is_named_with_what_to_do(browser: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKIP_BROWSER", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: name if name == browser else None)
    if browser:
        run.ensure_browser()
    else:
        with pytest.raises(run.CommandError, match=r"apt-get install chromium.*SKIP_BROWSER=1"):
            run.ensure_browser()
        monkeypatch.setenv("SKIP_BROWSER", "1")
        run.ensure_browser()


def test_a_user_who_is_not_root_installs_no_package(monkeypatch: pytest.MonkeyPatch, calls: Calls) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    assert not run.apt_install("chromium")
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    assert run.apt_install("chromium")
    assert [call[-1] for call in calls] == ["-qq", "chromium"]


def test_help_names_every_command() -> None:
    script = CHECKOUT / "scripts" / "run.py"
    done = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True)
    for name in run.COMMANDS:
        assert f"\n  {name} " in done.stdout


@pytest.mark.parametrize(
    "file", [".github/workflows/ci.yml", ".pre-commit-config.yaml", "README.md", "CONTRIBUTING.md"]
)
def test_commands_that_other_files_name_exist(file: str) -> None:
    text = (CHECKOUT / file).read_text(encoding="utf-8")
    named = re.findall(r"(?:make|scripts[/\\]run\.py) (\w+)", text)
    assert named and set(named) <= {*run.COMMANDS, "X", "COMMAND"}


def test_make_has_every_command() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^COMMANDS := (.*)$", makefile, re.M)
    assert {*listed.split(), "app", "model"} == set(run.COMMANDS)
