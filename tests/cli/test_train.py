"""`fer train`: every setting is an option, and a queued run imports only what it needs."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from fer.cli import main
from fer.cli.train import _with_absolute_paths, train
from fer.errors import ConfigError
from fer.paths import CHECKOUT
from fer.runs import control, store
from fer.runs.config import TrainConfig
from fer.runs.presets import PRESETS, Preset
from tests.support.builders import make_bundle
from tests.support.run_folders import write_run

POSIX_PATHS = pytest.mark.skipif(os.name == "nt", reason="Windows takes these for files that don't exist")


def test_every_setting_is_an_option_with_its_default_and_range() -> None:
    shown = CliRunner().invoke(main, ["train", "--help"]).output
    options = {name for parameter in train.params for name in parameter.opts}
    for item in dataclasses.fields(TrainConfig):
        assert "--" + item.name.replace("_", "-") in options
    assert "0.0001 to" not in shown
    assert "1e-06 to 1" in shown
    context = train.make_context("train", [])
    given = {item.name: context.params[item.name] for item in dataclasses.fields(TrainConfig)}
    assert TrainConfig(**given) == TrainConfig()


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_gives_the_settings_that_are_not_typed(
    fer_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preset: Preset
) -> None:
    made = []

    def create(config: TrainConfig, name: str | None) -> str:
        made.append(config)
        raise ConfigError("Enough.")

    monkeypatch.setattr(control, "create", create)
    data = tmp_path / "faces"
    data.mkdir()
    for typed in ([], ["--epochs", "7", "--no-flip", "--start-from", str(make_bundle(tmp_path / "mine").path)]):
        CliRunner().invoke(main, ["train", "--preset", preset.key, "--data", str(data), *typed])
    plain, changed = made
    assert plain == preset.settings(str(data))
    mine = (str(tmp_path / "mine"),)
    assert changed == dataclasses.replace(plain, epochs=7, flip=False, start_from=mine)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--preset", "fast"], "fine-tune"),
        (["--epochs", "0"], "epochs: choose a whole number from 1 to 1000"),
        (["--warmup-epochs", "9", "--epochs", "3"], "warmup_epochs: choose fewer"),
        (["--network", "huge"], "huge"),
        (["--data", "gone.csv"], "data: there is nothing at"),
        (["--data", "gone.csv", "--estimate"], "data: there is nothing at"),
        pytest.param(["--data", "~nosuchuser/x"], "data: '~nosuchuser/x' can't be a path", marks=POSIX_PATHS),
        pytest.param(["--data", "x" * 5000], "can't be a path", marks=POSIX_PATHS),
        (["--votes", "gone.csv"], "votes: there is no file"),
        (["--start-from", "gone"], "There is no model"),
    ],
)
def test_bad_settings_are_refused_before_a_run_is_made(fer_home: Path, arguments: list[str], sentence: str) -> None:
    before = set(sys.modules)
    result = CliRunner().invoke(main, ["train", *arguments])
    assert result.exit_code != 0
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert store.list_runs() == []
    assert "keras" not in sys.modules or "keras" in before


def test_paths_become_absolute_so_that_a_run_resumes_from_anywhere(
    fer_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "faces.csv").touch()
    model, run = make_bundle(tmp_path / "model").path, "20260101-000000-abcd"
    other = make_bundle(fer_home / "runs" / run / "bundle").path
    (fer_home / "data" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    settings = {"data": "faces.csv", "votes": None, "start_from": ("model", run), "teacher": ("",), "epochs": 3}
    assert _with_absolute_paths(settings) == {
        "data": str(tmp_path / "faces.csv"),
        "votes": None,
        "start_from": (str(model), str(other)),
        "teacher": (),
        "epochs": 3,
    }
    assert _with_absolute_paths(settings | {"data": "synthetic"})["data"] == "synthetic"
    # An imported dataset keeps its name.
    assert _with_absolute_paths(settings | {"data": "mine"})["data"] == str(fer_home / "data" / "mine")


@pytest.mark.parametrize("resumed", [False, True])
def test_a_queued_run_is_a_small_process(fer_home: Path, resumed: bool) -> None:
    """Run the command until its run would start."""
    run_id = write_run(1, state="stopped" if resumed else "queued")
    arguments = ["runs", "resume", run_id] if resumed else ["train", "--id", run_id]
    code = (
        "import sys; from fer.cli import main; from fer.runs import session\n"
        "large = {'numpy', 'keras', 'pandas', 'cv2', 'onnxruntime', 'sklearn'}\n"
        "def turn(_): sys.exit(f'here: {sorted(large & set(sys.modules))}')\n"
        f"session._turn = turn\nmain({arguments!r})"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert said.stderr.strip().endswith("here: []")
