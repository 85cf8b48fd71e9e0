"""Run a sweep from its request to its end, in this process: that of the command line, or the job's own."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Final

from filelock import FileLock, Timeout

from fer.errors import FerError, SweepError
from fer.jobs.job import DONE, FAILED, LOCK_FILE, STOPPED
from fer.jobs.worker import Reporter
from fer.runs.checks import require_startable
from fer.runs.config import TrainConfig
from fer.runs.progress import FINISHED
from fer.storage.ending import obeying
from fer.sweeps.attendance import runs_by_training
from fer.sweeps.grid import grid
from fer.sweeps.identity import Sources, Training, trainings_of
from fer.sweeps.job import Plan, Planned, PlannedPoint, Request, SweepJob
from fer.sweeps.places import Here, Outcome, Place, in_words

_POLL_SECONDS: Final = 0.5
# Who looks whether the lock is held has it for a moment.
_LOCK_SECONDS: Final = 3
_TRAINING: Final = "training"


@dataclass(frozen=True)
class Told:
    """What a sweep tells while it runs.

    Attributes:
        text: what it does, for people.
        share: the share that is done, 0..1.
        ended: trainings that have ended since it was told last.
    """

    text: str
    share: float
    ended: tuple[Outcome, ...] = ()


@dataclass
class _State:
    """How far a sweep is."""

    total: int = 0
    done: int = 0
    stopped: bool = False
    left: bool = False
    failures: dict[str, str] = field(default_factory=dict)


def _tell_nobody(told: Told) -> None:
    """Ignore what a sweep tells."""


def run_sweep(job: SweepJob, request: Request, tell: Callable[[Told], None] = _tell_nobody) -> bool:
    """Run a sweep, or continue it: trainings that are done aren't repeated.

    If this process ends in any way, the same call continues.

    Args:
        job: its folder.
        request: what to train.
        tell: told what is done, at least every half second.

    Returns:
        Whether it came to its end; False if it, or one of its trainings, was stopped.

    Raises:
        SweepError: it is already running, its values don't fit, or the workers are gone.
        FerError: the data or models can't be loaded, or a setting can't work here.
        KeyboardInterrupt: somebody pressed Ctrl+C; the running trainings stop after their step.
    """
    with _only_one(job):
        job.ask(asdict(request))
        return _reported(job, request, tell)


def run_started(job: SweepJob) -> bool:
    """Run a sweep that `SweepJob.start` has asked for. If it was asked to stop since then, it trains nothing.

    Returns:
        Whether it came to its end, as for `run_sweep`.

    Raises:
        SweepError, FerError: as for `run_sweep`, or the request can't be read.
    """
    with _only_one(job):
        return _reported(job, job.read_request(), _tell_nobody)


def _reported(job: SweepJob, request: Request, tell: Callable[[Told], None]) -> bool:
    """Run a sweep and write its progress, also when it ends with an error."""
    report = Reporter(job, paced=_TRAINING)
    try:
        stopped = _Run(job, request, report, tell).run()
    except FerError as error:
        report.end(FAILED, str(error))
        raise
    except KeyboardInterrupt:
        report.end(STOPPED)
        raise
    except BaseException:
        report.end(FAILED, job.unexpected)
        raise
    report.end(STOPPED if stopped else DONE)
    return not stopped


@contextmanager
def _only_one(job: SweepJob) -> Iterator[None]:
    lock = FileLock(job.folder / LOCK_FILE, timeout=_LOCK_SECONDS, is_singleton=False)
    try:
        lock.acquire()
    except Timeout:
        raise SweepError(f"The sweep {job.id} is already running; wait for it, or stop it on the page.") from None
    try:
        # Stopped by force on a page of another container.
        with obeying(job.folder):
            yield
    finally:
        lock.release()


class _Run:
    def __init__(self, job: SweepJob, request: Request, report: Reporter, tell: Callable[[Told], None]) -> None:
        self._job, self._request = job, request
        self._report, self._tell = report, tell
        self._state = _State()

    def run(self) -> bool:
        """Run all trainings that aren't done, and return whether some were stopped."""
        self._say("loading", "Loading the data", 0.0)
        sources = Sources()
        trainings = self._plan(sources)
        self._state.total = len(trainings)
        done = {identity for identity, run in runs_by_training().items() if run.state == FINISHED}
        todo = [one for one in trainings if one.identity not in done]
        self._state.done = len(trainings) - len(todo)
        if todo:
            with _place(self._job, self._request, sources) as place:
                self._train(todo, place)
        return self._state.stopped or self._state.left

    def _plan(self, sources: Sources) -> list[Training]:
        points = grid(self._request.base, self._request.axes, self._request.seeds)
        require_all_startable([point.configs[0] for point in points], self._request)
        planned = [(point, trainings_of(point, sources)) for point in points]
        self._job.write_plan(
            Plan(
                tuple(
                    PlannedPoint(point.words, tuple(Planned(one.identity, one.seed, one.name) for one in trainings))
                    for point, trainings in planned
                )
            )
        )
        self._job.write_failures({})
        trainings = [one for _, several in planned for one in several]
        twice = [identity for identity, number in Counter(one.identity for one in trainings).items() if number > 1]
        if twice:
            raise SweepError("Two of the values lead to the same training; give each value once.")
        return trainings

    def _train(self, todo: list[Training], place: Place) -> None:
        waiting = list(todo)
        self._told(place, [])
        try:
            while waiting or place.running:
                self._obey(place, waiting)
                while (begun := place.begin(waiting)) is not None:
                    waiting.remove(begun)
                ended = place.poll()
                for outcome in ended:
                    self._count(outcome)
                self._told(place, ended)
                if not ended:
                    time.sleep(_POLL_SECONDS)
        except BaseException:
            place.stop()
            raise

    def _obey(self, place: Place, waiting: list[Training]) -> None:
        """Stop if the sweep was asked to."""
        if self._job.stopping and not self._state.stopped:
            self._state.stopped = True
            place.stop()
        if self._state.stopped:
            waiting.clear()

    def _count(self, outcome: Outcome) -> None:
        if outcome.failure is None:
            self._state.done += 1
        elif outcome.stopped:
            self._state.left = True
        else:
            self._state.failures[outcome.training.identity] = outcome.failure
            self._job.write_failures(self._state.failures)

    def _told(self, place: Place, ended: list[Outcome]) -> None:
        state, reached = self._state, place.reached
        parts = [f"{state.done} of {state.total} trainings done"]
        if state.failures:
            parts.append(f"{len(state.failures)} failed")
        if state.stopped:
            parts.append("stopping")
        elif place.running:
            epochs = in_words(reached)
            parts.append(f"{place.running} running" + (f" ({epochs})" if epochs else ""))
        elif not place.workers:
            parts.append("waiting for workers")
        share = (state.done + len(state.failures) + sum(one.share for one in reached)) / max(1, state.total)
        self._say(_TRAINING, ", ".join(parts), min(1.0, share), ended)

    def _say(self, stage: str, text: str, share: float, ended: list[Outcome] | None = None) -> None:
        self._report(stage, text, share)
        self._tell(Told(text, share, tuple(ended or ())))


def require_all_startable(configs: list[TrainConfig], request: Request) -> None:
    """Check that what the settings name exists and fits, before any training starts.

    Raises:
        ConfigError, BundleError: as `fer.runs.checks.require_startable`. Workers elsewhere have libraries of their own.
    """
    for config in configs:
        require_startable(config, here=request.scheduler is None)


@contextmanager
def _place(job: SweepJob, request: Request, sources: Sources) -> Iterator[Place]:
    if request.scheduler is None:
        yield Here(job.id, request.workers)
        return
    # Late: Dask takes half a second and 30 MB, which one machine doesn't need.
    from fer.sweeps.remote import workers_of

    with workers_of(job, request, sources) as place:
        yield place
