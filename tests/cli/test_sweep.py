"""`fer sweep`: a table at the end, the same command continues, and one sentence for what can't be done."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer import paths
from fer.paths import CHECKOUT
from fer.runs import control, process, store
from fer.sweeps.job import list_sweeps
from tests.support.cli import Command, command, invoke
from tests.support.fake_training import COMMAND, HOLD, OUT_OF_MEMORY
from tests.support.run_folders import wait_until

QUICK = ("--preset", "quick")


@pytest.fixture
def sweep(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    monkeypatch.setattr(control, "train_command", lambda config, run_id=None: [*COMMAND, run_id])
    monkeypatch.setattr(control, "resume_command", lambda run_id: [*COMMAND, run_id])
    yield command("sweep", *QUICK)
    for folder in paths.runs_dir().glob("2*"):
        if process.is_alive(folder):
            process.kill(folder)


def test_the_table_has_mean_and_spread_and_runs_shows_it_again(sweep: Command) -> None:
    done = sweep("--set", "learning-rate=0.1,0.2", "--seeds", 2)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert any("learning rate 0.1" in line and "60.5 ± 0.7 %" in line and "1.395 ± 0.007" in line for line in lines)
    assert lines[-1].startswith("On the test split: mean ± standard deviation over 2 seeds.")
    assert done.stderr.count("Done: ") == 4 and done.stderr.endswith("4 of 4 trainings done\n")
    (job,) = list_sweeps()
    listed = invoke("runs").stdout
    assert (
        "learning rate 0.2" in listed
        and f"Sweep {job.id}: Learning rate 0.1, 0.2 on synthetic, 2 seeds: done" in listed
    )
    shown = json.loads(invoke("runs", "sweep", job.id, "--json").stdout)
    again = json.loads(command("sweep", "--resume", job.id, "--json", "--quiet")().stdout)
    assert shown == again and shown["sweep"] == job.id
    fast = shown["settings"][1]
    assert fast["accuracy"] == {
        "mean": pytest.approx(0.705),
        "sd": pytest.approx(0.00707, abs=1e-5),
        "values": [0.7, 0.71],
    }
    assert (fast["settings"], fast["split"], fast["done"]) == ("learning rate 0.2", "test", 2)
    assert {run["sweep"] for run in json.loads(invoke("runs", "--json").stdout)} == {job.id}


def test_a_failure_is_told_with_its_reason_and_the_exit_code(sweep: Command) -> None:
    done = sweep("--set", f"dropout=0.1,{OUT_OF_MEMORY}", "--seeds", 1)
    assert done.exit_code == 1
    assert "dropout 0.8, seed 0: Memory ran out: " in done.stderr
    assert done.stderr.endswith("1 of 2 trainings done, 1 failed\n")
    assert "0 of 1, 1 failed" in done.stdout and "one seed, so no spread is known" in done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--set", "learning_rate=1e-3,5"), "Error: learning_rate: choose a number from 1e-06 to 1. Received: 5.0."),
        (("--set", "speed=1"), "Error: There is no setting 'speed'"),
        (("--set", "start_from=gone"), "Error: There is no model 'gone'."),
        (("--seeds", "0"), "Error: seeds: choose a whole number from 1 to 100. Received: 0."),
        (("--data", "gone.csv"), "Error: data: there is nothing at "),
        (("--workers", "2", "--scheduler", "tls://h:1"), "Choose --workers or --scheduler"),
        (("--resume", "20260101-000000-aaaa"), "--resume continues a sweep as it was started"),
        (("--scheduler", "tcp://host:8786", "--seeds", "1"), "'tcp://host:8786' has no encryption"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_starts_nothing(
    words: tuple[str, ...], sentence: str, sweep: Command
) -> None:
    done = sweep(*words)
    assert done.exit_code in (1, 2) and sentence in done.stderr and done.stdout == ""
    assert store.list_runs() == []


def test_a_sweep_that_does_not_exist_is_told(fer_home: Path) -> None:
    done = invoke("sweep", "--resume", "../x")
    assert done.exit_code == 1 and done.stderr.startswith("Error: There is no sweep '../x'")


@pytest.mark.timeout(400)
def test_ctrl_c_stops_after_the_step_and_the_same_command_continues(sweep: Command, fer_home: Path) -> None:
    (fer_home / HOLD).touch()
    words = [*QUICK, "--set", "learning_rate=0.1,0.2", "--seeds", "1"]
    code = "from tests.support import fake_training; fake_training.install(); from fer.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "sweep", *words],
        cwd=CHECKOUT,
        env=os.environ | {"FER_HOME": str(fer_home)},
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background has the signal ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as client:
        wait_until(lambda: any(run.progress.epoch for run in store.list_runs()), 120)
        client.send_signal(signal.SIGINT)
        told = client.stderr.read()
    assert client.returncode == 130
    assert "Stopped: 0 of 2 trainings done" in told and "Traceback" not in told
    (run,) = store.list_runs()
    wait_until(lambda: store.read_run(run.id).state == "stopped", 120)
    (fer_home / HOLD).unlink()
    done = sweep(*words[2:])
    assert done.exit_code == 0 and len(store.list_runs()) == 2
    assert "begins at epoch 1" in store.read_log_tail(run.id)
