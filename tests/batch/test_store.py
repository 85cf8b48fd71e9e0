"""The batches of the page: which may start on this machine, with which model, workers and folders."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fer import paths
from fer.batch import store, worker
from fer.batch.job import BatchJob, Request
from fer.errors import BatchError, BundleError, shortened
from fer.jobs.job import DONE, RUNNING, STOPPED
from fer.recognition.current import use_bundle
from fer.runs import serving
from fer.storage.locks import is_locked
from tests.support.batches import asked, in_state, photos
from tests.support.builders import make_bundle


@pytest.fixture(autouse=True)
def tiny_model(fer_home: Path) -> None:
    use_bundle(make_bundle(fer_home / "runs" / "tiny" / "bundle").path)


def resume(job: BatchJob) -> None:
    store.resume(job, [paths.data_dir().resolve()])


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[BatchJob]:
    """The jobs that would have been started; each then runs in this process, as far as anybody can see."""
    jobs: list[BatchJob] = []

    def begin(job: BatchJob, request: dict[str, Any]) -> None:
        job.ask(request)
        jobs.append(in_state(job, RUNNING))

    monkeypatch.setattr(BatchJob, "begin", begin)
    return jobs


def like(job: BatchJob, **values: Any) -> Request:
    request = job.find_request()
    assert request is not None
    return replace(request, **values)


def test_a_batch_keeps_its_model_when_another_one_is_used(fer_home: Path, begun: list[BatchJob]) -> None:
    original = make_bundle(paths.runs_dir() / "models" / "abc" / "mine" / "bundle", confidence_threshold=0.3)
    use_bundle(original.path)
    job = store.start(like(asked(photos("1.jpg"))))
    serving.use_shipped()
    assert not original.path.exists()
    in_state(job, STOPPED)
    resume(job)
    assert [one.id for one in begun] == [job.id, job.id]
    request = job.find_request()
    assert request is not None
    bundle = worker._engine_request(job, request).bundle
    assert bundle is not None and (bundle.path, bundle.hash) == (job.folder / "model", original.hash)
    assert bundle.confidence_threshold == 0.3


def test_a_model_that_is_gone_is_told_and_leaves_nothing(fer_home: Path, begun: list[BatchJob]) -> None:
    before = asked(photos("1.jpg"))
    with pytest.raises(BundleError, match="There is no model in"):
        store.start(like(before, model=str(fer_home / "gone")))
    assert begun == [] and store.list_ids() == [before.id]


def test_one_batch_at_a_time_works_on_this_machine(begun: list[BatchJob]) -> None:
    waiting = asked(photos("1.jpg"))
    first = store.start(like(waiting, name="the first"))
    for another in (lambda: store.start(like(waiting)), lambda: resume(waiting)):
        with pytest.raises(BatchError, match=r"^The batch 'the first' is running on this machine; wait "):
            another()
    assert [job.id for job in begun] == [first.id] and len(store.list_ids()) == 2
    resume(first)
    assert len(begun) == 1, "it is running already"
    elsewhere = store.start(like(waiting, scheduler="tls://h:1"))
    in_state(first, DONE)
    resume(waiting)
    assert [job.id for job in begun] == [first.id, elsewhere.id, waiting.id], "a scheduler's doesn't count"


def test_two_people_do_not_start_at_the_same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    locked: list[bool] = []

    def begin(job: BatchJob, request: dict[str, Any]) -> None:
        job.ask(request)
        locked.append(is_locked(store.batches_dir() / "starting.lock"))

    monkeypatch.setattr(BatchJob, "begin", begin)
    job = store.start(like(asked(photos("1.jpg"))))
    resume(job)
    assert locked == [True, True] and not is_locked(store.batches_dir() / "starting.lock")


@pytest.mark.parametrize(("asked_for", "given"), [(1, 1), (3, 3), (256, 3), (None, None)])
def test_a_batch_has_at_most_one_worker_per_core(
    asked_for: int | None, given: int | None, begun: list[BatchJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "usable_cores", lambda: 3)
    first = asked(photos("1.jpg"), workers=asked_for)
    resume(first)
    in_state(first, STOPPED)
    second = store.start(like(first, workers=asked_for))
    assert [like(job).workers for job in (first, second)] == [given, given]


def test_a_batch_reads_only_what_is_allowed_when_it_is_resumed(begun: list[BatchJob]) -> None:
    folder = photos("a/1.jpg", "b/1.jpg").resolve()
    for inputs, roots in (([folder], [folder / "a"]), ([folder / "a", folder / "b" / "*.jpg"], [folder / "a"])):
        job = asked(folder, inputs=tuple(map(str, inputs)))
        named = re.escape(shortened(str(inputs[-1])))
        with pytest.raises(BatchError, match=f"^'{named}' isn't below .*/a any more, so this batch can't read it"):
            store.resume(job, roots)
    assert begun == []
    job = asked(folder, inputs=(str(folder / "a"),))
    store.resume(job, [folder])
    # Links are followed only within what is allowed now.
    assert like(job).roots == (str(folder),) and like(job).inputs == (str(folder / "a"),)
