"""A sweep on workers that are separate programs with TLS, on machines that share nothing."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer.datasets.synthetic import make_synthetic
from fer.jobs.job import DONE, STOPPED
from fer.runs import layout, store
from fer.runs.config import TrainConfig
from fer.runs.progress import Progress
from fer.storage import files
from fer.storage.locks import is_locked
from fer.sweeps.job import Request, open_sweep
from fer.sweeps.results import cells, results_of_sweep
from fer.sweeps.running import Told, run_sweep
from tests.support.dask_programs import Programs, scheduler_program
from tests.support.fake_training import HOLD, OUT_OF_MEMORY
from tests.support.forms import csv_lines
from tests.support.run_folders import wait_until
from tests.support.sweeps import asked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Enough for a machine that does much else.
_PATIENCE_SECONDS = 240
_FAKE = ("--preload", "tests.support.fake_training")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    with scheduler_program(tmp_path_factory.mktemp("scheduler")) as started:
        yield started


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Write faces that only this machine has."""
    file = tmp_path / "own.csv"
    file.write_text("\n".join(csv_lines(make_synthetic())) + "\n")
    return file


class Sweeping:
    """A sweep in a thread; what it raises is raised when the block ends."""

    def __init__(self, request: Request) -> None:
        self.request, self.job = request, open_sweep(request)
        self.told: list[Told] = []
        self.errors: list[BaseException] = []
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            run_sweep(self.job, self.request, self.told.append)
        except BaseException as error:
            self.errors.append(error)

    def __enter__(self) -> "Sweeping":
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        if any(error):
            self.job.ask_to_stop()
        self.thread.join(_PATIENCE_SECONDS)
        assert not self.thread.is_alive() and not self.errors, self.errors


def runs_below(home: Path) -> list[Path]:
    return sorted((home / "runs").glob("2*"))


def times_of_faces(homes: list[Path]) -> list[int]:
    """Return when faces were written on machines."""
    found = [file for home in homes for file in home.glob("sweeps/received/*/*/images.npy")]
    return [file.stat().st_mtime_ns for file in found]


def epochs_below(home: Path) -> list[Path]:
    """Return the checkpoints of runs on a machine."""
    return [folder for folder in runs_below(home) if (folder / layout.CHECKPOINTS / "epoch").exists()]


def test_machines_are_sent_the_faces_once_and_send_their_runs(
    programs: Programs, data: Path, fer_home: Path, tmp_path: Path
) -> None:
    base = TrainConfig(data=str(data), epochs=2, warmup_epochs=0.5)
    request = asked(f"dropout=0.1,{OUT_OF_MEMORY}", base=base, seeds=2, scheduler=programs.address, tls=programs.tls)
    homes = [tmp_path / "first", tmp_path / "second"]
    for home in homes:
        home.mkdir()
        (home / HOLD).touch()
    with programs.worker(homes[0], *_FAKE), programs.worker(homes[1], *_FAKE):
        with Sweeping(request) as sweeping:
            # Else one worker may do it all before the other one is there.
            wait_until(lambda: all(epochs_below(home) for home in homes), _PATIENCE_SECONDS)
            at_epoch = "2 running (epoch 2 of 2)"
            wait_until(lambda: any(at_epoch in told.text for told in sweeping.told), _PATIENCE_SECONDS)
            for home in homes:
                (home / HOLD).unlink()
        job = sweeping.job
        assert job.progress().state == DONE
        done, failed = results_of_sweep(job)
        assert cells(done)["Accuracy"] == "50.7 ± 0.7 %" and cells(done)["Done"] == "2 of 2"
        assert set(failed.failures) == {0, 1} and failed.failures[0].startswith("Memory ran out")
        # Both machines trained, each with its own copy of the faces.
        sent = times_of_faces(homes)
        assert len(sent) == 2
        for run in store.list_runs():
            config = store.read_config(run.id)
            assert (config.data, run.origin.sweep) == (str(data), job.id)
            assert (run.folder / layout.REPORT).exists() == (run.state == "finished")
            assert not (run.folder / layout.CHECKPOINTS).exists()
        # What is here isn't kept there, and the faces aren't sent again.
        left = [Progress.read(folder).state for home in homes for folder in runs_below(home)]
        assert left == ["failed", "failed"]
        more = asked("dropout=0.1", base=base, seeds=4, scheduler=programs.address, tls=programs.tls)
        assert run_sweep(open_sweep(more), more)
        assert times_of_faces(homes) == sent
        assert len(store.list_runs()) == 6
    assert files.read_json(store.list_runs()[0].folder / layout.REPORT)["data"]["name"] == "own.csv"


def test_a_training_continues_on_its_machine_when_its_worker_or_the_command_ends(
    programs: Programs, fer_home: Path, tmp_path: Path
) -> None:
    request = asked(seeds=2, scheduler=programs.address, tls=programs.tls)
    homes = [tmp_path / "first", tmp_path / "second"]
    for home in homes:
        home.mkdir()
        (home / HOLD).touch()
    with Sweeping(request) as sweeping, programs.worker(homes[1], *_FAKE):
        with programs.worker(homes[0], *_FAKE) as victim:
            wait_until(lambda: all(epochs_below(home) for home in homes), _PATIENCE_SECONDS)
            victim.kill()
        # Its training hasn't ended with it; the next worker of that machine takes it up.
        with programs.worker(homes[0], *_FAKE):
            (run,) = runs_below(homes[0])
            wait_until(lambda: is_locked(run / layout.AWAITED), _PATIENCE_SECONDS)
            sweeping.job.ask_to_stop()
            sweeping.thread.join(_PATIENCE_SECONDS)
            assert sweeping.job.progress().state == STOPPED
            wait_until(lambda: [state_of(home) for home in homes] == ["stopped", "stopped"], _PATIENCE_SECONDS)
            for home in homes:
                (home / HOLD).unlink()
            assert run_sweep(sweeping.job, request)
    logs = [(run.folder / layout.LOG).read_text() for run in store.list_runs()]
    assert [log.count("begins at epoch 0") for log in logs] == [1, 1]
    assert [log.count("begins at epoch 1") for log in logs] == [1, 1]
    assert [runs_below(home) for home in homes] == [[], []]


def state_of(home: Path) -> str:
    (folder,) = runs_below(home)
    return Progress.read(folder).state
