"""Requests to end, which a process elsewhere finds in its folder."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from fer.storage.ending import end_process
from fer.storage.processes import is_elsewhere, process_of, stamp_of

# Holds the lock and obeys, and prints its stamp.
WORK = """
import json, sys, time
from pathlib import Path
import psutil
from filelock import FileLock
from fer.storage.ending import obeying
from fer.storage.processes import stamp_of
folder = Path(sys.argv[1])
with FileLock(folder / "lock"), obeying(folder):
    print(json.dumps(stamp_of(psutil.Process())), flush=True)
    time.sleep(600)
"""

# Somebody asks for its end while it starts, and finds its lock free.
ASKED_EARLY = """
import sys
from pathlib import Path
import psutil
from filelock import FileLock
from fer.storage import ending
from fer.storage.processes import stamp_of
folder = Path(sys.argv[1])
ending.is_elsewhere = lambda stamp: True
assert ending.end_process(folder, stamp_of(psutil.Process()), folder / "lock", 60)
with FileLock(folder / "lock"), ending.obeying(folder):
    (folder / "worked").touch()
"""


@pytest.fixture
def foreign() -> dict[str, object]:
    """Return a stamp of a process on another machine."""
    return {**stamp_of(psutil.Process()), "place": "another machine"}


def test_what_runs_elsewhere_is_nobody_here(foreign: dict[str, object]) -> None:
    mine = stamp_of(psutil.Process())
    assert process_of(mine) == psutil.Process() and not is_elsewhere(mine)
    assert process_of(foreign) is None and is_elsewhere(foreign)
    # Written by an earlier version, which knew no places.
    assert process_of({"pid": mine["pid"], "birth": mine["birth"]}) == psutil.Process()


def test_a_request_is_for_one_process_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pid in another container isn't ended, and the one that is meant has its own request."""
    command = [sys.executable, "-c", WORK, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        mine = json.loads(worker.stdout.readline())
        assert not end_process(tmp_path, {**mine, "place": "another machine"}, tmp_path / "lock", 1.5)
        assert worker.poll() is None and (tmp_path / "end.json").exists()
        monkeypatch.setattr("fer.storage.ending.is_elsewhere", lambda stamp: True)
        assert end_process(tmp_path, mine, tmp_path / "lock", 20)
        assert worker.wait(20) != 0


def test_a_request_from_before_the_lock_ends_it_before_it_works(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", ASKED_EARLY, str(tmp_path)], check=False)
    assert done.returncode != 0 and (tmp_path / "end.json").exists() and not (tmp_path / "worked").exists()


def test_what_has_let_go_of_its_lock_needs_no_end(tmp_path: Path, foreign: dict[str, object]) -> None:
    assert end_process(tmp_path, foreign, tmp_path / "lock", 60)
    with FileLock(tmp_path / "lock"):
        assert not end_process(tmp_path, foreign, tmp_path / "lock", 0.1)
