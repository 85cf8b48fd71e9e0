"""Clients that end, and clusters of separate programs."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from fer.batch.cluster import Workers
from fer.batch.output import FACES, FILES
from fer.batch.running import run_batch
from fer.errors import BatchError
from fer.paths import CHECKOUT
from tests.support.batch import made, names, request_for, rows
from tests.support.dask_programs import issue, scheduler_program
from tests.trust import watch

# More than the patience of one wait, or that would never say what it waited for.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

# Enough for a machine that does much else.
PATIENCE_SECONDS = 180
CLIENT = """
import sys
from pathlib import Path
from fer.batch.cluster import Workers
from fer.batch.running import run_batch
from tests.support.batch import request_for
if __name__ == "__main__":
    run_batch(request_for(Path(sys.argv[1]), sys.argv[2], workers=Workers(2)))
"""


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def numbered(n: int, *others: str) -> list[str]:
    return [*(f"{index:04}.jpg" for index in range(n)), *others]


def test_a_client_that_is_killed_takes_its_workers_along_and_the_next_one_continues(tmp_path: Path) -> None:
    out = tmp_path / "out"
    made(tmp_path / "in", *numbered(100), "0050-wait.jpg", "0090-wait.jpg")
    (tmp_path / "client.py").write_text(CLIENT)
    command = [sys.executable, str(tmp_path / "client.py"), str(tmp_path / "in"), str(out)]
    log = tmp_path / "watch.jsonl"
    environment = os.environ | watch.watched(log, []) | {"TMPDIR": str(tmp_path)}
    environment["PYTHONPATH"] += os.pathsep + str(CHECKOUT)
    client = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    # Some tasks are done, and those of the files that wait are not.
    wait_until(lambda: client.poll() is not None or len(list((out / FILES).glob("*.parquet"))) >= 5)
    assert client.poll() is None, client.stderr.read()
    family = psutil.Process(client.pid).children(recursive=True)
    client.send_signal(signal.SIGKILL)
    client.wait()
    assert len(family) >= 2
    _, alive = psutil.wait_procs(family, timeout=PATIENCE_SECONDS)
    assert alive == []
    before = {part.name: part.stat().st_mtime_ns for part in (out / FILES).glob("*.parquet")}
    (tmp_path / "in" / "go").touch()
    subprocess.run(command, env=environment, check=True, timeout=PATIENCE_SECONDS)
    assert Counter(names(out)) == Counter(numbered(100, "0050-wait.jpg", "0090-wait.jpg"))
    assert len(rows(out, FACES)) == 102
    after = {part.name: part.stat().st_mtime_ns for part in (out / FILES).glob("*.parquet")}
    assert before and before.items() <= after.items()
    # Neither the client nor its workers looked up a name or contacted another machine.
    seen = watch.read_watch_log(log)
    assert seen.network == frozenset() and len(seen.programs) >= 2


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Start a scheduler and a worker as programs with TLS; each has a FER_HOME of its own."""
    with scheduler_program(tmp_path) as programs, programs.worker(tmp_path / "elsewhere"):
        yield programs.address, programs.tls


def test_a_scheduler_and_a_worker_elsewhere_do_a_batch_over_tls(
    scheduler: tuple[str, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    address, files = scheduler
    made(tmp_path / "in", *numbered(30), "0010-bad.jpg")
    workers = Workers(scheduler=address, tls=files)
    result = run_batch(request_for(tmp_path / "in", tmp_path / "out", workers=workers))
    assert address.startswith("tls://127.0.0.1:")
    assert Counter(names(tmp_path / "out")) == Counter(numbered(30, "0010-bad.jpg"))
    assert result.totals.failed == 1 and len(rows(tmp_path / "out", FACES)) == 30

    issue(tmp_path, "stranger")
    stranger = Workers(scheduler=address, tls={**files, "cert": "stranger.pem", "key": "stranger.key"})
    monkeypatch.setattr("fer.batch.cluster._CONNECT_SECONDS", 2)
    made(tmp_path / "in", "more.jpg")
    with pytest.raises(BatchError, match=r"can't be reached .* --tls-ca, --tls-cert and --tls-key"):
        run_batch(request_for(tmp_path / "in", tmp_path / "out", workers=stranger))


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("host:8786", "'host:8786' isn't a scheduler's address; expected tls://HOST:8786."),
        ("tcp://host:8786", "'tcp://host:8786' has no encryption"),
        ("tls://127.0.0.1:1", "'tls://127.0.0.1:1' needs certificates; add --tls-ca, --tls-cert and --tls-key."),
        ("tcp://127.0.0.1:1", "The scheduler at tcp://127.0.0.1:1 can't be reached"),
    ],
)
def test_an_address_that_cannot_be_used_is_told(
    address: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer.batch.cluster._CONNECT_SECONDS", 1)
    made(tmp_path / "in", "a.jpg")
    with pytest.raises(BatchError, match="^" + sentence.replace("(", r"\(")):
        run_batch(request_for(tmp_path / "in", tmp_path / "out", workers=Workers(scheduler=address)))
