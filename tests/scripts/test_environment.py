"""The script that sets up the environment, with replaced tools."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts import environment
from tests.scripts.conftest import Calls
from tests.support.odd_files import link_or_skip


def test_each_requirements_file_is_installed_once_and_again_after_a_change(project: Path, calls: Calls) -> None:
    environment.ensure_installed("app", "dev")
    assert [call[-3] for call in calls] == ["requirements.txt", "requirements-dev.txt"]
    environment.ensure_installed("app", "dev")
    assert len(calls) == 2
    (project / "requirements-training.txt").write_text("keras\n")
    environment.ensure_installed("app", "dev")
    assert [call[-3] for call in calls[2:]] == ["requirements.txt"]
    (project / "constraints.txt").write_text("other pins\n")
    environment.ensure_installed("app", "dev")
    assert len(calls) == 5


def test_a_failed_installation_is_repeated(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = iter([1, 0])
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=next(codes)))
    with pytest.raises(environment.CommandError):
        environment.ensure_installed("app")
    environment.ensure_installed("app")
    assert list(codes) == []


def test_a_link_to_a_missing_folder_is_named_with_what_to_do(tmp_path: Path) -> None:
    link = tmp_path / ".venv"
    link_or_skip(link, tmp_path / "gone")
    with pytest.raises(environment.CommandError) as raised:
        environment.ensure_venv(link)
    assert str(raised.value) == (
        f"{link} is a link to a missing folder. Delete it (rm '{link}'), then type the command again."
    )
    assert link.is_symlink()


@pytest.mark.parametrize(("bound", "version"), [("OLDEST", (99, 0)), ("NEWEST", (3, 1))])
def test_an_old_or_too_new_python_is_refused_with_the_versions_needed(
    bound: str, version: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, bound, version)
    text = ".".join(map(str, version))
    with pytest.raises(environment.CommandError, match=rf"Python .*{text}.* is needed.*scripts/run.py"):
        environment.ensure_venv(tmp_path / ".venv")
    assert not (tmp_path / ".venv").exists()


def test_a_missing_venv_module_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(environment.CommandError, match=r"apt-get install python\d\.\d+-venv"):
        environment.ensure_venv_module()


@pytest.mark.parametrize("browser", [None, "chromium"])
def test_a_missing_browser_is_named_with_what_to_do(browser: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKIP_BROWSER", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: name if name == browser else None)
    if browser:
        environment.ensure_browser()
    else:
        with pytest.raises(environment.CommandError, match=r"apt-get install chromium.*SKIP_BROWSER=1"):
            environment.ensure_browser()
        monkeypatch.setenv("SKIP_BROWSER", "1")
        environment.ensure_browser()


def test_a_user_who_is_not_root_installs_no_package(monkeypatch: pytest.MonkeyPatch, calls: Calls) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    assert not environment.apt_install("chromium")
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    assert environment.apt_install("chromium")
    assert [call[-1] for call in calls] == ["-qq", "chromium"]
