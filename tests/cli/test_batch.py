"""`fer batch`: the same results as `fer analyze`, from workers; and one sentence for what can't be done."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from fer.batch import running
from fer.batch.output import open_output, write_manifest
from fer.batch.parts import Totals
from fer.paths import CHECKOUT
from fer.recognition import weights
from fer.recognition.speed import Speeds
from tests.support.builders import make_bundle, make_int8_bundle, portrait_bgr
from tests.support.cli import Command, command
from tests.support.clips import Clip, moving_portrait


@pytest.fixture
def batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `fer batch` in a folder of its own with a model that classifies by brightness."""
    monkeypatch.chdir(tmp_path)
    return command("batch", "--model", make_bundle(tmp_path / "bundle").path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "inner").mkdir(parents=True)
    for index in range(4):
        image = np.clip(portrait_bgr().astype(int) + 20 * index - 30, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"=me{index}.png"), image)
    cv2.imwrite(str(folder / "inner" / "grey.png"), np.full((90, 120, 3), 90, np.uint8))
    return folder


def table(name: str) -> pd.DataFrame:
    """Return a table in which each cell is the text of the file."""
    return pd.read_csv(name, dtype=str, keep_default_na=False)


@pytest.mark.slow
def test_the_csv_is_that_of_analyze_and_a_second_run_changes_nothing(
    batch: Command, analyze: Command, photos: Path, tmp_path: Path
) -> None:
    (photos / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    Clip().write(photos / "clip.mp4", moving_portrait(3))
    targets = ("--csv", "own.csv", "--files-csv", "files.csv")
    done = batch(photos, "--out", "out", "--workers", 2, *targets)
    assert done.exit_code == 1, done.output
    assert f"Failed: {photos}/cut.jpg: " in done.stderr and done.stdout == ""
    assert done.stderr.endswith("6 files, 7 faces, 1 failed: out\n")
    analyze(photos, "--csv", "theirs.csv", "--quiet")
    own, theirs = table("own.csv"), table("theirs.csv")
    of_photos = own[own["frame"] == ""].drop(columns=["frame", "time_s", "person"]).reset_index(drop=True)
    assert len(theirs) == 4 and len(own) == 7
    ignored = ["date"]
    pd.testing.assert_frame_equal(of_photos.drop(columns=ignored), theirs.drop(columns=ignored))
    files = table("files.csv").set_index("file")
    assert len(files) == 7 and (files["error"] != "").sum() == 1
    assert files.loc[f"{photos}/clip.mp4", "frames"] == "3"

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["files"] == 7 and manifest["results"] == {"files": 7, "failed": 1, "faces": 7}
    assert manifest["settings"]["detector"] == "yunet" and manifest["about"]["model_hash"] == own["model_hash"][0]
    assert {"python", "dask", "onnxruntime"} <= set(manifest["versions"])
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*.parquet")}
    again = batch(photos, "--out", "out", "--csv", "again.csv")
    assert again.exit_code == 1 and "6 files, 7 faces, 1 failed" in again.stderr
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*.parquet")} == before
    pd.testing.assert_frame_equal(table("again.csv").drop(columns=ignored), own.drop(columns=ignored))


@pytest.mark.slow
def test_ctrl_c_says_how_to_continue_and_leaves_no_process(batch: Command, photos: Path, tmp_path: Path) -> None:
    Clip().write(photos / "long.mp4", moving_portrait(300, step=0))
    words = ("batch", str(photos), "--out", "out", "--workers", "2")
    environment = os.environ | {"FER_HOME": str(tmp_path / "home"), "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen(
        [sys.executable, "-m", "fer", *words],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs the tests in the background has the signal ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as client:
        told = [client.stderr.readline()]
        while "Analysing" not in told[-1] and told[-1]:
            told.append(client.stderr.readline())
        # As a terminal does it: to the client and all of its workers.
        os.killpg(client.pid, signal.SIGINT)
        rest = client.stderr.read()
    assert client.returncode == 130, told
    last = rest.splitlines()[-1]
    assert last.startswith("Stopped: ") and last.endswith("Run the same command again to continue."), rest
    assert "Traceback" not in rest
    assert not (tmp_path / "out" / "files").exists() or all(map(pq.read_metadata, (tmp_path / "out/files").glob("*")))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--out", "out"), "Name a photo, a video, a folder or --list FILE."),
        (("x", "--out", "out", "--workers", 2, "--scheduler", "tls://h:1"), "Choose --workers or --scheduler"),
        (("empty", "--out", "out"), "Error: There is nothing to analyse. "),
        (("x.jpg", "--out", "file"), "Error: 'file' is a file; name a folder for the results."),
        (("x.jpg", "--out", "nonsense://x"), "'nonsense://x' can't be opened: Protocol not known: nonsense."),
        (("x.jpg", "--out", "out", "--scheduler", "tcp://host:8786"), "'tcp://host:8786' has no encryption"),
        (("x.jpg", "--out", "out", "--csv", "gone/x.csv"), "'gone/x.csv' cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(words: tuple, sentence: str, batch: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"")
    done = batch(*words)
    assert done.exit_code in (1, 2) and sentence in done.stderr and done.stdout == ""


@pytest.mark.parametrize(
    ("wanted", "began", "continued"),
    [("auto", "float32", "float32"), ("auto", "int8", "int8"), ("float32", "int8", "float32"), ("auto", "", "int8")],
)
def test_the_same_command_continues_with_the_weights_that_began_the_batch(
    batch: Command,
    fer_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wanted: str,
    began: str,
    continued: str,
) -> None:
    """Only who sets FER_WEIGHTS gets them, and is then told that the folder has other results."""
    monkeypatch.setenv("FER_WEIGHTS", wanted)
    # This computer would choose int8.
    monkeypatch.setattr(weights, "compare_speeds", lambda *_: Speeds(3.0, 2.0, 150.0, 100.0))
    requests: list[running.Request] = []

    def run_batch(request: running.Request, *_: object) -> running.Result:
        requests.append(request)
        return running.Result(Totals(), (), (), 0)

    monkeypatch.setattr(running, "run_batch", run_batch)
    bundle = make_int8_bundle(tmp_path / "bundle")
    copies = {"float32": bundle, "int8": bundle.with_int8_served()}
    output = open_output("out")
    output.prepare()
    if began:
        write_manifest(output, {"settings": {"model_hash": copies[began].hash, "detector": "yunet"}})
    done = batch("photos", "--out", "out")
    assert done.exit_code == 0, done.output
    [request] = requests
    assert request.settings.model_hash == request.about.model_hash == copies[continued].hash
    assert (request.about.weights, request.bundle) == (continued, copies[continued])


def test_other_commands_do_not_import_dask() -> None:
    code = (
        "import sys, fer, fer.cli, fer.cli.analyze, fer.cli.batch, fer.cli.sweep, fer.cli.app, fer.sweeps.running; "
        "print([name for name in sys.modules if name.split('.')[0] in ('dask', 'distributed', 'fsspec')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
