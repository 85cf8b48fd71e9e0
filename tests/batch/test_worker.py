"""A batch as a job: it is stopped, killed and resumed, and leaves its results and nothing else."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import pytest

from fer import paths
from fer.batch import found, store
from fer.batch.job import INTERRUPTED, BatchJob
from fer.batch.output import open_output, write_manifest
from fer.errors import BatchError
from fer.jobs.job import DONE, FAILED, RUNNING, STOPPED
from fer.recognition.current import use_bundle
from tests.support.batch import names
from tests.support.batches import asked, done, in_state, photos
from tests.support.builders import make_bundle, make_int8_bundle, portrait_bgr

# Enough for a machine that does much else: a batch has a lower priority than all of it.
PATIENCE_SECONDS = 240


@pytest.fixture(autouse=True)
def tiny_model(fer_home: Path) -> Iterator[None]:
    bundle = make_bundle(fer_home / "runs" / "tiny" / "bundle", confidence_threshold=0.4)
    use_bundle(bundle.path)
    yield
    for batch_id in store.list_ids():
        job = BatchJob(store.batches_dir() / batch_id)
        progress = job.progress()
        if progress is not None and progress.pid != os.getpid():
            store.stop(job)


def wait(job: BatchJob, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition(), (job.progress(), (job.folder / "log.txt").read_text())


def resume(job: BatchJob) -> None:
    store.resume(job, [paths.data_dir().resolve()])


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_batch_that_is_stopped_and_killed_is_resumed_and_leaves_no_temporary_files() -> None:
    folder = photos()
    for index in range(2):
        cv2.imwrite(str(folder / f"{index}.png"), portrait_bgr())
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    job = asked(folder)
    resume(job)
    wait(job, lambda: job.scratch.is_dir())
    store.stop(job)
    assert job.state == STOPPED and not job.scratch.exists()

    resume(job)
    wait(job, lambda: job.scratch.is_dir() and any(job.scratch.iterdir()))
    progress = job.progress()
    assert progress is not None
    os.kill(progress.pid, signal.SIGKILL)
    wait(job, lambda: job.state != RUNNING)
    assert job.state == INTERRUPTED and job.progress().state == FAILED

    resume(job)
    wait(job, lambda: job.state != RUNNING)
    assert job.state == DONE, job.progress()
    assert list(names(job.results)) == ["0.png", "1.png", "cut.jpg"]
    whole, status = found.load(job.folder), job.status()
    assert whole.photos is not None
    assert (whole.n_files, whole.n_failed, whole.photos.total.n_rows) == (3, 1, 2)
    assert (status.n_files, status.done, status.failed, status.faces) == (3, 3, 1, 2)
    assert [Path(name).name for name, _ in status.failures] == ["cut.jpg"]
    assert not job.scratch.exists()


def test_the_status_and_the_summary_have_what_the_page_shows(tmp_path: Path) -> None:
    folder = photos("a/1.jpg", "a/two.jpg", "b/bad.jpg", "notes.txt")
    (folder / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    job = done(folder)
    assert job.state == DONE
    status, whole = job.status(), found.load(job.folder)
    assert (status.n_files, status.done, status.failed, status.faces) == (3, 3, 1, 3)
    assert status.failures == ((str(folder / "b" / "bad.jpg"), "It is bad."),)
    assert whole.photos is not None and [row.name for row in whole.photos.folders] == ["data/photos/a"]
    assert [Path(name).name for name, _ in whole.not_found] == ["out.jpg"] and whole.n_left_out == 1


def test_states_that_need_no_process() -> None:
    folder = photos("1.jpg")
    job = asked(folder)
    assert job.state == INTERRUPTED, "its process could not be started"
    assert in_state(job, RUNNING).state == RUNNING
    assert in_state(job, RUNNING, pid=2**22 + 1, birth="long ago").state == INTERRUPTED
    assert in_state(job, FAILED, error="The disk is full.").state == FAILED
    (job.folder / "request.json").write_text("{")
    assert job.state == "damaged"
    with pytest.raises(BatchError, match="can't be read; delete this batch"):
        resume(job)


def test_only_ended_batches_are_deleted_and_ids_are_checked() -> None:
    job = in_state(asked(photos("1.jpg")), RUNNING)
    with pytest.raises(BatchError, match="stop it first"):
        store.delete(job)
    in_state(job, STOPPED)
    assert store.find_batch(job.id) is not None and store.find_batch("../runs") is None
    assert store.size_of(job) > 100
    store.delete(job)
    assert store.list_ids() == [] and not job.folder.exists()


def test_a_folder_that_cannot_be_written_is_told_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    request = asked(photos("1.jpg")).find_request()
    assert request is not None
    store.delete(BatchJob(store.batches_dir() / store.list_ids()[0]))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fer.jobs.job.write_json", full)
    with pytest.raises(BatchError, match="No space left on device"):
        store.start(request)
    assert store.list_ids() == []
    shutil.rmtree(store.batches_dir())
    store.batches_dir().write_bytes(b"")
    with pytest.raises(BatchError, match="batches can't be written"):
        store.start(request)


def test_killed_batches_are_swept(fer_home: Path) -> None:
    killed, living = asked(photos("1.jpg")), in_state(asked(photos("1.jpg")), RUNNING)
    for job in (killed, living):
        job.scratch.mkdir()
    store.sweep()
    assert not killed.scratch.exists() and living.scratch.exists()
    living.tidy()
    assert paths.home() == fer_home


def test_the_settings_reach_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    from fer.batch import worker

    options = {"scheduler": "tls://h:1", "tls_ca": "ca.pem", "tls_cert": "c.pem", "detector": "haar", "annotated": True}
    job = asked(photos("1.jpg"), **options)
    request = job.find_request()
    assert request is not None
    asked_for = worker._engine_request(job, request)
    assert asked_for.workers.scheduler == "tls://h:1" and asked_for.workers.tls == {"ca": "ca.pem", "cert": "c.pem"}
    assert (asked_for.settings.detector, asked_for.settings.annotated) == ("haar", True)
    assert asked_for.roots == (os.path.realpath(paths.data_dir()),) and asked_for.out == str(job.results)
    assert asdict(request)["inputs"] == (str(paths.data_dir() / "photos"),)


@pytest.mark.parametrize("here", ["float32", "int8"])
@pytest.mark.parametrize("chosen", ["float32", "int8"])
def test_a_batch_uses_the_weights_that_the_page_has_chosen(
    fer_home: Path, monkeypatch: pytest.MonkeyPatch, chosen: str, here: str
) -> None:
    from fer.batch import worker

    monkeypatch.setenv("FER_WEIGHTS", here)
    bundle = make_int8_bundle(fer_home / "runs" / "tiny" / "bundle")
    expected = bundle if chosen == "float32" else bundle.with_int8_served()
    job = asked(photos("1.jpg"), weights=chosen)
    request = job.find_request()
    assert request is not None
    asked_for = worker._engine_request(job, request)
    assert asked_for.settings.model_hash == asked_for.about.model_hash == expected.hash
    assert (asked_for.about.weights, asked_for.bundle) == (chosen, expected)


@pytest.mark.parametrize("here", ["float32", "int8"])
@pytest.mark.parametrize("began", ["float32", "int8"])
def test_a_batch_is_continued_with_the_weights_that_began_it(
    fer_home: Path, monkeypatch: pytest.MonkeyPatch, began: str, here: str
) -> None:
    from fer.batch import worker

    monkeypatch.setenv("FER_WEIGHTS", here)
    bundle = make_int8_bundle(fer_home / "runs" / "tiny" / "bundle")
    copies = {"float32": bundle, "int8": bundle.with_int8_served()}
    # As an earlier version asked, which didn't write down the weights.
    job = asked(photos("1.jpg"))
    values = json.loads((job.folder / "request.json").read_text())
    del values["weights"]
    (job.folder / "request.json").write_text(json.dumps(values))
    request = job.find_request()
    assert request is not None
    asked_for = worker._engine_request(job, request)
    assert asked_for.settings.model_hash == copies[here].hash
    output = open_output(str(job.results))
    output.prepare()
    write_manifest(output, {"settings": asdict(replace(asked_for.settings, model_hash=copies[began].hash))})
    resumed = worker._engine_request(job, request)
    assert resumed.settings.model_hash == resumed.about.model_hash == copies[began].hash
    assert (resumed.about.weights, resumed.bundle) == (began, copies[began])
    # Another model's results aren't continued.
    write_manifest(output, {"settings": asdict(replace(asked_for.settings, model_hash="a" * 16))})
    assert worker._engine_request(job, request).settings.model_hash == copies[here].hash
