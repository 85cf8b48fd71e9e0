"""The shipped model's recipe: finished runs are reused, and unfinished ones are resumed."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fer.paths import CHECKOUT
from fer.runs import layout, making, store
from fer.runs.config import TrainConfig
from scripts import make_model
from tests.support.builders import make_bundle
from tests.support.running import fer

SMALL = TrainConfig(epochs=1, fraction=0.1, batch_size=16, warmup_epochs=0.0)


@pytest.mark.training
def test_a_finished_run_is_reused(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_a_tiny_network(command: list[str], **options: object) -> None:
        assert command[:3] == [sys.executable, "-m", "fer"]
        assert options == {"cwd": CHECKOUT, "check": False}
        ended = fer(fer_home, *command[3:])
        assert ended.status == 0, ended.err

    monkeypatch.setattr(subprocess, "run", with_a_tiny_network)
    folder = make_model.trained(SMALL, "a run")
    assert (folder / layout.BUNDLE / "model.onnx").is_file()

    def started(*_: object, **__: object) -> None:
        pytest.fail("a finished run was started again")

    monkeypatch.setattr(subprocess, "run", started)
    assert make_model.trained(SMALL, "a run") == folder
    assert len(store.list_runs()) == 1


def test_an_unfinished_run_gives_a_sentence_and_is_resumed_the_next_time(
    fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: commands.append(command))
    for _ in range(2):
        with pytest.raises(click.ClickException, match="the same command continues it"):
            make_model.trained(SMALL, "a run")
    (run,) = store.list_runs()
    assert commands[0][-1] == run.id and "train" in commands[0]
    assert commands[1][-2:] == ["resume", run.id]


def test_a_training_uses_the_models_of_earlier_steps(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[TrainConfig, str]] = []

    def trained(config: TrainConfig, name: str) -> Path:
        asked.append((config, name))
        return fer_home / f"run{len(asked)}"

    averages: list[tuple[dict[Path, float], float, str, bool]] = []

    def averaged(shares: dict[Path, float], fear_offset: float, name: str, *, again: bool) -> Path:
        averages.append((shares, fear_offset, name, again))
        return fer_home / "average"

    monkeypatch.setattr(make_model, "trained", trained)
    monkeypatch.setattr(make_model, "averaged", averaged)
    steps = (
        make_model.Training("first", SMALL),
        make_model.Training("second", SMALL, start_from=(0,)),
        make_model.Average("mean", {0: 0.25, 1: 0.75}, fear_offset=0.2),
        make_model.Training("third", SMALL, start_from=(0, 2), teacher=(1,)),
    )
    assert make_model.made(steps, "/faces.csv", None) == fer_home / "run3"
    first, second, average = (str(fer_home / name / "bundle") for name in ("run1", "run2", "average"))
    assert [config.start_from for config, _ in asked] == [(), (first,), (first, average)]
    assert [config.teacher for config, _ in asked] == [(), (), (second,)]
    assert {config.data for config, _ in asked} == {"/faces.csv"}
    assert asked[1][1] == "shipped model, 2 of 4: second"
    shares = {fer_home / "run1": 0.25, fer_home / "run2": 0.75}
    assert averages == [(shares, 0.2, "shipped model, 3 of 4: mean", False)]
    # The shipped model is exported and calibrated with the current code.
    make_model.made(steps[:3], "/faces.csv", None)
    assert averages[-1][-1] is True


def test_every_step_holds_out_the_same_part_and_uses_only_earlier_results() -> None:
    trainings = [step for step in make_model.RECIPE if isinstance(step, make_model.Training)]
    parts = {(step.config.holdout, step.config.fraction, step.config.corrections) for step in trainings}
    assert parts == {(0.04, 1.0, False)}
    for number, step in enumerate(make_model.RECIPE):
        if isinstance(step, make_model.Average):
            assert sum(step.shares.values()) == pytest.approx(1)
            used = tuple(step.shares)
            assert isinstance(make_model.RECIPE[used[-1]], make_model.Training)
        else:
            assert isinstance(step, make_model.Training)
            assert step.start_from or not step.config.init_weight
            used = (*step.start_from, *step.teacher)
        assert all(earlier < number for earlier in used)


def test_an_average_is_made_once_unless_it_is_requested_again(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, status)

    monkeypatch.setattr(subprocess, "run", run)
    first, last = (layout.run_folder(making.create_run(SMALL)) for _ in range(2))
    (last / layout.METRICS).write_text("epoch\n1\n")
    shares = {first: 0.2, last: 0.8}
    status = 1
    with pytest.raises(click.ClickException, match="The average was not made"):
        make_model.averaged(shares, 0.3, "mean", again=False)
    status = 0
    folder = make_model.averaged(shares, 0.3, "mean", again=False)
    assert TrainConfig.from_json((folder / layout.CONFIG).read_text()) == replace(SMALL, fear_offset=0.3)
    assert (folder / layout.METRICS).read_text() == "epoch\n1\n"
    assert json.loads((folder / layout.NOTES).read_text()) == {"name": "mean"}
    assert folder.parent == last
    assert commands[1][1:4] == ["-m", "fer.training.averaging", str(folder)]
    assert json.loads(commands[1][4]) == [[str(first / "bundle"), 0.2], [str(last / "bundle"), 0.8]]
    # Without its model it doesn't count.
    assert make_model.averaged(shares, 0.3, "mean", again=False) == folder
    assert len(commands) == 3
    make_bundle(folder / layout.BUNDLE)
    assert make_model.averaged(shares, 0.3, "mean", again=False) == folder
    assert len(commands) == 3
    assert make_model.averaged(shares, 0.3, "mean", again=True) == folder
    assert len(commands) == 4
    # A training that learns from another average is a different one and must not reuse this one.
    assert make_model.averaged({first: 0.5, last: 0.5}, 0.3, "mean", again=False) != folder


def test_without_votes_no_step_uses_them() -> None:
    trainings = [s for s in make_model._without_votes(make_model.RECIPE) if isinstance(s, make_model.Training)]
    assert {step.config.crowd_labels for step in trainings} == {0.0}


def test_invalid_data_are_refused_before_any_training(
    fer_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a training was started"))
    done = CliRunner().invoke(make_model.main, [str(tmp_path / "nothing.csv")])
    assert done.exit_code == 1
    assert done.output.startswith("Error: ") and "nothing.csv" in done.output
    assert store.list_runs() == []


def test_a_run_of_another_version_is_ignored(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    other = making.create_run(SMALL)
    (store.read_run(other).folder / layout.CONFIG).write_text('{"from_the_future": 1}')
    with pytest.raises(click.ClickException, match="the same command continues it"):
        make_model.trained(SMALL, "a run")
    assert len(store.list_runs()) == 2
