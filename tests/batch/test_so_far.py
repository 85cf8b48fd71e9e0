"""What a batch that ended early has found so far: counted by a process of its own, and again when parts were added."""

from pathlib import Path

import pytest

from fer.batch import found, so_far, so_far_worker, store
from fer.batch.job import BatchJob
from fer.batch.so_far import SoFar
from fer.jobs.job import DONE, FAILED, STOPPED
from fer.recognition.current import use_bundle
from tests.support.batches import asked, done, in_state, photos
from tests.support.builders import make_bundle
from tests.support.run_folders import wait_until


@pytest.fixture(autouse=True)
def tiny_model(fer_home: Path) -> None:
    use_bundle(make_bundle(fer_home / "runs" / "tiny" / "bundle").path)


@pytest.fixture
def stopped() -> BatchJob:
    """A stopped batch with results of four photos, one of which is damaged."""
    job = done(photos("anna/1.jpg", "anna/two.jpg", "ben/1.jpg", "ben/bad.jpg"))
    (job.folder / found.FOUND).unlink()
    (job.folder / found.FAILURES).unlink()
    return in_state(job, STOPPED)


def test_a_process_counts_what_is_finished(stopped: BatchJob) -> None:
    summary = SoFar.of(stopped)
    assert not summary.is_current
    summary.start()
    wait_until(lambda: not summary.running)
    progress = summary.progress()
    assert progress is not None and (progress.state, progress.error) == (DONE, None)
    assert summary.is_current
    counted = found.load(summary.folder)
    assert (counted.n_files, counted.n_failed) == (4, 1)
    assert counted.photos is not None
    assert [(row.name, row.n_files, row.n_rows) for row in counted.photos.folders] == [
        ("data/photos/anna", 2, 3),
        ("data/photos/ben", 1, 1),
    ]
    assert found.read_failures(summary.folder, 0, 1).column("reason").to_pylist() == ["It is bad."]
    assert stopped.state == STOPPED


def test_it_is_counted_again_when_parts_were_added(stopped: BatchJob) -> None:
    summary = counted_here(stopped)
    assert summary.is_current
    before = so_far.written(stopped)
    (stopped.results / "files" / "new.parquet").touch()
    assert so_far.written(stopped) != before
    assert not summary.is_current


def test_it_goes_when_the_batch_continues_or_is_deleted(stopped: BatchJob, monkeypatch: pytest.MonkeyPatch) -> None:
    request = stopped.find_request()
    assert request is not None
    monkeypatch.setattr(BatchJob, "begin", lambda job, request: None)
    summary = counted_here(stopped)
    store.resume(stopped, [Path(root) for root in request.roots])
    assert not summary.folder.exists() and stopped.results.exists()
    counted_here(stopped)
    store.delete(stopped)
    assert not stopped.folder.exists()


def test_results_that_cannot_be_read_give_one_sentence(stopped: BatchJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(found, "save", full)
    progress = counted_here(stopped).progress()
    assert progress is not None and progress.state == FAILED
    assert (progress.error or "").endswith("No space left on device. Free some disk space, then press Summarise again.")


def test_a_batch_without_results_has_nothing_to_count() -> None:
    assert so_far.written(asked(photos("1.jpg"))) is None


def counted_here(job: BatchJob) -> SoFar:
    """Count in this process."""
    summary = SoFar.of(job)
    request = job.find_request()
    assert request is not None
    summary.ask({"roots": request.roots, "written": so_far.written(job)})
    so_far_worker.run(summary.folder)
    return summary
