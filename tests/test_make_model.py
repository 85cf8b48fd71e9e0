"""The run of the shipped model's recipe: one that is done is not done again, one that is not goes on."""

import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fer.runs import files, store
from fer.runs.config import TrainConfig
from scripts import make_model

SMALL = TrainConfig(epochs=1, fraction=0.1, batch_size=16, warmup_epochs=0.0)


@pytest.mark.training
def test_a_run_that_is_done_is_not_done_again(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_each_stage_goes_on_from_the_one_before_and_some_are_taught_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    configs: list[TrainConfig] = []

    def trained(config: TrainConfig) -> Path:
        configs.append(config)
        return Path(f"/runs/{len(configs)}")

    monkeypatch.setattr(make_model, "trained", trained)
    assert make_model.made("/data.csv", "/votes.csv", make_model.RECIPE) == Path(f"/runs/{len(make_model.RECIPE)}")
    first, *later = configs
    assert (first.start_from, first.teacher, first.start_share) == (None, None, 0.0)
    for number, (config, stage) in enumerate(zip(later, make_model.RECIPE[1:], strict=True), start=1):
        assert config.start_from == f"/runs/{number}/bundle"
        assert config.teacher == (config.start_from if stage.taught else None)
    assert any(config.teacher for config in later)
    assert {(config.data, config.votes, config.holdout) for config in configs} == {("/data.csv", "/votes.csv", 0.04)}


def test_without_votes_nothing_is_made_of_them() -> None:
    assert any(stage.config.crowd_labels for stage in make_model.RECIPE)
    assert not any(stage.config.crowd_labels for stage in make_model._without_votes(make_model.RECIPE))


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
