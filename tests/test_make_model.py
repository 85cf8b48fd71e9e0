"""The stages of the shipped model's recipe: one that is done is not done again."""

import subprocess
from pathlib import Path

import click
import pytest

from fer.runs import files, store
from fer.runs.config import TrainConfig
from scripts import make_model

SMALL = TrainConfig(network="residual", epochs=1, fraction=0.1, batch_size=16, warmup_epochs=0.0)


@pytest.mark.training
def test_a_stage_that_is_done_is_not_done_again(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_model.stage("first", SMALL)
    assert (folder / files.BUNDLE / "model.onnx").is_file()

    def started(*_: object, **__: object) -> None:
        pytest.fail("a finished stage was started again")

    monkeypatch.setattr(subprocess, "run", started)
    assert make_model.stage("first", SMALL) == folder
    assert [run.name for run in store.list_runs()] == ["first"]


def test_a_stage_that_does_not_end_is_a_sentence_and_goes_on_next_time(
    fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: commands.append(command))
    for _ in range(2):
        with pytest.raises(click.ClickException, match="goes on from there"):
            make_model.stage("first", SMALL)
    (run,) = store.list_runs()
    assert commands[0][-1] == run.id and "train" in commands[0]
    assert commands[1][-2:] == ["resume", run.id]
