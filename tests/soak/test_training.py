"""A training that is killed at twenty random moments ends like an undisturbed one.

FER_SOAK_KILLS and FER_SOAK_SEED change how often and when. The seed is printed, so a failure can be reproduced.
"""

import csv
import os
import random
import subprocess
import time
from pathlib import Path

import click
import pytest

from fer.paths import CHECKOUT
from fer.recognition.bundle import load_bundle
from fer.runs import layout, process, serving, store
from fer.storage import files
from tests.support.running import SETTINGS, command, environment

_KILLS = int(os.environ.get("FER_SOAK_KILLS", "20"))
_SEED = int(os.environ.get("FER_SOAK_SEED", str(random.SystemRandom().randrange(10**6))))
_EPOCHS = 300


def curves(folder: Path) -> list[dict[str, float]]:
    with (folder / layout.METRICS).open() as file:
        return [{k: float(v) for k, v in row.items() if v and k != "seconds"} for row in csv.DictReader(file)]


def started(home: Path, settings: list[str]) -> tuple[subprocess.Popen[str], str]:
    """Start a training, and return its process and the run's id."""
    training = subprocess.Popen(
        command("train", *settings), cwd=CHECKOUT, env=environment(home), stdout=subprocess.PIPE, text=True
    )
    assert training.stdout
    return training, training.stdout.readline().strip()


@pytest.mark.timeout(7200)
def test_a_run_killed_again_and_again_learns_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    click.echo(f"FER_SOAK_SEED={_SEED}")
    rng = random.Random(_SEED)
    monkeypatch.setenv("FER_HOME", str(tmp_path))
    settings = [*SETTINGS, "--epochs", str(_EPOCHS)]
    began = time.monotonic()
    undisturbed, run_id = started(tmp_path, settings)
    while not store.read_run(run_id).progress.batch:
        assert undisturbed.poll() is None
        time.sleep(0.01)
    until_first_batch = time.monotonic() - began
    assert undisturbed.wait(1800) == 0
    # Kills happen while data load, the network compiles, an epoch runs or a checkpoint is written, and early
    # enough that the last one still finds a running training.
    longest = until_first_batch + store.read_run(run_id).progress.seconds / _KILLS
    expected = curves(layout.run_folder(run_id))

    running, run_id = started(tmp_path, settings)
    folder = layout.run_folder(run_id)
    kills = 0
    while kills < _KILLS:
        deadline = time.monotonic() + rng.uniform(0.5, longest)
        while running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        running.kill()
        status = running.wait()
        kills += 1
        state, rows = store.read_run(run_id).state, curves(folder) if (folder / layout.METRICS).exists() else []
        click.echo(f"kill {kills}: {state} after {len(rows)} epochs")
        # A run that finished on its own wasn't killed, so it proves nothing.
        assert status == -9, f"it ended with {status} before it was killed"
        assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))
        assert not process.is_alive(folder)
        assert state in ("interrupted", "queued")
        running = subprocess.Popen(
            command("runs", "resume", run_id),
            cwd=CHECKOUT,
            env=environment(tmp_path),
            stdout=subprocess.DEVNULL,
            text=True,
        )
    running.wait(1800)
    assert store.read_run(run_id).state == "finished"
    got = curves(folder)
    assert len(got) == len(expected) == _EPOCHS
    for one, other in zip(got, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    serving.check_parity(load_bundle(folder / layout.BUNDLE))
    assert not list(folder.rglob(f"*{files.PART}"))
