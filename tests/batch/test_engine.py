"""Batches on real workers: two processes of Dask, with a stand-in for the analysis."""

import itertools
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from fer.batch import engine as engine_module
from fer.batch import running
from fer.batch.cluster import Workers, connected
from fer.batch.engine import KILLER
from fer.batch.output import FACES, FILES, SUPERSEDED
from fer.batch.progress import Progress
from fer.batch.running import run_batch
from fer.batch.settings import Settings
from fer.errors import BatchError, OutputError
from tests.support.batch import SETTINGS, made, names, request_for, rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with connected(Workers(2), {}) as both:
        yield both


@pytest.fixture
def client(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let batches use the workers of the module: starting some takes seconds."""

    @contextmanager
    def shared(*_: object) -> Iterator[Any]:
        yield cluster

    monkeypatch.setattr(running, "connected", shared)
    # The test before may have killed some.
    cluster[0].wait_for_workers(2, timeout=60)
    return cluster[0]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def worker_pids(client: Any) -> list[int]:
    return list(client.run(os.getpid).values())


def numbered(n: int, *others: str) -> list[str]:
    return [*(f"{index:04}.jpg" for index in range(n)), *others]


def test_each_file_is_done_once_by_both_workers(client: Any, tmp_path: Path, out: Path) -> None:
    made(tmp_path / "in", *numbered(200), "a-bad.jpg", "b-two.jpg", "c.mp4")
    told: list[tuple[str, str]] = []
    seen: list[Progress] = []
    result = run_batch(request_for(tmp_path / "in", out), seen.append, lambda *failure: told.append(failure))
    assert Counter(names(out)) == Counter(numbered(200, "a-bad.jpg", "b-two.jpg", "c.mp4"))
    assert Counter(names(out, FACES))["b-two.jpg"] == 2 and len(rows(out, FACES)) == 203
    assert (result.totals.files, result.totals.failed, result.totals.faces) == (203, 1, 203)
    assert told == [(str(tmp_path / "in" / "a-bad.jpg"), "It is bad.")]
    assert [one.stage for one in seen][:2] == ["listing", "starting"] and seen[-1].stage == "done"
    assert seen[-1].done.files == seen[-1].n_files == 203 and max(one.n_workers for one in seen) == 2
    assert all(one.done.files <= after.done.files for one, after in itertools.pairwise(seen))


def test_what_is_done_is_not_done_again(
    client: Any, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "in", *numbered(60))
    first = run_batch(request_for(tmp_path / "in", out))
    before = {part: part.stat().st_mtime_ns for part in out.rglob("*.parquet")}
    lost = sorted((out / FACES).iterdir())[1]
    lost.write_bytes(lost.read_bytes()[:100])
    made(tmp_path / "in", "new.jpg")
    second = run_batch(request_for(tmp_path / "in", out))
    assert Counter(names(out)) == Counter(numbered(60, "new.jpg")) and second.totals.files == 61
    kept = [part for part in before if part.exists() and part.stat().st_mtime_ns == before[part]]
    assert 2 * len(first.parts) - 8 <= len(kept) <= 2 * len(first.parts) - 2
    # Everything is done, so no worker is needed.
    monkeypatch.setattr(running, "connected", None)
    assert run_batch(request_for(tmp_path / "in", out)) == second


def test_other_settings_need_a_word_and_then_supersede_the_old_results(client: Any, tmp_path: Path, out: Path) -> None:
    made(tmp_path / "in", *numbered(20))
    run_batch(request_for(tmp_path / "in", out))
    parts = sorted(file.name for file in (out / FILES).iterdir())
    other = replace(request_for(tmp_path / "in", out), settings=Settings(SETTINGS.model_hash, "haar"))
    with pytest.raises(BatchError, match=r"out has results of another model or other settings\. Choose another"):
        run_batch(other)
    assert sorted(file.name for file in (out / FILES).iterdir()) == parts
    assert run_batch(replace(other, replace=True)).totals.files == 20
    assert Counter(names(out)) == Counter(names(out / SUPERSEDED)) == Counter(numbered(20))
    assert not set(parts) & {file.name for file in (out / FILES).iterdir()}


def test_a_file_that_kills_its_worker_is_reported_and_the_others_are_analysed(
    client: Any, tmp_path: Path, out: Path
) -> None:
    others = numbered(100)
    made(tmp_path / "in", *others, "0000-poison.jpg")
    told: list[tuple[str, str]] = []
    result = run_batch(request_for(tmp_path / "in", out), on_failure=lambda *failure: told.append(failure))
    errors = {Path(row["file"]).name: row["error"] for row in rows(out, FILES)}
    assert errors == {**dict.fromkeys(others), "0000-poison.jpg": KILLER}
    assert Counter(names(out)) == Counter([*others, "0000-poison.jpg"]) and len(rows(out, FACES)) == 100
    assert (result.totals.files, result.totals.failed) == (101, 1)
    assert told == [(str(tmp_path / "in" / "0000-poison.jpg"), KILLER)]


def test_a_worker_that_is_killed_loses_nothing(client: Any, tmp_path: Path, out: Path) -> None:
    made(tmp_path / "in", *numbered(100), "wait.jpg")
    killed: list[int] = []

    def kill_then_let_go(state: Progress) -> None:
        # The other files are done, so one worker waits in the task with the file that waits.
        if not killed and state.done.files >= 80:
            killed.extend(worker_pids(client))
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            (tmp_path / "in" / "go").touch()

    result = run_batch(request_for(tmp_path / "in", out), kill_then_let_go)
    assert len(killed) == 2 and Counter(names(out)) == Counter(numbered(100, "wait.jpg"))
    assert (result.totals.failed, len(rows(out, FACES))) == (0, 101)


def test_at_most_four_tasks_per_worker_are_with_the_scheduler(
    client: Any, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "in", *numbered(300))
    most = 0
    submit = engine_module.Engine._submit

    def counted(self: Any, todo: Any) -> None:
        nonlocal most
        submit(self, todo)
        most = max(most, len(self._running))

    monkeypatch.setattr(engine_module.Engine, "_submit", counted)
    assert len(run_batch(request_for(tmp_path / "in", out)).parts) > 20
    assert most == 8


def test_a_disk_that_stays_full_ends_the_batch_with_a_sentence_and_it_can_be_resumed(
    client: Any, tmp_path: Path, out: Path
) -> None:
    made(tmp_path / "in", *numbered(20))
    # A file in place of the folder fails like a full disk: no part can be written.
    request = request_for(tmp_path / "in", out)
    out.mkdir()
    (out / FACES).mkdir()
    (out / FILES).mkdir()
    started = threading.Event()

    def block(state: Progress) -> None:
        if state.stage == "starting":
            (out / FILES).rmdir()
            (out / FILES).write_bytes(b"")
            started.set()

    with pytest.raises(OutputError, match=r"out can't be written: .* start the batch again"):
        run_batch(request, block)
    assert started.is_set()
    (out / FILES).unlink()
    assert run_batch(request).totals.files == 20
    assert Counter(names(out)) == Counter(numbered(20)) and len(rows(out, FACES)) == 20


def test_two_batches_cannot_write_to_one_folder(client: Any, tmp_path: Path, out: Path) -> None:
    made(tmp_path / "in", *numbered(2))
    told: list[str] = []

    def second(state: Progress) -> None:
        if state.stage == "starting":
            with pytest.raises(BatchError, match="Another batch writes to") as error:
                run_batch(request_for(tmp_path / "in", out))
            told.append(str(error.value))

    run_batch(request_for(tmp_path / "in", out), second)
    assert len(told) == 1


def test_nothing_to_analyse_is_told(tmp_path: Path, out: Path) -> None:
    made(tmp_path / "in", "notes.txt")
    with pytest.raises(BatchError, match=r"There is nothing to analyse. .*There is no photo or video in this folder"):
        run_batch(request_for(tmp_path / "in", out))


def test_workers_listen_on_this_machine_only_and_refuse_strangers(client: Any) -> None:
    from distributed import Client

    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening = [one.laddr.ip for process in family for one in process.net_connections("tcp") if one.status == "LISTEN"]
    assert listening and set(listening) == {"127.0.0.1"}
    address = client.scheduler.address
    assert address.startswith("tls://127.0.0.1:")
    with pytest.raises((OSError, TypeError)):
        Client(address.replace("tls", "tcp"), timeout=2, set_as_default=False)
