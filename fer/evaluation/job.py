"""Run an evaluation in its own process, which every page can see and stop.

    jobs/KEY/  request.json  progress.json (replaced atomically)  log.txt

The key follows from the models and the faces, so a second request joins the process that is already running. Results
are stored by `fer.evaluation.store` after each model, so a stop loses only the one being evaluated.
"""

import hashlib
import json
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Self

import psutil
from msgspec import Meta

from fer.errors import EvaluationError
from fer.evaluation.evaluation_set import Source
from fer.evaluation.latest import evaluations_dir
from fer.paths import PROGRAM
from fer.storage.files import read_json, write_json
from fer.storage.processes import end_tree, process_of, stamp_of, start_detached
from fer.storage.schema import Count, Seconds, Share, Text, fitting
from fer.storage.values import ValuesError

PROGRESS_FILE: Final = "progress.json"
REQUEST_FILE: Final = "request.json"
LOG_FILE: Final = "log.txt"
RUNNING, DONE, FAILED, STOPPED = "running", "done", "failed", "stopped"
_PATIENCE_SECONDS: Final = 5.0
# Two viewers of one app may press Evaluate at once. The second then finds the first one's job.
_starting: Final = threading.Lock()


@dataclass(frozen=True)
class Request:
    """A request to evaluate one or two models.

    Attributes:
        models: the folders of the bundles.
        source: where the faces come from.
        robustness: whether to measure robustness too.
        names: the names to show for the models; () means the names of the bundles.
    """

    models: tuple[str, ...]
    source: Source
    robustness: bool = False
    names: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the request as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build a request from the values of `to_dict`."""
        models, names = tuple(values["models"]), tuple(values["names"])
        return cls(models, Source.from_dict(values["source"]), bool(values["robustness"]), names)


@dataclass(frozen=True)
class Progress:
    """The progress of a job.

    Attributes:
        state: 'running', 'done', 'failed' or 'stopped'.
        text: what the job is doing, for people.
        share: the share that is done, 0..1.
        seconds_left: estimated time left; None if it isn't known yet.
        error: one sentence if the job failed.
        pid: process id; 0 before the process exists.
        birth: distinguishes the process from a later one with the same pid, see `fer.storage.processes.stamp_of`.
    """

    state: Annotated[str, Meta(pattern="^(running|done|failed|stopped)$")]
    text: Text = ""
    share: Share = 0.0
    seconds_left: Seconds | None = None
    error: Text | None = None
    pid: Count = 0
    birth: Text = ""


class Job:
    """A job in its folder. Any process may look at it or stop it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, model_hashes: Sequence[str], choice: str) -> Self:
        """Return the job for these models and faces, whether or not it was ever started.

        Args:
            model_hashes: `Bundle.hash` of the models, in any order.
            choice: `keys.choice_key` of the source.
        """
        text = json.dumps([sorted(model_hashes), choice])
        return cls(_jobs_dir() / hashlib.sha256(text.encode()).hexdigest()[:20])

    def progress(self) -> Progress | None:
        """Return the progress, or None if the job was never started. A job whose process vanished has failed."""
        progress = self._read()
        if progress is not None and progress.state == RUNNING and _process(progress) is None:
            # The process may have finished between reading its progress and looking for it.
            progress = self._read() or progress
            if progress.state == RUNNING:
                return replace(progress, state=FAILED, error=unexpected(self.folder))
        return progress

    def _read(self) -> Progress | None:
        try:
            return fitting(read_json(self.folder / PROGRESS_FILE), Progress)
        except ValuesError:
            return None

    def start(self, request: Request) -> None:
        """Start the job in its own process, unless it is already running.

        Raises:
            EvaluationError: the folder can't be written, or no process can be started.
        """
        with _starting:
            progress = self.progress()
            if progress is not None and progress.state == RUNNING:
                return
            try:
                self._start(request)
            except OSError as error:
                raise self._unwritable("can't start", error) from error

    def _start(self, request: Request) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / REQUEST_FILE, request.to_dict())
        with (self.folder / LOG_FILE).open("wb") as log:
            command = [sys.executable, "-m", "fer.evaluation.worker", str(self.folder)]
            process = start_detached(command, cwd=PROGRAM, log=log)
        # Until it is waited for, even a process that has already ended is in the process table.
        stamp = stamp_of(psutil.Process(process.pid))
        # Reap the child, or it becomes a zombie.
        threading.Thread(target=process.wait, daemon=True).start()
        self._write(Progress(RUNNING, "Starting", **stamp))

    def stop(self) -> None:
        """Stop the process and everything it started. Finished results stay stored.

        Raises:
            EvaluationError: the process can't be ended, or the folder can't be written.
        """
        progress = self.progress()
        if progress is None or progress.state != RUNNING:
            return
        process = _process(progress)
        try:
            # In a virtual environment on Windows, what was started is a launcher, and Python is its child.
            ended = process is None or end_tree(process, _PATIENCE_SECONDS)
        except (psutil.AccessDenied, PermissionError) as error:
            raise EvaluationError("The evaluation belongs to another user, so you can't stop it.") from error
        if not ended:
            raise EvaluationError(f"The evaluation didn't end; end the process {progress.pid} by hand.")
        try:
            self._write(replace(progress, state=STOPPED, seconds_left=None))
        except OSError as error:
            raise self._unwritable("was stopped, which can't be noted", error) from error

    def _unwritable(self, what: str, error: OSError) -> EvaluationError:
        return EvaluationError(
            f"The evaluation {what} in {self.folder}: {error.strerror or error}. Free some disk space, or set FER_HOME "
            "to another folder."
        )

    def _write(self, progress: Progress) -> None:
        write_json(self.folder / PROGRESS_FILE, asdict(progress))


def running_jobs() -> list[Job]:
    """Return the jobs whose process is alive."""
    jobs = [Job(file.parent) for file in _jobs_dir().glob(f"*/{PROGRESS_FILE}")]
    return [job for job in jobs if (progress := job.progress()) is not None and progress.state == RUNNING]


def _jobs_dir() -> Path:
    return evaluations_dir() / "jobs"


def unexpected(folder: Path) -> str:
    """Return the message for an unexpected error."""
    return f"The evaluation stopped unexpectedly. The reason is in {folder / LOG_FILE}. Press Evaluate to try again."


def _process(progress: Progress) -> psutil.Process | None:
    """Return the process of a job if it is alive."""
    return process_of({"pid": progress.pid, "birth": progress.birth})
