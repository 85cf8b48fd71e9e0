"""A job in a folder: a process of its own, which every page can see and stop.

    FOLDER/  request.json  progress.json (replaced atomically)  log.txt  lock

A job runs if its process lives: the pid and the birth of the process are part of its progress. A process in another
container can't be seen, but it holds the lock.
"""

import sys
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Self

import psutil
from msgspec import Meta

from fer.errors import FerError
from fer.paths import PROGRAM
from fer.storage.files import read_json, write_json
from fer.storage.locks import is_locked
from fer.storage.processes import end_tree, process_of, stamp_of, start_detached
from fer.storage.schema import Count, Seconds, Share, Text, fitting
from fer.storage.values import ValuesError

PROGRESS_FILE: Final = "progress.json"
REQUEST_FILE: Final = "request.json"
LOG_FILE: Final = "log.txt"
LOCK_FILE: Final = "lock"
RUNNING, DONE, FAILED, STOPPED = "running", "done", "failed", "stopped"
_PATIENCE_SECONDS: Final = 5.0
# Two viewers of one app may start the same job at once. The second then finds the first one's.
_starting: Final = threading.Lock()


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
    """A job in its folder. Any process may look at it or stop it. Each kind of work has a subclass.

    Attributes:
        worker: the module that does the work, run as `python -m MODULE FOLDER`.
        noun: what the work is called, such as 'evaluation'.
        again: what a user does after a failure, such as 'Press Evaluate to try again.'
        error: the exception of this kind of work.
    """

    worker: ClassVar[str]
    noun: ClassVar[str]
    again: ClassVar[str]
    error: ClassVar[type[FerError]]

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def running_in(cls, parent: Path) -> list[Self]:
        """Return the jobs in a folder of jobs whose process is alive."""
        jobs = [cls(file.parent) for file in parent.glob(f"*/{PROGRESS_FILE}")]
        return [job for job in jobs if job.running]

    @property
    def running(self) -> bool:
        """Return whether the job's process is alive."""
        progress = self.progress()
        return progress is not None and progress.state == RUNNING

    @property
    def unexpected(self) -> str:
        """Return the message for an unexpected error."""
        return f"The {self.noun} stopped unexpectedly. The reason is in {self.folder / LOG_FILE}. {self.again}"

    def progress(self) -> Progress | None:
        """Return the progress, or None if the job was never started. A job whose process vanished has failed."""
        progress = self._read()
        if progress is not None and progress.state == RUNNING and not self._lives(progress):
            # The process may have finished between reading its progress and looking for it.
            progress = self._read() or progress
            if progress.state == RUNNING:
                return replace(progress, state=FAILED, error=self.unexpected)
        return progress

    def _lives(self, progress: Progress) -> bool:
        return _process(progress) is not None or is_locked(self.folder / LOCK_FILE)

    def _read(self) -> Progress | None:
        try:
            return fitting(read_json(self.folder / PROGRESS_FILE), Progress)
        except ValuesError:
            return None

    def begin(self, request: dict[str, Any]) -> None:
        """Start the job in its own process, unless it is already running.

        Args:
            request: what to do, as plain JSON values; the worker reads it.

        Raises:
            FerError: the folder can't be written, or no process can be started; an `error`.
        """
        with _starting:
            if self.running:
                return
            try:
                self._begin(request)
            except OSError as error:
                raise self._unwritable("can't start", error) from error

    def ask(self, request: dict[str, Any]) -> None:
        """Write down what to do, without doing it.

        Raises:
            FerError: the folder can't be written; an `error`.
        """
        try:
            self._ask(request)
        except OSError as error:
            raise self._unwritable("can't start", error) from error

    def _ask(self, request: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / REQUEST_FILE, request)

    def _begin(self, request: dict[str, Any]) -> None:
        self._ask(request)
        before = self._read()
        with (self.folder / LOG_FILE).open("wb") as log:
            process = start_detached([sys.executable, "-m", self.worker, str(self.folder)], cwd=PROGRAM, log=log)
        # Until it is waited for, even a process that has already ended is in the process table.
        stamp = stamp_of(psutil.Process(process.pid))
        # Reap the child, or it becomes a zombie.
        threading.Thread(target=process.wait, daemon=True).start()
        # On a busy machine, a short job may already have written its end.
        if self._read() == before:
            self._write(Progress(RUNNING, "Starting", **stamp))

    def stop(self) -> None:
        """Stop the process and everything it started.

        Raises:
            FerError: the process can't be ended, or the folder can't be written; an `error`.
        """
        progress = self.progress()
        if progress is None or progress.state != RUNNING:
            return
        process = _process(progress)
        if process is None and is_locked(self.folder / LOCK_FILE):
            raise self.error(f"The {self.noun} runs in another container; stop it from there.")
        try:
            # In a virtual environment on Windows, what was started is a launcher, and Python is its child.
            ended = process is None or end_tree(process, _PATIENCE_SECONDS)
        except (psutil.AccessDenied, PermissionError) as error:
            raise self.error(f"The {self.noun} belongs to another user, so you can't stop it.") from error
        if not ended:
            raise self.error(f"The {self.noun} didn't end; end the process {progress.pid} by hand.")
        try:
            self._write(replace(progress, state=STOPPED, seconds_left=None))
        except OSError as error:
            raise self._unwritable("was stopped, which can't be noted", error) from error

    def _unwritable(self, what: str, error: OSError) -> FerError:
        return self.error(
            f"The {self.noun} {what} in {self.folder}: {error.strerror or error}. Free some disk space, or set "
            "FER_HOME to another folder."
        )

    def _write(self, progress: Progress) -> None:
        write_json(self.folder / PROGRESS_FILE, asdict(progress))


def _process(progress: Progress) -> psutil.Process | None:
    """Return the process of a job if it is alive."""
    return process_of({"pid": progress.pid, "birth": progress.birth})
