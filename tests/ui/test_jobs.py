"""Background jobs: progress, cancelling, failing."""

import threading
from collections.abc import Iterator

import pytest
import streamlit as st

from fer.datasets.readings import Progress
from fer.errors import DatasetError
from fer.ui import jobs
from fer.ui.jobs import CANCELLED, DONE, FAILED, RUNNING, Job

_PATIENCE_S = 20


@pytest.fixture(autouse=True)
def no_jobs() -> Iterator[None]:
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def ended(job: Job[object]) -> Job[object]:
    job.wait(_PATIENCE_S)
    assert job.state != RUNNING
    return job


def test_a_job_reports_progress_and_returns_its_result() -> None:
    told, proceed = threading.Event(), threading.Event()

    def work(progress: Progress) -> str:
        progress(0.25, "A quarter")
        told.set()
        proceed.wait(_PATIENCE_S)
        return "result"

    job = Job(work)
    assert told.wait(_PATIENCE_S)
    assert job.state == RUNNING and (job.progress.share, job.progress.text) == (0.25, "A quarter")
    # Too early for an estimate.
    assert job.progress.seconds_left is None
    proceed.set()
    assert ended(job).state == DONE and job.result == "result" and job.error == ""


def test_the_time_left_follows_from_the_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    told, proceed = threading.Event(), threading.Event()

    def work(progress: Progress) -> None:
        progress(0.2, "A fifth")
        told.set()
        proceed.wait(_PATIENCE_S)

    job = Job(work)
    assert told.wait(_PATIENCE_S)
    now[0] = 110.0
    assert job.progress.seconds_left == pytest.approx(40.0)
    proceed.set()
    ended(job)


def test_cancelling_ends_a_job_at_its_next_report() -> None:
    told, proceed = threading.Event(), threading.Event()
    after = []

    def work(progress: Progress) -> None:
        told.set()
        proceed.wait(_PATIENCE_S)
        progress(0.5, "Half")
        after.append("went on")

    job = Job(work)
    assert told.wait(_PATIENCE_S)
    job.cancel()
    proceed.set()
    assert ended(job).state == CANCELLED
    assert after == [] and job.result is None and "Nothing was changed" in job.error


def test_a_users_mistake_is_shown_with_its_sentence() -> None:
    def work(progress: Progress) -> None:
        raise DatasetError("The zip is encrypted; unpack it.")

    job = ended(Job(work))
    assert (job.state, job.error) == (FAILED, "The zip is encrypted; unpack it.")


def test_a_defect_is_logged_and_shown_as_one_sentence(caplog: pytest.LogCaptureFixture) -> None:
    def work(progress: Progress) -> None:
        raise ZeroDivisionError("a secret of the inside")

    job = ended(Job(work))
    assert job.state == FAILED and "secret" not in job.error and "unexpectedly" in job.error
    assert "a secret of the inside" in caplog.text


def test_a_key_has_one_running_job() -> None:
    proceed = threading.Event()
    begun: list[str] = []

    def work(name: str):  # type: ignore[no-untyped-def]
        def inner(progress: Progress) -> str:
            begun.append(name)
            proceed.wait(_PATIENCE_S)
            return name

        return inner

    assert jobs.start("key", work("first"))
    assert not jobs.start("key", work("second"))
    assert jobs.start("other", work("third"))
    proceed.set()
    first, other = jobs.find("key"), jobs.find("other")
    assert first is not None and other is not None
    assert ended(first).result == "first" and ended(other).result == "third"
    assert "second" not in begun
    jobs.start("key", work("fourth"))
    again = jobs.find("key")
    assert again is not None and ended(again).result == "fourth"
    jobs.forget("key")
    assert jobs.find("key") is None and jobs.find("other") is other


def test_the_jobs_of_one_folder_are_forgotten_together() -> None:
    keys = ["doctor /data/a 2026", "clean /data/a 2026", "doctor /data/a-2 2026", "doctor /data/a 2027"]
    for key in keys:
        assert jobs.start(key, lambda progress: None)
    jobs.forget_all("/data/a 2026")
    assert [jobs.find(key) is not None for key in keys] == [False, False, True, True]
