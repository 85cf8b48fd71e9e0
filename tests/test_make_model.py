"""The run of the shipped model's recipe: one that is done is not done again, one that is not goes on."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fer.paths import CHECKOUT
from fer.runs import files, making, store
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
    folder = make_model.trained(SMALL, "a run")
    assert (folder / files.BUNDLE / "model.onnx").is_file()

    def started(*_: object, **__: object) -> None:
        pytest.fail("a finished run was started again")

    monkeypatch.setattr(subprocess, "run", started)
    assert make_model.trained(SMALL, "a run") == folder
    assert len(store.list_runs()) == 1


def test_a_run_that_does_not_end_is_a_sentence_and_goes_on_next_time(
    fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: commands.append(command))
    for _ in range(2):
        with pytest.raises(click.ClickException, match="goes on from there"):
            make_model.trained(SMALL, "a run")
    (run,) = store.list_runs()
    assert commands[0][-1] == run.id and "train" in commands[0]
    assert commands[1][-2:] == ["resume", run.id]


def test_a_stage_starts_from_the_models_of_earlier_ones_and_learns_from_them(
    fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[TrainConfig, str]] = []

    def trained(config: TrainConfig, name: str) -> Path:
        asked.append((config, name))
        return fer_home / f"run{len(asked)}"

    monkeypatch.setattr(make_model, "trained", trained)
    stages = (
        make_model.Stage("first", SMALL),
        make_model.Stage("second", SMALL, start_from=(0,)),
        make_model.Stage("third", SMALL, start_from=(0, 1), teacher=(1,)),
    )
    assert make_model.train_stages(stages, "/faces.csv", None) == [fer_home / f"run{number}" for number in (1, 2, 3)]
    bundles = [str(fer_home / run / "bundle") for run in ("run1", "run2")]
    assert [config.start_from for config, _ in asked] == [(), (bundles[0],), tuple(bundles)]
    assert [config.teacher for config, _ in asked] == [(), (), (bundles[1],)]
    assert {config.data for config, _ in asked} == {"/faces.csv"}
    assert asked[1][1] == "shipped model, 2 of 3: second"


def test_every_stage_keeps_the_same_part_apart_and_uses_only_what_was_made_before() -> None:
    parts = {(stage.config.holdout, stage.config.fraction, stage.config.corrections) for stage in make_model.RECIPE}
    assert parts == {(0.04, 1.0, False)}
    for number, stage in enumerate(make_model.RECIPE):
        assert stage.start_from or not stage.config.start_share
        assert all(earlier < number for earlier in (*stage.start_from, *stage.teacher))


def test_what_is_shipped_is_the_average_with_fear_favoured(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, status)

    monkeypatch.setattr(subprocess, "run", run)
    folders = [files.run_folder(making.create_run(SMALL)) for _ in range(2)]
    (folders[1] / files.METRICS).write_text("epoch\n1\n")
    status = 0
    folder = make_model.averaged(folders, {0: 0.2, 1: 0.8})
    assert TrainConfig.from_json((folder / files.CONFIG).read_text()) == replace(
        SMALL, fear_offset=make_model.FEAR_OFFSET
    )
    assert (folder / files.METRICS).read_text() == "epoch\n1\n"
    assert commands[0][1:4] == ["-m", "fer.training.averaging", str(folder)]
    assert json.loads(commands[0][4]) == [[str(folders[0] / "bundle"), 0.2], [str(folders[1] / "bundle"), 0.8]]
    status = 1
    with pytest.raises(click.ClickException, match="The average was not made"):
        make_model.averaged(folders, {0: 0.2, 1: 0.8})


def test_the_shares_are_of_stages_that_are_made_and_add_up() -> None:
    assert set(make_model.SHARES) <= set(range(len(make_model.RECIPE)))
    assert sum(make_model.SHARES.values()) == pytest.approx(1)


def test_without_votes_no_label_comes_from_them() -> None:
    assert {stage.config.crowd_labels for stage in make_model._without_votes(make_model.RECIPE)} == {0.0}


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
    other = making.create_run(SMALL)
    (store.read_run(other).folder / files.CONFIG).write_text('{"from_the_future": 1}')
    with pytest.raises(click.ClickException, match="goes on from there"):
        make_model.trained(SMALL, "a run")
    assert len(store.list_runs()) == 2
