"""An import that is killed leaves the old data as they were, no process, and nothing that isn't cleaned up."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil

from fer.datasets.faces import FaceDataset
from fer.datasets.store import catalog
from fer.datasets.store.importing import import_path
from fer.datasets.store.staging import clean_staging
from fer.emotions import EMOTIONS
from fer.paths import CHECKOUT
from tests.support.forms import packed_table, parquet_bytes, snapshot, zip_bytes

_MOST_SECONDS = 30

UNPACKING = """
import sys, time
from pathlib import Path
from fer.datasets.readers import opening
from fer.datasets.store.importing import import_path

opening._IN_MEMORY_BYTES = 100

def progress(share, text):
    if text.startswith("Unpacking"):
        print("unpacking", flush=True)
        time.sleep(60)

import_path(Path(sys.argv[1]), name="new", progress=progress)
"""


def test_an_import_killed_while_unpacking_leaves_nothing(tmp_path: Path, table: Path, fer_home: Path) -> None:
    import_path(table, name="old")
    before = snapshot(fer_home)
    (tmp_path / "temporary").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", UNPACKING, str(packed_table(tmp_path, table))],
        cwd=CHECKOUT,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stdout.readline() == b"unpacking\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert snapshot(fer_home) == before
    assert list((tmp_path / "temporary").iterdir()) == []


DECODING = """
import sys, time
from pathlib import Path
from fer.datasets.store.importing import import_path

def progress(share, text):
    if text.startswith("64 of"):
        print("decoding", flush=True)
        time.sleep(60)

import_path(Path(sys.argv[1]), name="new", progress=progress)
"""


def test_an_import_killed_while_its_child_decodes_parquet_leaves_nothing(
    tmp_path: Path, table: Path, fer_home: Path
) -> None:
    import_path(table, name="old")
    before = snapshot(fer_home)
    (tmp_path / "temporary").mkdir()
    # More than the pipe between the two holds, so that the child is writing when its parent is killed.
    noise = np.random.default_rng(0).integers(0, 256, (800, 48, 48), np.uint8)
    faces = FaceDataset("noise", noise, np.arange(800) % 7, np.zeros(800, np.uint8))
    data = zip_bytes({"faces.parquet": parquet_bytes(faces, list(EMOTIONS))})
    (tmp_path / "faces.zip").write_bytes(data)
    process = subprocess.Popen(
        [sys.executable, "-c", DECODING, str(tmp_path / "faces.zip")],
        cwd=CHECKOUT,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stdout.readline() == b"decoding\n"
    (child,) = psutil.Process(process.pid).children()
    assert "fer.datasets.readers.parquet_child" in child.cmdline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    gone, alive = psutil.wait_procs([child], _MOST_SECONDS)
    assert gone and not alive
    assert clean_staging() == 0
    assert snapshot(fer_home) == before
    assert list((tmp_path / "temporary").iterdir()) == []


KILLED = """
import sys, time
from pathlib import Path
from fer.datasets.store.importing import import_path

def progress(share, text):
    if text == "Stored":
        print("written", flush=True)
        time.sleep(60)

import_path(Path(sys.argv[1]), name="new", progress=progress)
"""


def test_an_import_killed_in_the_middle_leaves_the_old_data_and_is_cleaned_up(table: Path, fer_home: Path) -> None:
    import_path(table, name="old")
    before = digests(fer_home / "data" / "old")
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(table)], cwd=CHECKOUT, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"written\n"
    # While it runs, its files are not removed.
    assert clean_staging() == 0
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [info.name for info in catalog.list_datasets()] == ["old"]
    left = [path for path in (fer_home / "data" / ".staging").rglob("*") if path.is_file()]
    assert any(path.name == "images.npy" for path in left)
    # The system lets go of the lock a moment after the process is gone.
    deadline = time.monotonic() + 10
    while not (n_cleaned := clean_staging()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert n_cleaned == 1
    assert not list((fer_home / "data" / ".staging").iterdir())
    assert digests(fer_home / "data" / "old") == before


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in snapshot(folder).items()}
