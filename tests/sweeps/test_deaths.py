"""Workers of a scheduler that vanish with their training. Stand-ins take the place of Dask's client and futures."""

from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

import pytest

from fer.sweeps import remote
from fer.sweeps.identity import Sources, Training
from fer.sweeps.places import Outcome, Reached, in_words
from fer.sweeps.remote import DIED, There
from fer.sweeps.there import Known
from tests.support.sweeps import BASE

TRAINING = Training("a" * 32, "seed 0", BASE)


class Task:
    """A future that never has a result: it waits until its worker has died, or somebody cancels it."""

    def __init__(self) -> None:
        self.over = False

    def done(self) -> bool:
        return self.over

    def cancel(self) -> None:
        self.over = True

    def result(self, timeout: float) -> None:
        raise CancelledError


class Scheduler:
    """A client whose workers are what a test says."""

    status = "running"

    def __init__(self) -> None:
        self.present: set[str] = set()
        self.tasks: list[tuple[str, Task]] = []
        self.hear: Callable[[Any], None] = lambda event: None

    def subscribe_topic(self, topic: str, hear: Callable[[Any], None]) -> None:
        self.hear = hear

    def nthreads(self) -> dict[str, int]:
        return dict.fromkeys(self.present, 1)

    def run(self, function: Callable[..., Any], *, workers: list[str], on_error: str) -> dict[str, Known]:
        return {address: Known(f"home of {address}", frozenset()) for address in workers}

    def submit(self, function: Callable[..., Any], order: Any, *, workers: list[str], **options: Any) -> Task:
        self.tasks.append((workers[0], Task()))
        return self.tasks[-1][1]

    def cancel(self, futures: list[Task]) -> None:
        for future in futures:
            future.cancel()

    @property
    def addresses(self) -> list[str]:
        """Return who was given the training, in order."""
        return [address for address, _ in self.tasks]


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Scheduler:
    monkeypatch.setattr(remote, "_LOOK_SECONDS", 0.0)
    # No worker comes back.
    monkeypatch.setattr(remote, "_RETURN_SECONDS", -1.0)
    return Scheduler()


def begun(scheduler: Scheduler) -> There:
    """Return the workers of a sweep, the first of which has the training."""
    place = There(scheduler, "sweep", Sources())
    scheduler.present = {"first"}
    assert place.begin([TRAINING]) is TRAINING
    return place


def test_a_training_is_given_up_after_three_workers_have_vanished_with_it(scheduler: Scheduler) -> None:
    place = begun(scheduler)
    for address in ("second", "third"):
        scheduler.present = {address}
        assert place.poll() == [] and place.running == 1
    scheduler.present = {"fourth"}
    assert place.poll() == [Outcome(TRAINING, DIED)]
    assert scheduler.addresses == ["first", "second", "third"] and place.running == 0


def test_deaths_that_the_scheduler_tells_count_as_well(scheduler: Scheduler) -> None:
    place = begun(scheduler)
    outcomes = []
    for _ in range(6):
        scheduler.tasks[-1][1].over = True
        outcomes += place.poll()
    assert outcomes == [Outcome(TRAINING, DIED)] and scheduler.addresses == ["first"] * 3


def test_a_sweep_that_was_stopped_gives_nothing_to_another_worker(scheduler: Scheduler) -> None:
    place = begun(scheduler)
    place.stop()
    scheduler.present = {"second"}
    (outcome,) = place.poll()
    assert outcome.stopped and scheduler.addresses == ["first"] and place.running == 0


def test_a_scheduler_tells_in_which_epoch_a_training_is() -> None:
    scheduler = Scheduler()
    there = There(scheduler, "sweep", Sources())  # type: ignore[arg-type]
    scheduler.present = {"a"}
    assert there.begin([TRAINING]) == TRAINING
    assert there.reached == []
    scheduler.hear((1.0, [TRAINING.identity, 3, 12, 0.2]))
    # Anybody can write to a topic of Dask, and a training of an earlier sweep may still run.
    for message in (None, "words", [1], [TRAINING.identity, "x", 12, 0.2], ["b" * 32, 5, 12, 0.4], [[], 1, 2, 0.1]):
        scheduler.hear((2.0, message))
    assert there.reached == [Reached(3, 12, 0.2)]


@pytest.mark.parametrize(
    ("reached", "words"),
    [
        ([], ""),
        ([Reached(3, 12, 0.2)], "epoch 3 of 12"),
        ([Reached(3, 12, 0.2), Reached(1, 12, 0.0), Reached(2, 12, 0.1)], "epochs 1 to 3 of 12"),
        ([Reached(3, 12, 0.2), Reached(3, 20, 0.1)], "epoch 3"),
    ],
)
def test_the_epochs_of_trainings_in_words(reached: list[Reached], words: str) -> None:
    assert in_words(reached) == words
