"""Measure batches: `python -m benchmarks.batch`. Each row has its target; the exit code is 1 if one is missed.

Photos are copies of one picture of 1,280 pixels; each round takes turns with what it is compared with. The rows about
many files have a stand-in for the analysis, because they measure everything else: `--rows` is their number of files.
"""

import multiprocessing
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import cv2
import psutil
import pyarrow.dataset as ds
from rich.console import Console
from rich.table import Table

from benchmarks.core import photo
from fer.batch.analysis import install_bundle
from fer.batch.attempt import Analyse, Sink, Work, attempt
from fer.batch.cluster import Workers, connected
from fer.batch.engine import Engine
from fer.batch.inputs import Input
from fer.batch.listing import Listing
from fer.batch.output import Output, open_output
from fer.batch.parts import FACE_COLUMNS, FileResult
from fer.batch.plan import Task, plan
from fer.batch.running import Request, files_of, run_batch
from fer.batch.settings import Inputs, Settings
from fer.paths import CHECKOUT, SHIPPED_BUNDLE
from fer.provenance import Provenance
from fer.recognition.analyzer import load_analyzer
from fer.recognition.bundle import load_bundle
from fer.recognition.provenance import provenance_of
from fer.text import MB
from fer.vision import images

_WORKERS: Final = 2
_ROUNDS: Final = 3
_LISTED: Final = 100_000
_OVERHEAD_PHOTOS: Final = 2000
_STAND_IN_SECONDS: Final = 0.005
_WORKER_KILLS, _CLIENT_KILLS = 50, 3


@dataclass(frozen=True)
class Measured:
    """A row of the table."""

    what: str
    result: str
    wanted: str
    good: bool


def nothing(settings: Settings, output: Output, about: Provenance) -> Analyse:
    """Return a stand-in that finds one face in every file at once."""
    return _one_face


def busy(settings: Settings, output: Output, about: Provenance) -> Analyse:
    """Return a stand-in that computes for 5 ms per file."""
    return _one_face_later


def _one_face(one: Input, add: Sink) -> FileResult:
    values: dict[str, Any] = dict.fromkeys(FACE_COLUMNS)
    add([tuple((values | {"file": one.path, "face": 1, "emotion": "happy", "confidence": 0.5}).values())])
    return FileResult(1)


def _one_face_later(one: Input, add: Sink) -> FileResult:
    until = time.perf_counter() + _STAND_IN_SECONDS
    while time.perf_counter() < until:
        pass
    return _one_face(one, add)


def request_for(inputs: Path, out: Path, make: Callable[..., Analyse] | None = None) -> Request:
    """Return a batch of a folder or of a list in a file; with the shipped model, or with a stand-in."""
    bundle = load_bundle(SHIPPED_BUNDLE)
    about = provenance_of(bundle, "yunet", name="Shipped model")
    chosen = Inputs((str(inputs),)) if inputs.is_dir() else Inputs(lists=(str(inputs),))
    settings = Settings(bundle.hash, "yunet")
    if make is None:
        return Request(chosen, str(out), settings, about, bundle, Workers(_WORKERS))
    return Request(chosen, str(out), settings, about, None, Workers(_WORKERS), make=make)


def write_photos(folder: Path, n: int) -> Path:
    """Write n photos of 1,280 pixels."""
    folder.mkdir()
    data = photo()
    for index in range(n):
        (folder / f"{index:05}.jpg").write_bytes(data)
    return folder


def planned(request: Request) -> list[Task]:
    """Return the tasks of a batch."""
    return list(plan(Listing(request.inputs), request.settings))


def against_analyze(n: int) -> list[Measured]:
    """Compare two workers with one process, as `fer analyze` is; the start of neither counts.

    Two busy cores are slower than one, as they share memory and heat. What two processes without Dask reach against
    one is the most that workers can.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = write_photos(Path(name) / "photos", n)
        request = request_for(folder, Path(name) / "out")
        tasks, analyzer = planned(request), load_analyzer(SHIPPED_BUNDLE, "yunet")
        files = sorted(folder.iterdir())
        taken: list[tuple[float, float, float]] = []
        with (
            connected(request.workers, files_of(request.bundle)) as (client, _),
            _pool() as pool,
        ):
            for turn in range(_ROUNDS + 1):
                ours = _engine_seconds(client, request, tasks, Path(name) / f"dask{turn}")
                pooled = _pool_seconds(pool, request, tasks, Path(name) / f"pool{turn}")
                began = time.perf_counter()
                for file in files:
                    analyzer.analyze_bytes(images.read(file), str(file))
                taken.append((ours, pooled, time.perf_counter() - began))
    # The first turn starts all three.
    ours, pooled, one = (statistics.median(column) for column in zip(*taken[1:], strict=True))
    rates = f"{n / ours:.0f} against {n / one:.0f} per second"
    what = f"{n} photos: {_WORKERS} workers / analyze"
    return [
        Measured(what, f"{one / ours:.2f} x ({rates})", ">= 1.7 x", one / ours >= 1.7),
        Measured("the same without Dask: what these cores allow", f"{one / pooled:.2f} x", "", True),
    ]


def _engine_seconds(client: Any, request: Request, tasks: list[Task], out: Path) -> float:
    output = open_output(str(out))
    output.prepare()
    work = Work(request.settings, str(out), request.about, request.make)
    began = time.perf_counter()
    Engine(client, work, lambda outcome: None, lambda: None).run(tasks)
    return time.perf_counter() - began


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(_WORKERS, multiprocessing.get_context("spawn"), _pool_start)


def _pool_start() -> None:
    cv2.setNumThreads(1)
    install_bundle(SHIPPED_BUNDLE)


def _pool_seconds(pool: ProcessPoolExecutor, request: Request, tasks: list[Task], out: Path) -> float:
    open_output(str(out)).prepare()
    work = Work(request.settings, str(out), request.about, request.make)
    began = time.perf_counter()
    list(pool.map(attempt, tasks, [work] * len(tasks)))
    return time.perf_counter() - began


def against_pool(n: int, make: Callable[..., Analyse]) -> Measured:
    """Compare Dask with a plain pool of processes that does the same attempts."""
    with tempfile.TemporaryDirectory() as name:
        folder = write_photos(Path(name) / "photos", n)
        request = request_for(folder, Path(name) / "out", make)
        tasks = planned(request)
        ours, theirs = [], []
        with (
            connected(request.workers, files_of(load_bundle(SHIPPED_BUNDLE))) as (client, _),
            _pool() as pool,
        ):
            for turn in range(_ROUNDS + 1):
                ours.append(_engine_seconds(client, request, tasks, Path(name) / f"dask{turn}"))
                theirs.append(_pool_seconds(pool, request, tasks, Path(name) / f"pool{turn}"))
    # The first turn starts both.
    own, pool_s = statistics.median(ours[1:]), statistics.median(theirs[1:])
    overhead = own / pool_s - 1
    what = f"{n} files in {len(tasks)} tasks: Dask / a plain process pool"
    return Measured(what, f"{overhead:+.1%} ({own:.1f} s against {pool_s:.1f} s)", "<= +10 %", overhead <= 0.1)


def listing(n: int) -> Measured:
    """Measure listing and planning a folder of many files."""
    with tempfile.TemporaryDirectory() as name:
        for index in range(n):
            folder = Path(name) / f"{index // 1000:04}"
            if index % 1000 == 0:
                folder.mkdir()
            (folder / f"{index:07}.jpg").touch()
        began = time.perf_counter()
        tasks = planned(request_for(Path(name), Path(name) / "out", nothing))
        seconds = time.perf_counter() - began
    assert sum(task.n_files for task in tasks) == n
    return Measured(f"{n:,} files listed and planned", f"{seconds:.1f} s, {len(tasks)} tasks", "<= 60 s", seconds <= 60)


def killed(n: int, seed: int) -> Measured:
    """Do many rows while workers and the client are killed at random moments; count rows and the client's memory."""
    with tempfile.TemporaryDirectory() as name:
        names, out = Path(name) / "list.txt", Path(name) / "out"
        with names.open("w") as stream:
            stream.writelines(f"{name}/gone/{index:08}.jpg\n" for index in range(n))
        chance, began, memory, kills = random.Random(seed), time.perf_counter(), 0.0, 0
        command = [sys.executable, "-m", "benchmarks.batch", "--client", str(names), str(out)]
        # Moments as shares of the work: an equal number of workers' deaths before each death of the client.
        ends = sorted(chance.random() for _ in range(_CLIENT_KILLS))
        moments = sorted(chance.random() for _ in range(_WORKER_KILLS))
        for end in (*ends, 1.1):
            client = psutil.Process(subprocess.Popen(command, cwd=CHECKOUT).pid)
            while client.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.02)
                share = _share_done(out, n)
                memory = max(memory, _memory(client))
                if share >= end:
                    client.kill()
                    break
                if moments and share >= moments[0] and (workers := _workers(client)):
                    moments.pop(0)
                    kills += 1
                    os.kill(chance.choice(workers), signal.SIGKILL)
            client.wait()
        seconds = time.perf_counter() - began
        counts = {}
        for kind in ("files", "faces"):
            files = ds.dataset(out / kind).to_table(columns=["file"]).column("file")
            counts[kind] = (len(files), len(files.unique()))
    good = all(count == (n, n) for count in counts.values()) and memory < 1000
    lost = ", ".join(f"{n - own:,} lost and {rows - own:,} twice in {kind}" for kind, (rows, own) in counts.items())
    what = f"{n:,} rows, {kills} workers and {_CLIENT_KILLS} clients killed"
    return Measured(what, f"{lost}; client {memory:.0f} MB; {seconds:.0f} s", "none, < 1 GB", good)


def _share_done(out: Path, n: int) -> float:
    # About 1,250 files per task.
    return len(list((out / "files").glob("part-*"))) * 1250 / n if (out / "files").is_dir() else 0.0


def _memory(process: psutil.Process) -> float:
    try:
        return process.memory_info().rss / MB
    except psutil.NoSuchProcess:
        return 0.0


def _workers(client: psutil.Process) -> list[int]:
    try:
        return [child.pid for child in client.children() if "spawn_main" in " ".join(child.cmdline())]
    except psutil.NoSuchProcess:
        return []


def client(names: Path, out: Path) -> None:
    """Run the batch of `killed`, as a process that may be killed."""
    run_batch(request_for(names, out, nothing))


@click.command()
@click.option("--photos", default=200, show_default=True, help="Photos of the comparison with analyze")
@click.option("--rows", default=1_000_000, show_default=True, help="Rows of the run with kills; 0 leaves it out")
@click.option("--seed", default=0, show_default=True, help="Decides when processes are killed")
@click.option("--client", "as_client", nargs=2, type=click.Path(path_type=Path), hidden=True)
def main(photos: int, rows: int, seed: int, as_client: tuple[Path, Path] | None) -> None:
    """Compare batches with `analyze` and with a pool, list many files, and kill processes."""
    if as_client:
        client(*as_client)
        return
    measured = [
        listing(_LISTED),
        against_pool(_OVERHEAD_PHOTOS, busy),
        *against_analyze(photos),
        *([killed(rows, seed)] if rows else []),
    ]
    table = Table("what", "measured", "wanted", "", title=f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for one in measured:
        table.add_row(one.what, one.result, one.wanted, "ok" if one.good else "MISSED")
    Console().print(table)
    if not all(one.good for one in measured):
        sys.exit(1)


if __name__ == "__main__":
    main()
