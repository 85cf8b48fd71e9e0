"""Runs of another container, which shares the folder: they are seen, stopped and resumed as one's own."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from fer.errors import RunError
from fer.paths import CHECKOUT
from fer.runs import control, layout, process, store
from fer.runs.progress import INTERRUPTED, RUNNING, STOPPED
from tests.support.containers import elsewhere
from tests.support.run_folders import FAKE_RUN, wait_until


@contextmanager
def running_elsewhere(run_id: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a run in another container, and end it afterwards."""
    child = subprocess.Popen([*elsewhere(), *FAKE_RUN, run_id, *options], cwd=CHECKOUT)
    try:
        wait_until(lambda: store.read_run(run_id).progress.doing == "training")
        yield child
    finally:
        child.kill()
        child.wait()


@pytest.fixture
def run_id(make_run: Callable[..., str]) -> str:
    return make_run(state="queued", ended=None, started=0.0)


def test_a_run_elsewhere_is_seen_stopped_and_resumed_here(run_id: str, fake_runs: None) -> None:
    with running_elsewhere(run_id) as child:
        assert [(run.id, run.state) for run in store.active_runs()] == [(run_id, RUNNING)]
        control.resume(run_id)
        with pytest.raises(RunError, match="already running"), process.holding_lock(layout.run_folder(run_id)):
            pass
        assert control.stop(run_id)
        child.wait(20)
        assert store.read_run(run_id).state == STOPPED
    control.resume(run_id)
    assert process.last_pid(layout.run_folder(run_id)) != 1
    wait_until(lambda: store.read_run(run_id).state == RUNNING)


def test_a_run_here_is_seen_and_stopped_elsewhere(run_id: str, fake_runs: None) -> None:
    control.resume(run_id)
    stopping = [*elsewhere(), sys.executable, "-m", "fer", "runs", "stop", run_id]
    subprocess.run(stopping, cwd=CHECKOUT, check=True, timeout=60)
    wait_until(lambda: store.read_run(run_id).state == STOPPED)


def test_a_run_elsewhere_that_hangs_is_ended_by_force_with_its_children(run_id: str) -> None:
    with running_elsewhere(run_id, "child", "deaf") as child:
        assert control.stop(run_id)
        assert not control.stop(run_id), "the second time, it isn't asked"
        # The container ends with its first process, and a child that survived would keep it.
        child.wait(20)
        run = store.read_run(run_id)
        assert run.state == STOPPED and "by force" in run.progress.message


def test_a_run_whose_container_is_gone_was_interrupted(run_id: str, fake_runs: None) -> None:
    with running_elsewhere(run_id) as child:
        child.kill()
        child.wait()
        wait_until(lambda: store.read_run(run_id).state == INTERRUPTED)
    with pytest.raises(RunError, match="nothing to stop"):
        process.kill(layout.run_folder(run_id))
    control.resume(run_id)
    wait_until(lambda: store.read_run(run_id).state == RUNNING)


def test_a_run_that_goes_on_elsewhere_without_its_lock_is_not_resumed(
    run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two mounts of a filesystem that doesn't pass locks on are as if the lock had another name on each machine."""
    monkeypatch.setattr(process, "_PROGRESS_SECONDS", 30.0)
    folder = layout.run_folder(run_id)
    with running_elsewhere(run_id):
        (folder / layout.LOCK).unlink()
        with pytest.raises(RunError, match="doesn't pass locks on"), process.holding_run(folder):
            pass
        assert process.is_elsewhere(process.read_json(folder / layout.PROCESS)), "it is still the other's"


def test_a_run_from_before_a_restart_of_the_machine_is_not_alive(run_id: str) -> None:
    folder = layout.run_folder(run_id)
    with process.holding_run(folder):
        pass
    stamp = process.read_json(folder / layout.PROCESS)
    process.write_json(folder / layout.PROCESS, stamp | {"place": "the same machine, yesterday"})
    assert not process.is_alive(folder)
