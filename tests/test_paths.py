"""State is under FER_HOME, else in the checkout, else in the user's data folder."""

import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from fer import paths


def test_fer_home_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FER_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(paths, "PROGRAM", tmp_path / "fer" / "_dashboard")
    assert paths.home() == tmp_path / "state"
    assert paths.runs_dir() == tmp_path / "state" / "runs"
    assert paths.data_dir() == tmp_path / "state" / "data"


@pytest.mark.parametrize("unset", [None, ""])
def test_a_checkout_keeps_its_own_state(unset: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FER_HOME", raising=False)
    if unset is not None:
        monkeypatch.setenv("FER_HOME", unset)
    assert paths.home() == paths.CHECKOUT
    assert (paths.home() / "pyproject.toml").is_file()


def test_an_installed_package_uses_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FER_HOME", raising=False)
    monkeypatch.setattr(paths, "PROGRAM", tmp_path / "fer" / "_dashboard")
    monkeypatch.setattr(platformdirs, "user_data_path", lambda name, appauthor: tmp_path / "share" / name)
    assert paths.home() == tmp_path / "share" / "fer-dashboard"


def test_a_tilde_is_the_users_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_HOME", "~/expressions")
    assert paths.home() == Path.home().resolve() / "expressions"


def test_a_hint_names_the_command_that_its_reader_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert paths.typed("runs resume ID") == "python -m fer runs resume ID"
    monkeypatch.setattr(paths, "PROGRAM", tmp_path / "fer" / "_dashboard")
    assert paths.typed("runs resume ID") == "fer runs resume ID"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, paths.CHECKOUT / ".matplotlib"),
        ({"FER_HOME": "~/expressions"}, Path("HOME/expressions/.matplotlib")),
        ({"FER_HOME": "~/expressions", "MPLCONFIGDIR": "mine"}, Path("mine")),
    ],
)
def test_matplotlib_keeps_its_fonts_with_the_users_state(
    variables: dict[str, str], expected: Path, tmp_path: Path
) -> None:
    """Whichever package imports matplotlib; a folder that the user has chosen stays."""
    env = {name: value for name, value in os.environ.items() if name not in ("FER_HOME", "MPLCONFIGDIR")}
    code = "import fer.paths, os; fer.paths.keep_fonts_at_home(); print(os.environ['MPLCONFIGDIR'])"
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=paths.CHECKOUT,
        env={**env, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == str(expected).replace("HOME", str(tmp_path))


def test_importing_the_library_leaves_matplotlib_alone(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "MPLCONFIGDIR"}
    code = "import fer, fer.summary.charts, os; print('MPLCONFIGDIR' in os.environ)"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=paths.CHECKOUT, env=env, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "False"


def test_a_home_of_nobody_gives_a_sentence() -> None:
    env = {**os.environ, "FER_HOME": "~no-such-user/x"}
    shown = subprocess.run(
        [sys.executable, "-m", "fer", "runs"], cwd=paths.CHECKOUT, env=env, capture_output=True, text=True, check=False
    )
    assert shown.returncode == 1 and shown.stdout == ""
    assert shown.stderr.strip() == (
        "Error: FER_HOME: '~no-such-user/x' names no user's folder; set it to the path of a folder."
    )
