"""Runs as real processes: killed at given points and resumed, on a full disk, with a NaN loss, stopped twice."""

import csv
import json
import os
import shutil
import subprocess

import numpy as np
import pytest

from fer import paths
from fer.comparing.predictions import read_predictions
from fer.evaluation.report import RUN_REPORT
from fer.paths import SHIPPED_BUNDLE
from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.runs import curves, layout, process, serving, store
from tests.support.run_folders import wait_until
from tests.support.running import SETTINGS, command, environment, fer, fer_anew

pytestmark = [pytest.mark.training, pytest.mark.timeout(900)]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the folder of an undisturbed run."""
    home = tmp_path_factory.mktemp("undisturbed")
    ended = fer(home, "train", *SETTINGS)
    assert ended.status == 0, ended.err
    return home / "runs" / ended.run_id


def rows(folder):
    with (folder / layout.METRICS).open() as file:
        return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]


def timeless_rows(folder):
    """Return the curves without their times."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows(folder)]


def test_a_run_writes_everything_its_readers_need(undisturbed, monkeypatch):
    monkeypatch.setenv("FER_HOME", str(undisturbed.parent.parent))
    run = store.read_run(undisturbed.name)
    assert (run.state, run.progress.epoch, run.has_bundle) == ("finished", 4, True)
    assert [row["epoch"] for row in rows(undisturbed)] == [1, 2, 3, 4]
    metrics = curves.read_metrics(run.id)
    assert tuple(metrics.columns) == curves.METRICS_COLUMNS
    best = curves.read_best(run.id)
    assert best.accuracy == run.progress.best_accuracy == pytest.approx(metrics["val_accuracy"].max())
    assert best.epoch == metrics["val_accuracy"].to_numpy().argmax() + 1
    assert np.sum(best.confusion) == 140
    assert np.trace(best.confusion) / 140 == pytest.approx(best.accuracy)
    report = curves.read_report(run.id)
    assert set(report["metrics"]) >= {"validation", "test"}
    assert report["metrics"]["validation"]["accuracy"] == pytest.approx(best.accuracy, abs=0.03)
    serving.check_parity(load_bundle(run.folder / layout.BUNDLE))
    assert len(list((undisturbed / layout.CHECKPOINTS).iterdir())) == 2
    assert "<html" in (undisturbed / RUN_REPORT).read_text()
    predictions = read_predictions(run.id)
    assert (predictions.split, len(predictions)) == ("test", report["metrics"]["test"]["n"])
    assert predictions.right(predictions.own).mean() == pytest.approx(report["metrics"]["test"]["accuracy"])
    shipped = predictions.of_model(load_bundle(SHIPPED_BUNDLE).hash)
    assert shipped is not None, "the model in use is compared, too"


@pytest.mark.parametrize(
    ("point", "fer"),
    # One of them in new interpreters, so that equal results don't come from what forks share.
    [("kill-in-epoch:17", fer_anew), ("kill-in-save:5", fer), ("kill-between-save-and-row:4", fer)],
)
def test_a_killed_and_resumed_run_equals_an_undisturbed_one(home, undisturbed, point, fer):
    """Step 17 is the third of the third epoch; the fifth JSON file and the fourth row are written at its end."""
    killed = fer(home, "train", *SETTINGS, sabotage=point)
    assert killed.status == -9
    folder = home / "runs" / killed.run_id
    assert store.read_run(killed.run_id).state == "interrupted"
    before = rows(folder)
    assert [row["epoch"] for row in before] == [1, 2]
    resumed = fer(home, "runs", "resume", killed.run_id)
    assert resumed.status == 0, resumed.err
    assert store.read_run(killed.run_id).state == "finished"
    after, expected = timeless_rows(folder), timeless_rows(undisturbed)
    assert [row["epoch"] for row in after] == [1, 2, 3, 4]
    for got, wanted in zip(after, expected, strict=True):
        assert got == pytest.approx(wanted, abs=1e-5)
    faces = serving.parity_batch()
    logits = [EmotionClassifier(load_bundle(run / layout.BUNDLE)).logits(faces) for run in (folder, undisturbed)]
    np.testing.assert_allclose(logits[0], logits[1], atol=1e-4)
    assert not list(folder.rglob("*.part"))


def test_a_run_stopped_within_an_epoch_resumes_at_the_same_step(home, undisturbed):
    stopped = fer(home, "train", *SETTINGS, sabotage="terminate-in-epoch:17")
    assert stopped.status == 0
    assert f"runs resume {stopped.run_id}" in stopped.err
    run = store.read_run(stopped.run_id)
    assert (run.state, run.progress.epoch, run.progress.batch, run.has_bundle) == ("stopped", 2, 17 - 14, True)
    # With other data it would not be the same run: here, one training image fewer.
    before = (run.folder / layout.CONFIG).read_text()
    (run.folder / layout.CONFIG).write_text(json.dumps(json.loads(before) | {"holdout": 0.2}))
    refused = fer(home, "runs", "resume", run.id)
    assert refused.status == 1
    assert "The data have changed since this run started (70 training images then, 56 now)" in refused.err
    assert len(rows(run.folder)) == 2
    (run.folder / layout.CONFIG).write_text(before)
    assert fer(home, "runs", "resume", run.id).status == 0
    for got, wanted in zip(timeless_rows(run.folder), timeless_rows(undisturbed), strict=True):
        assert got == pytest.approx(wanted, abs=1e-5)


def test_a_run_killed_while_writing_its_model_keeps_its_weights(home, undisturbed):
    killed = fer(home, "train", *SETTINGS, sabotage="kill-in-export:1")
    assert killed.status == -9
    folder = home / "runs" / killed.run_id
    assert not store.read_run(killed.run_id).has_bundle
    # The newest checkpoint is damaged as well, by one flipped bit.
    newest = sorted((folder / layout.CHECKPOINTS).iterdir())[-1]
    variables = newest / "variables.npz"
    damaged = bytearray(variables.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    variables.write_bytes(damaged)
    resumed = fer(home, "runs", "resume", killed.run_id)
    assert resumed.status == 0, resumed.err
    assert f"the checkpoint {newest.name} is damaged" in (folder / layout.LOG).read_text()
    run = store.read_run(killed.run_id)
    assert "continued from epoch 3" in run.progress.message
    for got, wanted in zip(timeless_rows(folder), timeless_rows(undisturbed), strict=True):
        assert got == pytest.approx(wanted, abs=1e-5)
    serving.use_run(run.id)
    assert serving.run_in_use() == run.id


def test_a_full_disk_gives_a_sentence_and_the_run_resumes_once_there_is_space(home, undisturbed):
    """The limit allows small files but not the first checkpoint."""
    failed = fer(home, "train", *SETTINGS, sabotage="small-files:70000")
    assert failed.status == 1
    assert "The disk is full" in failed.err
    assert "Traceback" not in failed.err
    folder = home / "runs" / failed.run_id
    run = store.read_run(failed.run_id)
    assert run.state == "failed"
    assert "The disk is full" in run.progress.message
    assert list((folder / layout.CHECKPOINTS).iterdir()) == []
    assert "OSError" in (folder / layout.LOG).read_text()
    assert fer(home, "runs", "resume", failed.run_id).status == 0
    assert [row["epoch"] for row in rows(folder)] == [1, 2, 3, 4]
    for got, wanted in zip(timeless_rows(folder), timeless_rows(undisturbed), strict=True):
        assert got == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    ("point", "sentence"),
    [
        ("nan:3", "The loss became NaN in epoch 3, step 1"),
        ("no-memory:3", "Memory ran out"),
        ("no-space:5", "The disk is full"),
    ],
)
def test_a_failed_run_says_why_and_keeps_its_best_weights_and_the_model_in_use(home, point, sentence):
    failed = fer(home, "train", *SETTINGS, sabotage=point)
    assert failed.status == 1
    assert sentence in failed.err
    assert "Traceback" not in failed.err
    run = store.read_run(failed.run_id)
    assert (run.state, run.progress.epoch) == ("failed", 2)
    assert sentence in run.progress.message
    assert len(rows(run.folder)) == 2
    assert not list(run.folder.rglob("*.part"))
    assert serving.shipped_in_use()
    assert not (paths.runs_dir() / "current.json").exists()
    assert run.has_bundle
    serving.use_run(run.id)
    assert run.resumable == (point != "nan:3")
    if not run.resumable:
        # Resuming would fail in the same way, so it is refused with a sentence.
        assert "lower learning rate" in fer(home, "runs", "resume", run.id).err
        assert store.read_run(run.id).progress.message == run.progress.message


def test_a_run_stopped_by_ctrl_c_ends_after_a_step_keeps_its_best_and_resumes(home):
    settings = [*SETTINGS, "--epochs", "500"]
    run = subprocess.Popen(
        command("train", *settings), cwd=paths.CHECKOUT, env=environment(home), stdout=subprocess.PIPE, text=True
    )
    run_id = run.stdout.readline().strip()
    folder = layout.run_folder(run_id)
    wait_until(lambda: len(curves.read_metrics(run_id)) >= 2, 300)
    # A live camera has priority.
    assert os.getpriority(os.PRIO_PROCESS, run.pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    run.send_signal(2)
    assert run.wait(300) == 0
    stopped = store.read_run(run_id)
    assert (stopped.state, stopped.has_bundle) == ("stopped", True)
    epochs = len(rows(folder))
    assert epochs < 500
    serving.use_run(run_id)
    # The data may be deleted. The run says so and loses nothing.
    config = json.loads((folder / layout.CONFIG).read_text())
    (folder / layout.CONFIG).write_text(json.dumps(config | {"data": str(home / "gone.csv")}))
    gone = fer(home, "runs", "resume", run_id)
    assert gone.status == 1
    assert "gone.csv doesn't exist" in gone.err
    assert store.read_run(run_id).state == "failed"
    (folder / layout.CONFIG).write_text(json.dumps(config | {"epochs": epochs + 1}))
    assert fer(home, "runs", "resume", run_id).status == 0
    assert [row["epoch"] for row in rows(folder)] == list(range(1, epochs + 2))
    assert serving.run_in_use() == run_id
    shutil.rmtree(folder)
    assert serving.run_in_use() == run_id
    assert load_bundle(serving.current.current_bundle_path())
    assert not process.is_alive(folder)
