"""A sweep on the workers of a Dask scheduler: who trains what, and what happens when a worker dies.

This decides where each training runs, not Dask: a training belongs on the machine that has its checkpoint, and a
machine trains one at a time.
"""

import secrets
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from distributed import Client, Future
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker

from fer.batch.cluster import Workers, connected
from fer.errors import FerError, SweepError, sentence_for
from fer.sweeps import there
from fer.sweeps.cargo import Package, package_faces, package_model, unpack_run
from fer.sweeps.identity import Sources, Training
from fer.sweeps.job import Request, SweepJob
from fer.sweeps.places import Outcome, Reached

_LOOK_SECONDS: Final = 2.0
_RESULT_SECONDS: Final = 60.0
# A program that watches over a worker starts it again within this time.
_RETURN_SECONDS: Final = 15.0
_MOST_DEATHS: Final = 3
_MOST_REFUSALS: Final = 2
DIED: Final = (
    "Each worker that trained it ended, perhaps because memory ran out. Choose a smaller batch size, or machines with "
    "more memory."
)


@dataclass
class _Task:
    """A training that was given to workers, and what has happened to it."""

    training: Training
    deaths: int = 0
    refusals: int = 0
    refused_by: set[str] = field(default_factory=set)
    address: str = ""
    future: Future | None = None
    lost: float | None = None


class There:
    """The workers of a scheduler.

    Args:
        client: a client of the scheduler.
        sweep: the id of the sweep.
        sources: the faces and models that trainings need.
    """

    def __init__(self, client: Client, sweep: str, sources: Sources) -> None:
        self._client, self._sweep, self._sources = client, sweep, sources
        self._known: dict[str, there.Known] = {}
        self._packages: dict[str, Package] = {}
        self._tasks: list[_Task] = []
        self._looked = -_LOOK_SECONDS
        self._stopped = False
        self._token, self._submitted = secrets.token_hex(4), 0
        self._reached: dict[str, Reached] = {}
        client.subscribe_topic(there.topic_of(sweep), self._hear)

    @property
    def running(self) -> int:
        """Return how many trainings workers have, also those whose worker has just died."""
        return len(self._tasks)

    @property
    def reached(self) -> list[Reached]:
        """Return how far the running trainings are, as their workers told at the beginning of the epoch."""
        names = (task.training.identity for task in self._tasks)
        return [self._reached[name] for name in names if name in self._reached]

    def _hear(self, event: tuple[float, Any]) -> None:
        """Note how far a training is. Dask calls this from a thread of its own."""
        with suppress(TypeError, ValueError):  # anybody may write to a topic
            _, (identity, epoch, epochs, share) = event
            self._reached[identity] = Reached(int(epoch), int(epochs), min(1.0, max(0.0, float(share))))

    @property
    def workers(self) -> int:
        """Return how many machines are there."""
        return len({known.home for known in self._known.values()})

    def begin(self, waiting: Sequence[Training]) -> Training | None:
        """Give one of these trainings to an idle machine, if possible one that has begun it."""
        self._look()
        for address in self._idle():
            own = [one for one in waiting if one.identity in self._known[address].trainings]
            elsewhere = {identity for known in self._known.values() for identity in known.trainings}
            new = [one for one in waiting if one.identity not in elsewhere]
            for training in (*own, *new, *waiting)[:1]:
                task = _Task(training)
                self._tasks.append(task)
                self._submit(task, address)
                return training
        return None

    def poll(self) -> list[Outcome]:
        """Return the outcomes of trainings that have ended since the last call."""
        self._look()
        outcomes: list[Outcome | None] = []
        if not self._stopped:
            outcomes += [self._ended(task, DIED) for task in list(self._tasks) if task.deaths >= _MOST_DEATHS]
            for task in self._tasks:
                if task.future is None:
                    self._find_place(task)
        ended = [task for task in self._tasks if task.future is not None and task.future.done()]
        outcomes += [self._settle(task) for task in ended]
        if self._stopped:
            outcomes += [Outcome(task.training, "It was stopped.", stopped=True) for task in self._tasks]
            self._tasks = []
        return [outcome for outcome in outcomes if outcome is not None]

    def stop(self) -> None:
        """Tell the workers that nobody waits any more: they stop their trainings after their step."""
        self._stopped = True
        with suppress(Exception):  # the connection may be the reason to stop
            self._client.cancel([task.future for task in self._tasks if task.future is not None])

    def _look(self) -> None:
        """See which workers are there, and which have gone."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        try:
            present = set(self._client.nthreads())
            new = sorted(present - self._known.keys())
            told = self._client.run(there.introduce, workers=new, on_error="return") if new else {}
        except (OSError, TimeoutError) as error:
            raise SweepError(_GONE) from error
        if self._client.status not in ("running", "connecting"):
            raise SweepError(_GONE)
        for answer in told.values():
            if isinstance(answer, ImportError | AttributeError):
                raise SweepError(
                    f"The workers can't import this program ({answer}). Install the same version of fer on them."
                ) from answer
        self._known = {address: known for address, known in self._known.items() if address in present}
        self._known |= {address: known for address, known in told.items() if isinstance(known, there.Known)}
        for task in self._tasks:
            if task.future is not None and task.address not in present:
                self._lose(task)

    def _idle(self) -> list[str]:
        busy = {self._known[task.address].home for task in self._tasks if task.address in self._known}
        found: dict[str, str] = {}
        for address, known in self._known.items():
            if known.home not in busy:
                found.setdefault(known.home, address)
        return list(found.values())

    def _submit(self, task: _Task, address: str) -> None:
        self._submitted += 1
        training = task.training
        order = there.Order(self._sweep, training.identity, training.name, training.config, training.needs)
        # A new key for each attempt: a scheduler remembers what came of a key.
        key = f"fer-sweep-{training.identity}-{self._token}-{self._submitted}"
        task.address, task.lost = address, None
        task.future = self._client.submit(there.train, order, key=key, pure=False, workers=[address])

    def _lose(self, task: _Task) -> None:
        """Note that a task's worker has died. `poll` begins the task again, or gives it up."""
        if task.future is not None:
            with suppress(Exception):  # the scheduler may have forgotten it
                task.future.cancel()
        task.future, task.address, task.lost = None, "", time.monotonic()
        task.deaths += 1

    def _find_place(self, task: _Task) -> None:
        """Begin a task again: on the machine with its checkpoint if that comes back, else on any."""
        # The one that refused it may be the only one left.
        others = bool(self._known.keys() - task.refused_by)
        idle = [address for address in self._idle() if not others or address not in task.refused_by]
        own = [address for address in idle if task.training.identity in self._known[address].trainings]
        waited = task.lost is None or time.monotonic() - task.lost > _RETURN_SECONDS
        for address in (own or (idle if waited else []))[:1]:
            self._submit(task, address)

    def _settle(self, task: _Task) -> Outcome | None:
        """Return the outcome of a task, or None if it isn't done."""
        assert task.future is not None
        try:
            answer: there.Answer = task.future.result(timeout=_RESULT_SECONDS)
        except (KilledWorker, CancelledError, TimeoutError, CommClosedError):
            self._lose(task)
            return None
        except Exception as error:
            return self._refused(task, error)
        if answer.missing:
            self._send(task, answer.missing)
            return None
        if answer.run is not None:
            unpack_run(answer.run, answer.run_id, task.training, self._sweep)
            if answer.failure is None:
                self._client.run(there.forget, answer.run_id, workers=[task.address], on_error="ignore")
        return self._ended(task, answer.failure, answer.stopped)

    def _refused(self, task: _Task, error: Exception) -> Outcome | None:
        """Try a task that a machine can't begin on another one, if there is one."""
        task.refusals += 1
        task.refused_by = {task.address}
        if task.refusals >= _MOST_REFUSALS or not self._known.keys() - task.refused_by:
            return self._ended(task, sentence_for(error))
        task.future, task.address = None, ""
        return None

    def _ended(self, task: _Task, failure: str | None, stopped: bool = False) -> Outcome:
        self._tasks.remove(task)
        return Outcome(task.training, failure, stopped)

    def _send(self, task: _Task, missing: Sequence[str]) -> None:
        """Send a worker what it lacks, and have it begin."""
        try:
            for key in missing:
                self._client.run(there.accept, self._package(key), workers=[task.address])
        except FerError:
            raise
        except Exception:  # the worker has gone meanwhile
            self._lose(task)
            return
        self._submit(task, task.address)

    def _package(self, key: str) -> Package:
        if key not in self._packages:
            faces = self._sources.datasets.get(key)
            self._packages[key] = (
                package_model(key, self._sources.models[key]) if faces is None else package_faces(key, faces)
            )
        return self._packages[key]


_GONE: Final = (
    "The connection to the scheduler was lost. Nothing that was finished is lost: run the same command again."
)


@contextmanager
def workers_of(job: SweepJob, request: Request, sources: Sources) -> Iterator[There]:
    """Yield the workers of a sweep's scheduler.

    Raises:
        BatchError: it can't be reached, or the address isn't one.
    """
    with connected(Workers(scheduler=request.scheduler, tls=request.tls), {}) as (client, _):
        yield There(client, job.id, sources)
