"""Runs that come from a worker: what they replace here, and what stays."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from fer import paths
from fer.errors import RunError
from fer.runs import control, layout, store
from fer.runs.small_files import SweepOrigin
from fer.storage import files
from fer.sweeps.attendance import run_of
from fer.sweeps.cargo import pack_run, unpack_run
from fer.sweeps.identity import Training
from tests.support.run_folders import write_run
from tests.support.sweeps import BASE

pytestmark = pytest.mark.usefixtures("fer_home")

TRAINING = Training("a" * 32, "seed 0", BASE)
SWEEP = "20260101-000000-aaaa"


def stopped_here(**progress: Any) -> Path:
    """Write a run of the training that was stopped on this machine, and return its checkpoint."""
    folder = paths.runs_dir() / write_run(1, BASE, state="stopped", **progress)
    files.write_json(folder / layout.SWEEP, {"training": TRAINING.identity, "sweep": SWEEP})
    (folder / layout.CHECKPOINTS).mkdir()
    return folder / layout.CHECKPOINTS / "epoch-20"


def sent(number: int, state: str, epoch: int) -> tuple[bytes, str]:
    """Return the files and the id of a run on a worker."""
    run_id = write_run(number, BASE, state=state, epochs_done=epoch)
    data = pack_run(paths.runs_dir() / run_id)
    shutil.rmtree(paths.runs_dir() / run_id)
    return data, run_id


# The one on the worker may have been further.
@pytest.mark.parametrize("epoch", [0, 25])
def test_one_that_failed_elsewhere_does_not_replace_one_that_can_continue_here(epoch: int) -> None:
    checkpoint = stopped_here(epochs_done=20)
    checkpoint.write_text("20")
    here, (data, there) = checkpoint.parent.parent.name, sent(2, "failed", epoch)
    assert unpack_run(data, there, TRAINING, SWEEP) == there
    assert checkpoint.read_text() == "20" and store.read_run(here).state == "stopped"
    assert run_of(TRAINING.identity).id == here, "it is the one to resume"
    # The next attempt replaces the failed one.
    data, there_again = sent(3, "failed", epoch + 1)
    assert unpack_run(data, there_again, TRAINING, SWEEP) == there
    assert {run.id: run.progress.epoch for run in store.list_runs()} == {here: 20, there: epoch + 1}
    data, done = sent(4, "finished", 30)
    assert unpack_run(data, done, TRAINING, SWEEP) == here
    assert store.read_run(here).state == "finished" and not checkpoint.exists()
    assert store.read_run(here).origin == SweepOrigin(TRAINING.identity, SWEEP)


def test_one_without_a_checkpoint_is_replaced() -> None:
    here = stopped_here().parent.parent.name
    data, there = sent(2, "failed", 1)
    assert unpack_run(data, there, TRAINING, SWEEP) == here
    assert [(run.id, run.state) for run in store.list_runs()] == [(here, "failed")]


def test_a_finished_one_is_never_replaced() -> None:
    data, there = sent(2, "finished", 30)
    assert unpack_run(data, there, TRAINING, SWEEP) == there
    failed, other = sent(3, "failed", 1)
    assert unpack_run(failed, other, TRAINING, SWEEP) == other
    assert unpack_run(data, there, TRAINING, SWEEP) == other
    # Now its id is taken, and none is left to replace.
    assert unpack_run(data, there, TRAINING, SWEEP) not in (there, other)
    assert [run.state for run in store.list_runs()] == ["finished"] * 3


def test_a_run_that_is_started_meanwhile_does_not_remove_what_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    data, there = sent(2, "finished", 30)
    replace_folder = files.replace_folder

    def replace_late(part: Path, target: Path) -> None:
        monkeypatch.setattr(control, "_START_SECONDS", 0.0)
        with pytest.raises(RunError, match="Another run is being started"):
            control.create(BASE)
        replace_folder(part, target)

    monkeypatch.setattr(files, "replace_folder", replace_late)
    assert unpack_run(data, there, TRAINING, SWEEP) == there
    assert store.read_run(there).progress.epoch == 30
