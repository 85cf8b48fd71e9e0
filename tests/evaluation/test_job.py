"""An evaluation in its own process: finished, stopped, failed or vanished, and never run twice."""

import contextlib
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from fer.errors import EvaluationError
from fer.evaluation import keys, store
from fer.evaluation.job import Job, running_jobs
from fer.evaluation.latest import evaluations_dir
from fer.jobs.job import DONE, FAILED, PROGRESS_FILE, RUNNING, STOPPED, Progress
from fer.recognition.bundle import Bundle
from fer.storage.files import write_json
from tests.support.builders import make_bundle
from tests.support.evaluations import asked

_PATIENCE_SECONDS = 90


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
            patched.setattr("fer.jobs.job.end_process", denied)
            with pytest.raises(EvaluationError, match="belongs to another user"):
                job.stop()
            patched.setattr("fer.jobs.job.end_process", lambda *_: False)
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
