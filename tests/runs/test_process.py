"""Which process is a run, whether it is alive, and whether it may be signalled."""

import os
import subprocess
import sys

import psutil
import pytest
from filelock import FileLock

from fer.errors import RunError
from fer.runs import layout, process
from tests.support.run_folders import FAKE_RUN, stamp, wait_until


@pytest.fixture
def folder(make_run):
    return layout.run_folder(make_run(state="running", ended=None))


@pytest.fixture
def bystander():
    """Start a process that has nothing to do with any run."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield psutil.Process(child.pid)
    child.kill()
    child.wait()


def test_a_run_is_alive_while_its_process_holds_the_lock(folder):
    assert not process.is_alive(folder)
    with process.holding_run(folder):
        assert process.is_alive(folder)
        assert process.last_pid(folder) == os.getpid()
        with pytest.raises(RunError, match="already running"), process.holding_lock(folder):
            pass
    assert not process.is_alive(folder)


def test_a_pid_without_the_lock_is_not_alive(folder, bystander):
    stamp(folder, bystander)
    (folder / layout.LOCK).touch()
    assert not process.is_alive(folder)


def test_a_locked_run_whose_pid_was_reused_is_not_alive_and_not_signalled(folder, bystander):
    """The run's process has ended, its pid was reused, and another process still holds the lock."""
    stamp(folder, bystander, birth="another time")
    with FileLock(folder / layout.LOCK):
        assert not process.is_alive(folder)
        with pytest.raises(RunError, match="nothing to stop"):
            process.kill(folder)
    assert bystander.is_running()
    assert bystander.status() != psutil.STATUS_ZOMBIE


def test_a_changed_clock_ends_no_run(folder, monkeypatch):
    with process.holding_run(folder):
        real = psutil.Process.create_time
        monkeypatch.setattr(psutil.Process, "create_time", lambda self: real(self) + 3600)
        assert process.is_alive(folder)


def test_without_clock_ticks_the_start_time_identifies_a_process(folder, bystander, monkeypatch):
    monkeypatch.setattr("fer.storage.processes._BOOT_ID", folder / "nothing")
    stamp(folder, bystander)
    assert "ticks" not in (folder / layout.PROCESS).read_text()
    with FileLock(folder / layout.LOCK):
        assert process.is_alive(folder)
        stamp(folder, bystander, birth=f"{bystander.create_time() + 1:.2f}")
        assert not process.is_alive(folder)


def test_an_ended_run_is_remembered_until_its_next_process_starts(folder, bystander, monkeypatch):
    stamp(folder, bystander, birth="another time")
    assert not process.is_alive(folder)
    with monkeypatch.context() as patch:
        patch.setattr(process, "read_json", None)
        assert not process.is_alive(folder)
    with process.holding_run(folder):
        assert process.is_alive(folder)


@pytest.mark.parametrize("file", [layout.LOCK, layout.PROCESS])
def test_an_unwritable_folder_gives_a_sentence(folder, monkeypatch, file):
    if file == layout.LOCK:
        (folder / file).mkdir()
    else:
        monkeypatch.setattr(process, "write_json", raise_full)
    with pytest.raises(RunError, match="Can't write"), process.holding_run(folder):
        pass


def raise_full(*_, **__):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"pid": -5, "birth": 1}', '{"pid": 1e99}'])
def test_an_unreadable_pid_file_means_not_alive(folder, text):
    (folder / layout.PROCESS).write_text(text)
    with FileLock(folder / layout.LOCK):
        assert not process.is_alive(folder)


def test_a_killed_run_frees_its_lock_even_as_a_zombie_with_a_living_child(folder):
    child = subprocess.Popen([*FAKE_RUN, folder.name, "child"], cwd=layout.paths.CHECKOUT)
    wait_until(lambda: "child" in (folder / layout.LOG).read_text())
    grandchild = psutil.Process(int((folder / layout.LOG).read_text().split()[-1]))
    assert process.is_alive(folder)
    os.kill(child.pid, 9)  # not waited for, so it stays a zombie
    wait_until(lambda: not process.is_alive(folder))
    assert grandchild.is_running()
    with process.holding_lock(folder):
        grandchild.kill()
    child.wait()


def test_kill_ends_the_children_too(folder):
    child = subprocess.Popen([*FAKE_RUN, folder.name, "child"], cwd=layout.paths.CHECKOUT, start_new_session=True)
    wait_until(lambda: "child" in (folder / layout.LOG).read_text())
    grandchild = psutil.Process(int((folder / layout.LOG).read_text().split()[-1]))
    process.kill(folder)
    child.wait(10)
    assert not process.is_alive(folder)
    wait_until(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)


def test_killing_a_foreground_run_spares_its_callers_process_group(folder):
    """Started without its own session, as in a terminal or script, so the test is in the same group."""
    child = subprocess.Popen([*FAKE_RUN, folder.name], cwd=layout.paths.CHECKOUT)
    wait_until(lambda: process.is_alive(folder))
    process.kill(folder)
    child.wait(10)
    assert not process.is_alive(folder)
