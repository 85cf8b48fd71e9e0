"""Processes are detached, identified, and ended with everything they started."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from fer.storage import processes
from tests.support.run_folders import wait_until

_PARENT = (
    "import subprocess, sys, time; "
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "print(child.pid, flush=True); time.sleep(600)"
)


def started(folder: Path) -> tuple[psutil.Process, psutil.Process]:
    """Start a process that starts another one, and return both."""
    with (folder / "log").open("wb") as log:
        child = processes.start_detached([sys.executable, "-c", _PARENT], cwd=folder, log=log)
    wait_until(lambda: (folder / "log").read_text().strip())
    return psutil.Process(child.pid), psutil.Process(int((folder / "log").read_text()))


@pytest.mark.parametrize("group", [True, False], ids=["as POSIX", "without process groups"])
def test_ending_a_process_ends_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: bool) -> None:
    parent, child = started(tmp_path)
    if not group:
        monkeypatch.delattr(os, "killpg")
    assert processes.end_tree(parent, 10)
    wait_until(lambda: not processes.is_running(parent) and not processes.is_running(child))
    assert processes.end_tree(parent, 10), "it has ended, which is what was wanted"


def test_a_detached_process_has_its_own_session(tmp_path: Path) -> None:
    parent, _ = started(tmp_path)
    assert os.getsid(parent.pid) == parent.pid != os.getsid(0)
    processes.end_tree(parent, 10)


def test_on_windows_a_detached_process_has_its_own_group_and_no_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}
    monkeypatch.setattr(processes.os, "name", "nt")
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 0x8000000, raising=False)
    monkeypatch.setattr(subprocess, "Popen", lambda command, **options: seen.update(options))
    with (tmp_path / "log").open("wb") as log:
        processes.start_detached(["program"], cwd=tmp_path, log=log)
    assert seen["creationflags"] == 0x8000200 and not seen["start_new_session"]


def test_a_background_process_has_a_lower_priority() -> None:
    code = (
        "import psutil; from fer.storage.processes import lower_priority as lower; before = psutil.Process().nice(); "
        "lower(); lower(); print(psutil.Process().nice() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == min(19, psutil.Process().nice() + 20) - psutil.Process().nice()
