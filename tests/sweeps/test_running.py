"""Sweeps on this machine, with trainings in processes of their own that train nothing."""

import sys
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from fer.errors import SweepError
from fer.jobs.job import DONE, STOPPED
from fer.runs import control, layout, store
from fer.sweeps import worker
from fer.sweeps.job import Request, SweepJob, delete_sweep, find_sweep, list_sweeps, open_sweep
from fer.sweeps.results import cells, results_of_sweep
from fer.sweeps.running import Told, run_sweep
from tests.support.fake_training import DEADLY, HOLD, OUT_OF_MEMORY
from tests.support.run_folders import wait_until
from tests.support.sweeps import BASE, asked, swept

pytestmark = [pytest.mark.usefixtures("fake_trainings"), pytest.mark.timeout(600)]

# Enough for a machine that does much else.
PATIENCE_SECONDS = 120


def began(run_id: str) -> list[str]:
    """Return at which epoch a run began, each time."""
    log = (layout.run_folder(run_id) / layout.LOG).read_text()
    return [line.rpartition(" ")[2] for line in log.splitlines() if "begins at epoch" in line]


def test_all_combinations_are_trained_and_summarised() -> None:
    job = swept(asked("learning_rate=0.1,0.2"))
    runs = store.list_runs()
    chosen = Counter((config.learning_rate, config.seed) for config in (store.read_config(run.id) for run in runs))
    assert chosen == Counter([(0.1, 0), (0.1, 1), (0.2, 0), (0.2, 1)])
    assert {run.origin.sweep for run in runs} == {job.id} and job.progress().state == DONE
    slow, fast = results_of_sweep(job)
    assert (fast.split, fast.metrics["accuracy"].mean) == ("test", pytest.approx(0.705))
    assert fast.metrics["accuracy"].sd == pytest.approx(0.01 / 2**0.5)
    assert cells(slow) == {
        "Settings": "learning rate 0.1",
        "Accuracy": "60.5 ± 0.7 %",
        "Macro F1": "0.505 ± 0.007",
        "Log loss": "1.395 ± 0.007",
        "Time": "11 s",
        "Done": "2 of 2",
    }


def test_what_is_done_is_not_repeated_and_more_seeds_add_to_it() -> None:
    job = swept(asked("learning_rate=0.1", seeds=1))
    before = [run.id for run in store.list_runs()]
    assert swept(asked("learning_rate=0.1", seeds=1)).id == job.id
    assert [run.id for run in store.list_runs()] == before
    more = swept(asked("learning_rate=0.1", seeds=2))
    assert more.id != job.id and len(store.list_runs()) == 2
    assert cells(results_of_sweep(more)[0])["Done"] == "2 of 2"


def test_one_that_fails_does_not_end_the_others() -> None:
    told: list[Told] = []
    job = swept(asked(f"dropout={OUT_OF_MEMORY},0.1", seeds=1), tell=told.append)
    failed, done = results_of_sweep(job)
    assert failed.failures[0].startswith("Memory ran out") and not failed.done
    assert len(done.done) == 1 and cells(failed)["Done"] == "0 of 1, 1 failed"
    assert [outcome.failure is None for one in told for outcome in one.ended] == [False, True]


def test_one_whose_process_ends_is_resumed_from_its_checkpoint_and_then_given_up() -> None:
    job = swept(asked(f"dropout={DEADLY}", seeds=1))
    (failed,) = results_of_sweep(job)
    assert failed.failures[0].startswith("Its process ended unexpectedly 3 times")
    (run,) = store.list_runs()
    assert began(run.id) == ["0", "1", "1"]


class Running:
    """A sweep in a thread of its own, which ends before the block does."""

    def __init__(self, request: Request) -> None:
        self.job = open_sweep(request)
        self.told: list[Told] = []
        self.thread = threading.Thread(target=run_sweep, args=(self.job, request, self.told.append))

    def __enter__(self) -> "Running":
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        if any(error):
            self.job.ask_to_stop()
        self.thread.join(PATIENCE_SECONDS)
        assert not self.thread.is_alive()


def in_second_epoch() -> list[str]:
    return [run.id for run in store.list_runs() if run.state == "running" and run.progress.epoch == 1]


def test_stopping_stops_the_running_one_and_resuming_continues_it(fake_trainings: Path) -> None:
    (fake_trainings / HOLD).touch()
    request = asked(seeds=2)
    with Running(request) as running:
        wait_until(in_second_epoch, PATIENCE_SECONDS)
        with pytest.raises(SweepError, match="is already running"):
            run_sweep(running.job, request)
        running.job.ask_to_stop()
    assert running.job.progress().state == STOPPED
    (run,) = store.list_runs()
    assert run.state == "stopped"
    (fake_trainings / HOLD).unlink()
    assert run_sweep(running.job, request)
    assert began(run.id) == ["0", "1"]
    assert [one.state for one in store.list_runs()] == ["finished", "finished"]


def test_a_stop_while_it_starts_counts_and_a_new_start_forgets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    request = asked(seeds=1)
    job = open_sweep(request)
    # The process that starts ends at once; this one does its work when it has seen the stop.
    monkeypatch.setattr(SweepJob, "worker", "this")
    monkeypatch.setattr(sys, "argv", ["worker", str(job.folder)])
    job.start(request)
    job.ask_to_stop()
    worker.main()
    assert job.progress().state == STOPPED and store.list_runs() == []
    job.start(request)
    assert not job.stopping
    worker.main()
    assert [run.state for run in store.list_runs()] == ["finished"] and job.progress().state == DONE


def test_starting_one_that_is_stopping_does_not_forget_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    request = asked(seeds=1)
    job = open_sweep(request)
    job.ask_to_stop()
    monkeypatch.setattr(SweepJob, "running", True)
    job.start(request)
    assert job.stopping


def test_several_at_once_train_together_and_a_run_of_its_own_waits(fake_trainings: Path) -> None:
    (fake_trainings / HOLD).touch()
    with Running(asked(seeds=3, workers=2)):
        wait_until(lambda: len(in_second_epoch()) == 2, PATIENCE_SECONDS)
        own = control.start(replace(BASE, seed=9))
        assert [run.state for run in store.active_runs()].count("running") == 2
        assert store.read_run(own).state == "queued"
        (fake_trainings / HOLD).unlink()
    wait_until(lambda: store.read_run(own).state == "finished", PATIENCE_SECONDS)


def test_a_training_that_another_sweep_has_begun_is_awaited(fake_trainings: Path) -> None:
    (fake_trainings / HOLD).touch()
    with Running(asked(seeds=1)), Running(asked(seeds=2)) as second:
        wait_until(lambda: second.told and second.told[-1].text.partition("1 running")[1], PATIENCE_SECONDS)
        (fake_trainings / HOLD).unlink()
    assert len(store.list_runs()) == 2
    assert cells(results_of_sweep(second.job)[0])["Done"] == "2 of 2"


def test_a_run_of_its_own_with_the_same_settings_stays_out_of_the_sweep(fake_trainings: Path) -> None:
    (fake_trainings / HOLD).touch()
    own = control.start(replace(BASE, seed=0))
    wait_until(in_second_epoch, PATIENCE_SECONDS)
    with Running(asked(seeds=1)) as running:
        wait_until(lambda: running.told and running.told[-1].text.partition("1 running")[1], PATIENCE_SECONDS)
        running.job.ask_to_stop()
    assert {run.origin.sweep: run.state for run in store.list_runs()} == {"": "running", running.job.id: "stopped"}
    (fake_trainings / HOLD).unlink()
    assert swept(asked(seeds=1)).id == running.job.id
    assert cells(results_of_sweep(running.job)[0])["Done"] == "1 of 1"
    wait_until(lambda: store.read_run(own).state == "finished", PATIENCE_SECONDS)
    assert began(own) == ["0"]


def test_a_sweep_is_deleted_without_its_runs() -> None:
    job = swept(asked(seeds=1))
    assert find_sweep(job.id).find_request().name == "Same settings on synthetic, 1 seed"
    delete_sweep(job)
    assert list_sweeps() == [] and len(store.list_runs()) == 1
    with pytest.raises(SweepError, match="There is no sweep"):
        find_sweep(job.id)
