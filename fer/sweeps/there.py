"""What a worker of a scheduler does for a sweep: each function here is called on the worker.

A worker trains as its own machine does: a run in a process of its own, among the runs of its FER_HOME. If the worker
dies, the run continues or leaves its checkpoint, and the next worker on that machine takes it up.
"""

import platform
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass, field, replace
from typing import Any, Final

from distributed import get_worker

from fer import paths
from fer.errors import RunError
from fer.runs import control, layout
from fer.runs.config import TrainConfig
from fer.runs.progress import FINISHED, STOPPED
from fer.runs.small_files import SweepOrigin
from fer.sweeps.attendance import Attendance, failure_of, runs_by_training, stop_unattended
from fer.sweeps.cargo import Package, pack_run, receive, received
from fer.sweeps.job import PLAN, sweeps_dir
from fer.sweeps.places import Reached

_POLL_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Order:
    """A training to do.

    Attributes:
        sweep: the id of the sweep.
        identity: what identifies the training.
        name: the name of its run.
        config: its settings on the machine of the sweep.
        needs: by setting, what identifies the faces or models that it names; the worker puts its own paths there.
    """

    sweep: str
    identity: str
    name: str
    config: TrainConfig
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What came of an order.

    Attributes:
        missing: what the worker has to be sent before it can begin; the rest is empty then.
        run_id: the run.
        failure: why it isn't done, in one sentence; None if it is done.
        stopped: whether it was stopped.
        run: the files of the run; None if it is among the runs of the sweep's own machine.
    """

    missing: tuple[str, ...] = ()
    run_id: str = ""
    failure: str | None = None
    stopped: bool = False
    run: bytes | None = None


@dataclass(frozen=True)
class Known:
    """What a worker says of itself.

    Attributes:
        home: the same for workers that share a folder of runs, where one run trains at a time.
        trainings: those that it has runs of.
    """

    home: str
    trainings: frozenset[str]


def topic_of(sweep: str) -> str:
    """Return the topic under which workers tell how far the trainings of a sweep are.

    A message has what identifies a training, and the fields of `Reached`.
    """
    return f"fer-sweep-{sweep}"


def introduce() -> Known:
    """Return what this worker has."""
    return Known(f"{platform.node()}:{paths.runs_dir()}", frozenset(runs_by_training()))


def accept(package: Package) -> None:
    """Store what trainings need."""
    receive(package)


def train(order: Order) -> Answer:
    """Do a training, or continue it, and return its run.

    Raises:
        FerError: it can't be started on this machine.
    """
    is_own = (sweeps_dir() / order.sweep / PLAN).exists()
    keys = [key for several in order.needs.values() for key in several]
    missing = () if is_own else tuple(key for key in keys if received(key) is None)
    if missing:
        return Answer(missing)
    stop_unattended(order.identity)
    config = order.config if is_own else _with_own_paths(order)
    attendance = Attendance(config, order.name, SweepOrigin(order.identity, order.sweep))
    told: Reached | None = None
    while (run := attendance.poll()) is None:
        reached = Reached.of(attendance.progress())
        if reached is not None and (told is None or reached.epoch != told.epoch):
            told = reached
            get_worker().log_event(topic_of(order.sweep), [order.identity, *astuple(reached)])
        if not _is_wanted() and not attendance.stop_asked:
            attendance.stop()
        time.sleep(_POLL_SECONDS)
    stopped = run.state == STOPPED or attendance.stop_asked
    sent = None if is_own or stopped else pack_run(run.folder)
    return Answer((), run.id, failure_of(run), stopped and run.state != FINISHED, sent)


def forget(run_id: str) -> None:
    """Delete a run that the sweep's machine has now."""
    with suppress(RunError):
        layout.run_folder(run_id)
        control.delete(run_id)


def _with_own_paths(order: Order) -> TrainConfig:
    """Return the settings with this machine's folders of faces and models."""
    own = {name: tuple(str(received(key)) for key in keys) for name, keys in order.needs.items()}
    changes: dict[str, Any] = {name: places for name, places in own.items() if name != "data"}
    if "data" in own:
        # Votes, label order and corrections are part of what was sent.
        changes |= {"data": own["data"][0], "votes": None, "labels": None, "corrections": False}
    return replace(order.config, **changes)


def _is_wanted() -> bool:
    """Return whether the sweep still waits for this task. It doesn't if its process has ended, however that ended."""
    worker = get_worker()
    task = worker.state.tasks.get(worker.get_current_task())
    return task is not None and task.state in ("executing", "long-running")
