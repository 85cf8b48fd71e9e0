"""Where trainings run. This is this machine; `fer.sweeps.remote` has the workers of a scheduler."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from fer.errors import FerError, sentence_for
from fer.runs import control, store
from fer.runs.progress import INTERRUPTED, STOPPED, Progress
from fer.runs.small_files import SweepOrigin
from fer.sweeps.attendance import Attendance, failure_of
from fer.sweeps.identity import Training


@dataclass(frozen=True)
class Reached:
    """How far a running training is.

    Attributes:
        epoch: the epoch in which it is, from 1.
        epochs: how many it has.
        share: the share of its steps that is done, 0..1.
    """

    epoch: int
    epochs: int
    share: float

    @classmethod
    def of(cls, progress: Progress) -> "Reached | None":
        """Return what a run's progress says, or None before its first epoch."""
        steps = progress.epochs * progress.batches
        if not steps:
            return None
        share = min(1.0, (progress.epoch * progress.batches + progress.batch) / steps)
        return cls(min(progress.epoch + 1, progress.epochs), progress.epochs, share)


def in_words(reached: Sequence[Reached]) -> str:
    """Return in which epochs trainings are: 'epoch 3 of 12', 'epochs 1 to 3 of 12'; '' if none has begun one."""
    if not reached:
        return ""
    first, last = min(one.epoch for one in reached), max(one.epoch for one in reached)
    lengths = {one.epochs for one in reached}
    of = f" of {lengths.pop()}" if len(lengths) == 1 else ""
    return f"epoch {first}{of}" if first == last else f"epochs {first} to {last}{of}"


@dataclass(frozen=True)
class Outcome:
    """How a training ended.

    Attributes:
        training: the training.
        failure: why it isn't done, in one sentence; None if it is done.
        stopped: whether it was stopped and can be continued.
    """

    training: Training
    failure: str | None = None
    stopped: bool = False


class Place(Protocol):
    """Runs trainings."""

    def begin(self, waiting: Sequence[Training]) -> Training | None:
        """Start one of these trainings and return it; None if there is no room."""

    def poll(self) -> list[Outcome]:
        """Return the outcomes of trainings that have ended since the last call."""

    def stop(self) -> None:
        """Ask the running trainings to stop; `poll` returns their outcomes."""

    @property
    def running(self) -> int:
        """Return how many trainings are running."""

    @property
    def reached(self) -> list[Reached]:
        """Return how far the running trainings are that have begun their first epoch."""

    @property
    def workers(self) -> int:
        """Return how many trainings can run at once now."""


class Here:
    """This machine: each training is a run as `fer train` makes it.

    Args:
        sweep: the id of the sweep.
        at_once: how many may run at once; more than one share the cores.
    """

    def __init__(self, sweep: str, at_once: int) -> None:
        self._sweep, self.workers = sweep, at_once
        cores = os.cpu_count() or 1
        self._threads = max(1, cores // at_once) if at_once > 1 else None
        self._running: list[tuple[Training, Attendance]] = []
        self._refused: list[Outcome] = []

    def begin(self, waiting: Sequence[Training]) -> Training | None:
        """Start the first of these trainings, if there is room."""
        if not waiting or len(self._running) >= self.workers:
            return None
        training = waiting[0]
        origin = SweepOrigin(training.identity, self._sweep)
        try:
            attendance = Attendance(training.config, training.name, origin, at_once=self.workers, threads=self._threads)
        except Exception as error:
            self._refused.append(Outcome(training, sentence_for(error)))
        else:
            self._running.append((training, attendance))
        return training

    def poll(self) -> list[Outcome]:
        """Return the outcomes of trainings that have ended since the last call."""
        ended, self._refused = self._refused, []
        for one in list(self._running):
            training, attendance = one
            try:
                run = attendance.poll()
            except FerError as error:
                outcome = Outcome(training, str(error))
            else:
                if run is None:
                    continue
                stopped = run.state == STOPPED or (attendance.stop_asked and run.state == INTERRUPTED)
                outcome = Outcome(training, failure_of(run), stopped)
            self._running.remove(one)
            ended.append(outcome)
        return ended

    def stop(self) -> None:
        """Ask the running trainings to stop after their step."""
        for _, attendance in self._running:
            attendance.stop()
        # Ctrl+C may come while one is being started.
        for run in store.active_runs():
            if run.origin.sweep == self._sweep and not run.stopping:
                with suppress(FerError):
                    control.stop(run.id, ask_only=True)

    @property
    def running(self) -> int:
        """Return how many trainings are running."""
        return len(self._running)

    @property
    def reached(self) -> list[Reached]:
        """Return how far the running trainings are that have begun their first epoch."""
        found = [Reached.of(attendance.progress()) for _, attendance in self._running]
        return [reached for reached in found if reached is not None]
