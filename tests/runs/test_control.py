"""Starting, stopping and deleting runs, with real processes that train nothing."""

import json
import os
import shlex
import subprocess
import sys
import time

import psutil
import pytest

from fer import paths
from fer.errors import RunError
from fer.runs import control, layout, process, store
from fer.runs.config import TrainConfig
from fer.storage import files
from tests.support.run_folders import FAKE_RUN, change_progress, stamp, wait_until


def state(run_id: str) -> str:
    return store.read_run(run_id).state


def test_a_run_is_its_own_process_and_stops_on_request(fake_runs):
    run_id = control.start(TrainConfig())
    wait_until(lambda: state(run_id) == "running")
    pid = process.last_pid(layout.run_folder(run_id))
    assert os.getsid(pid) == pid, "it leads its own session, so that nothing of its starter ends it"
    assert control.stop(run_id)
    wait_until(lambda: state(run_id) == "stopped")
    wait_until(lambda: not psutil.pid_exists(pid))
    assert not (layout.run_folder(run_id) / layout.STOP).exists()


def test_starting_twice_makes_one_run_and_other_settings_are_queued(fake_runs):
    first = control.start(TrainConfig(seed=1))
    assert control.start(TrainConfig(seed=1)) == first
    wait_until(lambda: state(first) == "running")
    second = control.start(TrainConfig(seed=2))
    third = control.start(TrainConfig(seed=3))
    time.sleep(1.2)
    assert [state(run) for run in (first, second, third)] == ["running", "queued", "queued"]
    assert [run.id for run in store.active_runs()] == [first, second, third]
    control.stop(first)
    wait_until(lambda: state(second) == "running")
    assert state(third) == "queued"
    control.stop(third)
    wait_until(lambda: state(third) == "stopped")
    assert state(second) == "running"


def test_a_resumed_run_does_not_jump_the_queue(make_run, fake_runs):
    old = make_run(state="stopped")
    files.write_json(layout.run_folder(old) / layout.PROCESS, {"pid": 1, "birth": "long ago"})
    first, second = control.start(TrainConfig(seed=1)), control.start(TrainConfig(seed=2))
    wait_until(lambda: state(first) == "running")
    control.resume(old)
    wait_until(lambda: state(old) == "queued")
    assert [run.id for run in store.active_runs()] == [first, second, old]
    control.stop(first)
    wait_until(lambda: state(second) == "running")
    assert state(old) == "queued"


def test_a_resumed_run_is_active_at_once(make_run, fake_runs, monkeypatch):
    old = make_run(state="stopped")
    slow = "import sys, time; from fer.runs.session import RunSession as s; real = s.update\n" + (
        "s.update = lambda *a, **k: (time.sleep(1), real(*a, **k)); from tests.support.fake_run import main\n"
        "main(sys.argv[1])"
    )
    monkeypatch.setattr(control, "resume_command", lambda run_id: [sys.executable, "-c", slow, run_id])
    control.resume(old)
    assert store.read_run(old).active


def test_the_next_one_starts_when_the_first_is_killed(fake_runs):
    first, second = control.start(TrainConfig(seed=1)), control.start(TrainConfig(seed=2))
    wait_until(lambda: state(first) == "running")
    os.kill(process.last_pid(layout.run_folder(first)), 9)
    wait_until(lambda: state(second) == "running")
    assert state(first) == "interrupted"


def test_two_simultaneous_starts_make_one_run(fake_runs, home):
    code = (
        "import sys; from fer.runs import control; from fer.runs.config import TrainConfig\n"
        f"control.train_command = lambda config, run_id=None: {FAKE_RUN!r} + [run_id]\n"
        "print(control.start(TrainConfig(seed=5)))"
    )
    starters = [
        subprocess.Popen([sys.executable, "-c", code], cwd=paths.CHECKOUT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = {starter.communicate(timeout=60)[0].strip() for starter in starters}
    assert len(said) == 1
    assert [run.id for run in store.list_runs()] == list(said)


def test_a_run_outlives_the_process_that_started_it(fake_runs, home):
    code = (
        "from fer.runs import control; from fer.runs.config import TrainConfig\n"
        f"control.train_command = lambda config, run_id=None: {FAKE_RUN!r} + [run_id]\n"
        "print(control.start(TrainConfig()), flush=True)\nimport os; os.killpg(0, 9)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code], cwd=paths.CHECKOUT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    run_id = starter.communicate(timeout=60)[0].strip()
    assert starter.returncode == -9
    time.sleep(0.5)
    assert state(run_id) == "running"


def test_a_second_stop_ends_an_unresponsive_run_and_its_child(make_run, fake_runs, monkeypatch):
    run_id = make_run(state="stopped")
    monkeypatch.setattr(control, "resume_command", lambda run_id: [*FAKE_RUN, run_id, "child", "deaf"])
    control.resume(run_id)
    folder = layout.run_folder(run_id)
    wait_until(lambda: "child" in (folder / layout.LOG).read_text())
    grandchild = psutil.Process(int((folder / layout.LOG).read_text().split()[-1]))
    assert control.stop(run_id)
    assert store.read_run(run_id).stopping
    assert not control.stop(run_id)
    assert state(run_id) == "stopped"
    assert "Stopped by force" in store.read_run(run_id).progress.message
    wait_until(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)


def test_a_run_that_is_only_asked_is_never_killed(fake_runs, monkeypatch):
    monkeypatch.setattr(control, "train_command", lambda config, run_id=None: [*FAKE_RUN, run_id, "deaf"])
    run_id = control.start(TrainConfig())
    wait_until(lambda: state(run_id) == "running")
    for _ in range(3):
        assert control.stop(run_id, ask_only=True)
    assert state(run_id) == "running" and store.read_run(run_id).stopping
    assert not control.stop(run_id)
    assert state(run_id) == "stopped"


def test_a_stop_request_to_a_killed_run_does_not_stop_it_when_resumed(fake_runs):
    run_id = control.start(TrainConfig())
    wait_until(lambda: state(run_id) == "running")
    folder = layout.run_folder(run_id)
    os.kill(process.last_pid(folder), 9)
    wait_until(lambda: state(run_id) == "interrupted")
    (folder / layout.STOP).touch()
    control.resume(run_id)
    time.sleep(1)
    assert state(run_id) == "running"


def test_a_run_with_a_stale_pid_is_interrupted_and_the_pids_new_owner_unharmed(make_run, fake_runs):
    run_id = make_run(state="running", ended=None)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        stamp(layout.run_folder(run_id), psutil.Process(child.pid))
        assert state(run_id) == "interrupted"
        with pytest.raises(RunError, match="interrupted; there is nothing to stop"):
            control.stop(run_id)
        control.resume(run_id)
        wait_until(lambda: state(run_id) == "running")
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_finished_and_running_runs_are_not_resumed(make_run, fake_runs):
    with pytest.raises(RunError, match="has finished"):
        control.resume(make_run())
    run_id = control.start(TrainConfig())
    pid = process.last_pid(layout.run_folder(run_id))
    control.resume(run_id)
    assert process.last_pid(layout.run_folder(run_id)) == pid


def test_a_command_that_does_not_start_is_reported_with_its_last_message(home, monkeypatch):
    monkeypatch.setattr(
        control, "train_command", lambda config, run_id=None: [sys.executable, "-c", "raise SystemExit('no luck')"]
    )
    with pytest.raises(RunError, match="no luck"):
        control.start(TrainConfig())


def test_the_next_run_removes_partial_and_partly_deleted_runs(home):
    for name in (".20260101-000000-0001.part", ".20260101-000000-0002.deleted"):
        (paths.runs_dir() / name).mkdir(parents=True)
        (paths.runs_dir() / name / layout.CONFIG).touch()
    run_id = control.create(TrainConfig())
    assert [path.name for path in paths.runs_dir().iterdir() if path.is_dir()] == [run_id]


def test_resuming_a_run_whose_loss_became_nan_is_refused_with_what_to_do(make_run):
    with pytest.raises(RunError, match="Start a new run with a lower learning rate"):
        control.resume(make_run(state="failed", hopeless=True))


def raise_full(*_, **__):
    raise OSError(28, "No space left on device")


def test_a_process_that_cannot_start_gives_a_sentence(home, monkeypatch):
    monkeypatch.setattr(control.subprocess, "Popen", raise_full)
    with pytest.raises(RunError, match=r"couldn't be started \(No space"):
        control.start(TrainConfig())


def test_a_stop_request_that_cannot_be_written_gives_a_sentence_with_the_pid(make_run, monkeypatch):
    run_id = make_run(state="running", ended=None)
    with process.holding_run(layout.run_folder(run_id)):
        monkeypatch.setattr(control.Path, "touch", raise_full)
        with pytest.raises(RunError, match=f"its process {os.getpid()} by hand"):
            control.stop(run_id)


def test_the_command_can_be_pasted_with_any_path():
    config = TrainConfig(data="/a b/it's $HOME.csv", epochs=3)
    words = shlex.split(control.command_text(config))
    assert words == ["python", *control.train_command(config)[1:]]  # as typed in a checkout


def test_deleting_removes_a_run_completely_and_refuses_a_running_one(make_run, fake_runs):
    dead = make_run()
    control.delete(dead)
    assert not list(paths.runs_dir().glob(f"*{dead}*"))
    run_id = control.start(TrainConfig())
    with pytest.raises(RunError, match="stop it before"):
        control.delete(run_id)
    assert state(run_id) in ("queued", "running")


def test_the_command_has_only_changed_settings_and_parses_to_the_same_ones():
    from click.testing import CliRunner

    from fer.cli.train import train

    changes = {"epochs": 3, "flip": False, "deterministic": True, "learning_rate": 1e-5, "teacher": ("/m", "/n o")}
    config = TrainConfig(data="/a b/fer.csv", votes="/v", **changes)
    command = control.train_command(config, "20260101-000000-0000")
    assert command[1:4] == ["-m", "fer", "train"]
    assert command[-2:] == ["--id", "20260101-000000-0000"]
    assert "--batch-size" not in command
    seen = {}
    context = train.make_context("train", command[4:])
    seen.update(context.params)
    for name in ("name", "run_id", "estimate", "preset"):
        del seen[name]
    assert TrainConfig(**seen) == config
    assert CliRunner().invoke(train, ["--epochs", "0", "--id", "x"]).exit_code != 0


def test_unreadable_settings_of_other_runs_do_not_block_a_new_run(make_run, fake_runs):
    old = control.start(TrainConfig(seed=1))
    wait_until(lambda: state(old) == "running")
    config = layout.run_folder(old) / layout.CONFIG
    config.write_text(json.dumps(json.loads(config.read_text()) | {"unheard_of": 1}))
    assert control.start(TrainConfig(seed=2)) != old


def test_the_progress_of_a_killed_run_is_unchanged(make_run):
    run_id = make_run(state="running", ended=None, epoch=3, best_accuracy=0.4, best_epoch=2)
    run = store.read_run(run_id)
    assert (run.state, run.progress.epoch, run.progress.best_epoch) == ("interrupted", 3, 2)
    change_progress(run.folder, state="failed", message="why")
    assert store.read_run(run_id).progress.message == "why"
