"""The run of the shipped model's recipe: one that is done is not done again, one that is not goes on."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fer.paths import CHECKOUT
from fer.runs import files, store
from fer.runs.config import TrainConfig
from scripts import make_model
from tests.training.running import fer

SMALL = TrainConfig(epochs=1, fraction=0.1, batch_size=16, warmup_epochs=0.0)


@pytest.mark.training
def test_a_run_that_is_done_is_not_done_again(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_a_tiny_network(command: list[str], **options: object) -> None:
        assert command[:3] == [sys.executable, "-m", "fer"]
        assert options == {"cwd": CHECKOUT, "check": False}
        ended = fer(fer_home, *command[3:])
        assert ended.status == 0, ended.err

    monkeypatch.setattr(subprocess, "run", with_a_tiny_network)
    folder = make_model.trained(SMALL)
    assert (folder / files.BUNDLE / "model.onnx").is_file()

    def started(*_: object, **__: object) -> None:
        pytest.fail("a finished run was started again")

    monkeypatch.setattr(subprocess, "run", started)
    assert make_model.trained(SMALL) == folder
    assert len(store.list_runs()) == 1


def test_a_run_that_does_not_end_is_a_sentence_and_goes_on_next_time(
    fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: commands.append(command))
    for _ in range(2):
        with pytest.raises(click.ClickException, match="goes on from there"):
            make_model.trained(SMALL)
    (run,) = store.list_runs()
    assert commands[0][-1] == run.id and "train" in commands[0]
    assert commands[1][-2:] == ["resume", run.id]


def test_data_that_are_none_are_refused_before_any_training(
    fer_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a training was started"))
    done = CliRunner().invoke(make_model.main, [str(tmp_path / "nothing.csv")])
    assert done.exit_code == 1
    assert done.output.startswith("Error: ") and "nothing.csv" in done.output
    assert store.list_runs() == []


def test_a_run_of_another_version_is_passed_by(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    other = store.create_run(SMALL)
    (store.read_run(other).folder / files.CONFIG).write_text('{"from_the_future": 1}')
    with pytest.raises(click.ClickException, match="goes on from there"):
        make_model.trained(SMALL)
    assert len(store.list_runs()) == 2
