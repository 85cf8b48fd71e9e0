"""The mechanism of jobs, with a kind of work that needs nothing. Evaluations test the rest in tests/evaluation."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fer.errors import FerError, VideoError
from fer.jobs import job as module
from fer.jobs.job import DONE, FAILED, PROGRESS_FILE, REQUEST_FILE, RUNNING, STOPPED, Job, Progress
from fer.jobs.worker import Reporter, run
from fer.paths import CHECKOUT
from tests.support.containers import elsewhere
from tests.support.fake_job import FakeJob
from tests.support.run_folders import wait_until

PATIENCE_SECONDS = 60


class Sleep(Job):
    """Work that runs a module of the standard library with the folder as its argument, which ends at once."""

    worker = "compileall"
    noun = "sleep"
    again = "Sleep again."
    error = VideoError


def wait_for_end(job: Job) -> Progress:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while job.running and time.monotonic() < deadline:
        time.sleep(0.05)
    return job.progress()


def working(folder: Path) -> Job:
    """A job whose request is written, as its process finds it."""
    (folder / REQUEST_FILE).write_text('{"hours": 8}')
    return Sleep(folder)


def test_a_process_that_ends_unexpectedly_has_failed_in_the_words_of_its_kind(tmp_path: Path) -> None:
    job = Sleep(tmp_path / "one")
    assert (job.progress(), job.running) == (None, False)
    job.begin({"hours": 8})
    assert json.loads((job.folder / REQUEST_FILE).read_text()) == {"hours": 8}
    progress = wait_for_end(job)
    assert progress.state == FAILED
    assert progress.error == f"The sleep stopped unexpectedly. The reason is in {job.folder / 'log.txt'}. Sleep again."


def test_errors_are_those_of_the_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(VideoError, match="The sleep can't start in"):
        Sleep(tmp_path / "file" / "one").begin({})


def test_running_jobs_are_found_and_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "sleeper"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o755)
    monkeypatch.setattr(module.sys, "executable", str(script))
    parent = tmp_path / "jobs"
    for name in ("one", "two"):
        Sleep(parent / name).begin({})
    assert sorted(job.folder.name for job in Sleep.running_in(parent)) == ["one", "two"]
    Sleep(parent / "one").stop()
    assert [job.folder.name for job in Sleep.running_in(parent)] == ["two"]
    assert Sleep(parent / "one").progress().state == STOPPED
    Sleep(parent / "two").stop()


def test_a_worker_reports_and_ends(tmp_path: Path) -> None:
    job, seen = working(tmp_path), []

    def work(request: dict[str, Any], report: Reporter) -> None:
        report("resting", f"{request['hours']} hours", 0.5)
        seen.append(job.progress())

    run(job, work, paced="resting")
    assert (seen[0].state, seen[0].text, seen[0].share) == (RUNNING, "8 hours", 0.5)
    assert job.progress() == Progress(DONE, "Starting", 1.0, **seen[0].stamp)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(FerError("Too loud; close the window."), "Too loud"), (RuntimeError("bug"), "stopped unexpectedly")],
)
def test_a_worker_that_fails_says_why(tmp_path: Path, error: Exception, sentence: str) -> None:
    job = working(tmp_path)

    def work(request: dict[str, Any], report: Reporter) -> None:
        raise error

    try:
        run(job, work, paced="")
    except RuntimeError:
        # A bug also leaves its traceback in the log.
        assert not isinstance(error, FerError)
    assert job.progress().state == FAILED and sentence in job.progress().error


@pytest.mark.parametrize("text", ["", "[]", '{"state": "flying"}', '{"state": "running", "share": "much"}'])
def test_damaged_progress_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / PROGRESS_FILE).write_text(text)
    assert Sleep(tmp_path).progress() is None


def test_the_end_of_a_job_that_was_faster_than_its_start_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job, start = Sleep(tmp_path), module.start_detached

    def start_and_wait(*args: Any, **kwargs: Any) -> Any:
        process = start(*args, **kwargs)
        run(job, lambda _request, _report: None, paced="")
        return process

    monkeypatch.setattr(module, "start_detached", start_and_wait)
    job.begin({})
    assert job.progress().state == DONE


def test_a_job_elsewhere_is_seen_not_started_twice_and_stopped_here(tmp_path: Path) -> None:
    job = FakeJob(tmp_path / "jobs" / "one")
    job.ask({})
    command = [*elsewhere(), sys.executable, "-m", FakeJob.worker, str(job.folder)]
    with subprocess.Popen(command, cwd=CHECKOUT) as container:
        try:
            wait_until(lambda: (progress := job.progress()) is not None and progress.text.startswith("with "))
            assert [one.folder for one in FakeJob.running_in(tmp_path / "jobs")] == [job.folder]
            pid = job.progress().pid
            job.begin({})
            assert job.progress().pid == pid
            job.stop()
            assert job.progress().state == STOPPED
            # The container ends with its first process, and a child that survived would keep it.
            container.wait(20)
        finally:
            container.kill()


def test_a_job_that_starts_elsewhere_is_given_time_to_take_its_lock(tmp_path: Path) -> None:
    job, foreign = FakeJob(tmp_path), {"pid": 1, "birth": "today", "place": "another machine"}
    job._write(Progress(RUNNING, module.STARTING, **foreign))
    assert job.running
    job._write(Progress(RUNNING, "working", **foreign))
    assert job.progress().state == FAILED
    # A minute ago, and by a clock that is an hour ahead.
    for seconds in (-60, 3600):
        job._write(Progress(RUNNING, module.STARTING, **foreign))
        os.utime(tmp_path / PROGRESS_FILE, (time.time() + seconds,) * 2)
        assert job.progress().state == FAILED
