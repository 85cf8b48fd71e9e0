"""A sweep on disk: a job in a folder of its own, which pages and the command line see, stop and continue.

    FER_HOME/sweeps/ID/
        request.json  progress.json  log.txt  lock    see `fer.jobs`
        plan.json      the trainings of each combination of values
        failures.json  the trainings that failed, with their reason
        stop           asks the sweep to stop

Its runs are in FER_HOME/runs. They say which training they are, so a sweep stays true when runs are deleted.
"""

import json
import re
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from msgspec import Meta

from fer import paths
from fer.errors import SweepError
from fer.jobs import job
from fer.jobs.job import REQUEST_FILE
from fer.runs.config import TrainConfig
from fer.runs.making import data_name
from fer.storage.files import read_json, write_json
from fer.storage.schema import Count, Moment, Text, fitting, read_object
from fer.storage.values import ValuesError
from fer.sweeps.grid import Axis, axis_words, grid

PLAN: Final = "plan.json"
FAILURES: Final = "failures.json"
STOP: Final = "stop"
_ID: Final = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


@dataclass(frozen=True)
class Request:
    """What to train, and where.

    Attributes:
        config: the settings that all trainings share, as `TrainConfig.to_json` writes them.
        axes: the settings that vary.
        seeds: trainings per combination of values.
        workers: trainings at once on this machine.
        scheduler: the address of a Dask scheduler; None for this machine.
        tls: the files 'ca', 'cert' and 'key' for the scheduler.
        created: seconds since 1970.
    """

    config: dict[str, Any]
    axes: tuple[Axis, ...]
    seeds: Annotated[int, Meta(ge=1, le=100)]
    workers: Annotated[int, Meta(ge=1, le=1000)] = 1
    scheduler: Text | None = None
    tls: dict[str, Text] = field(default_factory=dict)
    created: Moment = 0.0

    @property
    def base(self) -> TrainConfig:
        """Return the settings that all trainings share.

        Raises:
            ConfigError: they are damaged, or of another version.
        """
        return TrainConfig.from_json(json.dumps(self.config))

    @property
    def name(self) -> str:
        """Return what the sweep varies, in words: 'Learning rate 0.001, 0.002 on fer2013.csv, 3 seeds'."""
        varying = [axis_words(axis) for axis in self.axes if len(axis.values) > 1]
        words = "; ".join(varying) or "Same settings"
        seeds = f"{self.seeds} seeds" if self.seeds > 1 else "1 seed"
        return f"{words[0].upper()}{words[1:]} on {data_name(str(self.config.get('data', '')))}, {seeds}"

    @property
    def trainings(self) -> int:
        """Return how many trainings it has."""
        count = self.seeds
        for axis in self.axes:
            count *= len(axis.values)
        return count

    def same_as(self, other: "Request") -> bool:
        """Return whether the other request asks for the same trainings, wherever they run."""
        return (self.config, self.axes, self.seeds) == (other.config, other.axes, other.seeds)


@dataclass(frozen=True)
class Planned:
    """A training as `plan.json` has it."""

    identity: Text
    seed: Count
    name: Text


@dataclass(frozen=True)
class PlannedPoint:
    """A combination of values in words, and its trainings."""

    words: Text
    trainings: tuple[Planned, ...]


@dataclass(frozen=True)
class Plan:
    """The trainings of a sweep."""

    points: tuple[PlannedPoint, ...]

    @property
    def identities(self) -> tuple[str, ...]:
        """Return what identifies the trainings."""
        return tuple(one.identity for point in self.points for one in point.trainings)


class SweepJob(job.Job):
    """A sweep in its folder."""

    worker = "fer.sweeps.worker"
    noun = "sweep"
    again = "Resume it to continue."
    error: ClassVar = SweepError

    def find_request(self) -> Request | None:
        """Return what to train, or None if it can't be read."""
        try:
            return fitting(read_object(self.folder / REQUEST_FILE), Request)
        except (FileNotFoundError, ValuesError):
            return None

    def read_request(self) -> Request:
        """Return what to train.

        Raises:
            SweepError: it can't be read.
        """
        request = self.find_request()
        if request is None:
            raise SweepError(f"The sweep {self.id} is damaged; delete its folder {self.folder} and start a new one.")
        return request

    def start(self, request: Request) -> None:
        """Start or continue the sweep in a process of its own.

        Raises:
            SweepError: it can't be started.
        """
        self.begin(asdict(request))

    def _ask(self, request: dict[str, Any]) -> None:
        # Before there is a process: a stop from then on counts.
        (self.folder / STOP).unlink(missing_ok=True)
        super()._ask(request)

    def plan(self) -> Plan | None:
        """Return the trainings, or None if they aren't known yet."""
        try:
            return fitting(read_object(self.folder / PLAN), Plan)
        except (FileNotFoundError, ValuesError):
            return None

    def write_plan(self, plan: Plan) -> None:
        """Write the trainings down."""
        write_json(self.folder / PLAN, asdict(plan))

    def failures(self) -> dict[str, str]:
        """Return why trainings failed, by what identifies them."""
        found = read_json(self.folder / FAILURES)
        return {identity: reason for identity, reason in found.items() if isinstance(reason, str)}

    def write_failures(self, failures: Mapping[str, str]) -> None:
        """Write down why trainings failed."""
        write_json(self.folder / FAILURES, dict(failures))

    @property
    def stopping(self) -> bool:
        """Return whether it was asked to stop."""
        return (self.folder / STOP).exists()

    def ask_to_stop(self) -> None:
        """Ask the sweep to stop its trainings after their step, and itself; it can be continued.

        Raises:
            SweepError: its folder can't be written.
        """
        try:
            (self.folder / STOP).touch()
        except OSError as error:
            raise self._unwritable("can't be stopped", error) from error


def sweeps_dir() -> Path:
    """Return the folder of sweeps, `sweeps` under `FER_HOME`; it may not exist yet."""
    return paths.home() / "sweeps"


def list_sweeps() -> list[SweepJob]:
    """Return all sweeps, the newest first."""
    files = sweeps_dir().glob(f"*/{REQUEST_FILE}")
    return [SweepJob(file.parent) for file in sorted(files, reverse=True) if _ID.fullmatch(file.parent.name)]


def find_sweep(sweep_id: str) -> SweepJob:
    """Return a sweep.

    Raises:
        SweepError: there is no such sweep.
    """
    if not _ID.fullmatch(sweep_id) or not (sweeps_dir() / sweep_id / REQUEST_FILE).is_file():
        raise SweepError(f"There is no sweep '{sweep_id[:80]}'; '{paths.typed('runs')}' lists them.")
    return SweepJob(sweeps_dir() / sweep_id)


def request_for(base: TrainConfig, axes: Sequence[Axis], seeds: int, **where: Any) -> Request:
    """Return a checked request.

    Args:
        base: the settings that all trainings share.
        axes: the settings that vary.
        seeds: trainings per combination.
        where: `workers`, or `scheduler` and `tls`.

    Raises:
        SweepError, ConfigError: see `fer.sweeps.grid.grid`.
    """
    grid(base, axes, seeds)
    # As JSON has it, so that it equals what is read from the folder.
    values = json.loads(json.dumps(asdict(Request(asdict(base), tuple(axes), seeds, created=time.time(), **where))))
    return fitting(values, Request)


def open_sweep(request: Request) -> SweepJob:
    """Return the sweep of a request: the one with the same trainings if there is one, else a new one.

    Raises:
        SweepError: its folder can't be written.
    """
    for found in list_sweeps():
        before = found.find_request()
        if before is not None and before.same_as(request):
            return found
    made = SweepJob(sweeps_dir() / f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}")
    made.ask(asdict(request))
    return made


def delete_sweep(found: SweepJob) -> None:
    """Delete a sweep. Its runs stay.

    Raises:
        SweepError: it is running, or its folder can't be deleted.
    """
    if found.running:
        raise SweepError("This sweep is running; stop it before deleting it.")
    try:
        shutil.rmtree(found.folder)
    except OSError as error:
        raise SweepError(f"{found.folder} can't be deleted ({error.strerror}); delete the folder by hand.") from error


def describe(found: SweepJob) -> str:
    """Return a sweep's name, or that it is damaged."""
    request = found.find_request()
    return "A damaged sweep" if request is None else request.name
