"""An evaluation in its own process: finished, stopped, failed or vanished, and never run twice."""

import contextlib
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from fer.errors import EvaluationError
from fer.evaluation import keys, store, worker
from fer.evaluation.evaluation_set import Source
from fer.evaluation.job import Job, Request, running_jobs
from fer.evaluation.latest import evaluations_dir, latest
from fer.evaluation.metrics import BATCH
from fer.evaluation.robustness import TRANSFORMS
from fer.jobs import worker as jobs_worker
from fer.jobs.job import DONE, FAILED, PROGRESS_FILE, REQUEST_FILE, RUNNING, STOPPED, Progress
from fer.recognition.bundle import Bundle
from fer.recognition.classifier import EmotionClassifier
from fer.storage.files import write_json
from tests.support.builders import make_bundle

_PATIENCE_SECONDS = 90


@pytest.fixture
def bundle(fer_home: Path) -> Bundle:
    return make_bundle(fer_home / "model", confidence_threshold=0.4)


def asked(*bundles: Bundle, source: Source | None = None, robustness: bool = False) -> tuple[Job, Request]:
    source = source or Source("synthetic")
    request = Request(tuple(str(bundle.path) for bundle in bundles), source, robustness)
    hashes = [bundle.hash for bundle in bundles]
    return Job.of(hashes, keys.choice_key(source)), request


def wait_for(job: Job, *states: str) -> Progress:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        progress = job.progress()
        if progress is not None and progress.state in states:
            return progress
        time.sleep(0.05)
    pytest.fail(f"the job is {job.progress()} and not {states} after {_PATIENCE_SECONDS} s")


def test_a_job_that_was_never_started_has_no_progress(bundle: Bundle) -> None:
    job, _ = asked(bundle)
    assert job.progress() is None
    job.stop()
    assert job.progress() is None


def test_an_evaluation_runs_in_its_own_process_and_stores_its_result(bundle: Bundle) -> None:
    job, request = asked(bundle)
    job.start(request)
    first = job.progress()
    assert first is not None and first.state == RUNNING and first.pid not in (0, os.getpid())
    progress = wait_for(job, DONE, FAILED)
    assert (progress.state, progress.error, progress.share) == (DONE, None, 1.0)
    evaluation_set = store.find_evaluation_set(keys.choice_key(request.source))
    assert evaluation_set is not None
    found = store.load_result(bundle.hash, evaluation_set)
    assert found is not None
    assert (found.metrics.n, found.data.split) == (140, "test")


def test_a_second_request_joins_the_running_job_and_stop_ends_it(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A process that takes a minute on any machine.
    monkeypatch.setattr("fer.jobs.job.sys.executable", str(_sleeper(tmp_path)))
    job, request = asked(bundle)
    job.start(request)
    pid = wait_for(job, RUNNING).pid
    job.start(request)
    again = job.progress()
    assert again is not None and again.pid == pid
    other_view, _ = asked(bundle)
    other_view.stop()
    assert wait_for(job, STOPPED).state == STOPPED
    assert not _lives(pid)


@pytest.mark.parametrize("groups", [True, False], ids=["process groups", "none, as on Windows"])
def test_an_early_stop_ends_what_the_launcher_started(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, groups: bool
) -> None:
    """A virtual environment's python.exe is a launcher: the first process known of a job is not the one that works."""
    launcher = tmp_path / "launcher"
    launcher.write_text(
        f"#!/bin/sh\nsleep 60 &\necho $! > {tmp_path}/child.part\nmv {tmp_path}/child.part {tmp_path}/child\nwait\n"
    )
    launcher.chmod(0o755)
    monkeypatch.setattr("fer.jobs.job.sys.executable", str(launcher))
    if not groups:
        monkeypatch.delattr(os, "killpg")
    job, request = asked(bundle)
    job.start(request)
    pid = wait_for(job, RUNNING).pid
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (tmp_path / "child").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    child = int((tmp_path / "child").read_text())
    assert _lives(pid) and _lives(child) and child != pid
    job.stop()
    assert not _lives(pid) and not _lives(child)
    assert wait_for(job, STOPPED).error is None


def test_a_job_of_another_user_is_not_stopped_and_says_so(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("fer.jobs.job.sys.executable", str(_sleeper(tmp_path)))
    job, request = asked(bundle)
    job.start(request)
    pid = wait_for(job, RUNNING).pid
    try:

        def denied(*_: object) -> bool:
            raise psutil.AccessDenied(pid)

        with monkeypatch.context() as patched:
            patched.setattr("fer.jobs.job.end_tree", denied)
            with pytest.raises(EvaluationError, match="belongs to another user"):
                job.stop()
            patched.setattr("fer.jobs.job.end_tree", lambda *_: False)
            with pytest.raises(EvaluationError, match=f"end the process {pid} by hand"):
                job.stop()
        assert wait_for(job, RUNNING).pid == pid
    finally:
        job.stop()


def test_a_changed_clock_hides_no_running_job(bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fer.jobs.job.sys.executable", str(_sleeper(tmp_path)))
    job, request = asked(bundle)
    job.start(request)
    pid = wait_for(job, RUNNING).pid
    real = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: real(self) + 3600)
    try:
        assert [one.folder for one in running_jobs()] == [job.folder]
        job.start(request)
        again = job.progress()
        assert again is not None and (again.state, again.pid) == (RUNNING, pid)
        job.stop()
        assert not _lives(pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_process_that_ends_immediately_has_failed(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("fer.jobs.job.sys.executable", "/bin/false")
    job, request = asked(bundle)
    job.start(request)
    assert wait_for(job, FAILED).error == job.unexpected


def _sleeper(folder: Path) -> Path:
    script = folder / "sleeper"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o755)
    return script


def _lives(pid: int) -> bool:
    try:
        return "zombie" not in (Path("/proc") / str(pid) / "status").read_text()
    except OSError:
        return False


def test_a_vanished_process_has_failed_and_names_its_log(bundle: Bundle) -> None:
    job, _ = asked(bundle)
    job.folder.mkdir(parents=True)
    write_json(job.folder / PROGRESS_FILE, {"state": RUNNING, "pid": os.getpid(), "birth": "another time"})
    progress = job.progress()
    assert progress is not None
    assert progress.state == FAILED
    assert progress.error is not None and str(job.folder / "log.txt") in progress.error


def work(job: Job, request: Request) -> Progress:
    """Run the evaluation in this process instead of its own."""
    job.folder.mkdir(parents=True, exist_ok=True)
    write_json(job.folder / REQUEST_FILE, request.to_dict())
    worker.run(job.folder)
    progress = job.progress()
    assert progress is not None
    return progress


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (Source("/nowhere/fer2013.csv"), "/nowhere/fer2013.csv doesn't exist"),
        (Source("/nowhere", photos=True), "/nowhere isn't a folder"),
    ],
)
def test_bad_input_fails_with_a_sentence(bundle: Bundle, source: Source, sentence: str) -> None:
    progress = work(*asked(bundle, source=source))
    assert progress.state == FAILED
    assert progress.error is not None and sentence in progress.error


def test_a_damaged_model_fails_with_a_sentence(bundle: Bundle) -> None:
    job, request = asked(bundle)
    bundle.served_file.write_bytes(b"no model")
    progress = work(job, request)
    assert progress.state == FAILED
    assert progress.error is not None and "hash doesn't match" in progress.error


def test_the_order_of_models_and_robustness_do_not_make_another_job(bundle: Bundle, fer_home: Path) -> None:
    other = make_bundle(fer_home / "other", sharpness=2.0)
    folder = asked(bundle, other)[0].folder
    assert asked(other, bundle, robustness=True)[0].folder == folder
    assert asked(bundle)[0].folder != folder


def test_a_job_that_cannot_start_gives_a_sentence(bundle: Bundle) -> None:
    job, request = asked(bundle)
    evaluations_dir().write_text("in the way")
    with pytest.raises(EvaluationError, match=r"can't start in .*FER_HOME"):
        job.start(request)


def test_a_model_has_the_name_it_was_chosen_by(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Progress] = []
    monkeypatch.setattr(jobs_worker, "write_json", lambda _, values: written.append(Progress(**values)))
    monkeypatch.setattr(jobs_worker, "_SECONDS_BETWEEN_WRITES", 0.0)
    job, request = asked(bundle)
    job.folder.mkdir(parents=True)
    write_json(job.folder / REQUEST_FILE, replace(request, names=("Shipped model",)).to_dict())
    worker.run(job.folder)
    assert "Shipped model: 140 faces" in [progress.text for progress in written]
    found = latest(bundle.hash)
    assert found is not None and found.model == "Shipped model"


def test_damaged_faces_are_read_again(bundle: Bundle) -> None:
    job, request = asked(bundle)
    assert work(job, request).state == DONE
    (file,) = (evaluations_dir() / "faces").iterdir()
    file.write_bytes(b"damaged")
    assert store.find_evaluation_set(keys.choice_key(request.source)) is None
    assert work(job, request).state == DONE
    assert store.find_evaluation_set(keys.choice_key(request.source)) is not None


def test_nothing_is_computed_twice(bundle: Bundle, fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = make_bundle(fer_home / "other", sharpness=2.0)
    seen: list[tuple[str, int]] = []
    answer = EmotionClassifier.probabilities

    def counting(self: EmotionClassifier, crops: object) -> object:
        seen.append((self.bundle.name, len(crops)))  # type: ignore[arg-type]
        return answer(self, crops)  # type: ignore[arg-type]

    monkeypatch.setattr(EmotionClassifier, "probabilities", counting)

    def faces_of(name: str) -> int:
        warm_up = BATCH
        return sum(n for model, n in seen if model == name) - warm_up

    assert work(*asked(bundle)).state == DONE
    assert faces_of("model") == 140
    seen.clear()
    assert work(*asked(bundle)).state == DONE
    assert seen == []
    # A second model, and robustness in addition to the stored result.
    assert work(*asked(bundle, other)).state == DONE
    assert {name for name, _ in seen} == {"other"}
    seen.clear()
    assert work(*asked(bundle, robustness=True)).state == DONE
    assert sum(n for _, n in seen) == len(TRANSFORMS) * (140 + BATCH)
    # The same faces asked for by the name of their split.
    seen.clear()
    assert work(*asked(bundle, source=Source("synthetic", split="test"))).state == DONE
    assert seen == []
    assert len(list((evaluations_dir() / "faces").iterdir())) == 1


def test_progress_rises_and_shows_the_time_left(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Progress] = []
    monkeypatch.setattr(jobs_worker, "write_json", lambda _, values: written.append(Progress(**values)))
    monkeypatch.setattr(jobs_worker, "_SECONDS_BETWEEN_WRITES", 0.0)
    job, request = asked(bundle, robustness=True)
    job.folder.mkdir(parents=True)
    write_json(job.folder / REQUEST_FILE, request.to_dict())
    worker.run(job.folder)
    shares = [progress.share for progress in written]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    texts = [progress.text for progress in written]
    assert texts[0] == "Reading the faces"
    assert [f"model: 140 faces, {transform.label}" in texts for transform in TRANSFORMS] == [True] * len(TRANSFORMS)
    assert any(progress.seconds_left is not None and progress.seconds_left >= 0 for progress in written)
    assert {progress.pid for progress in written} == {os.getpid()}
