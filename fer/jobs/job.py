"""A job in a folder: a process of its own, which every page can see and stop.

    FOLDER/  request.json  progress.json (replaced atomically)  log.txt  lock  starting.lock

A job runs if its process lives: what identifies the process is part of its progress. A process of another container or
machine can't be seen, but it holds the lock, and ends when it is asked to: see `fer.storage.ending`.
"""

import re
import secrets
import sys
import threading
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Self

import psutil
from filelock import FileLock
from msgspec import Meta

from fer.errors import FerError
from fer.paths import PROGRAM
from fer.storage.ending import end_process
from fer.storage.files import read_json, write_json
from fer.storage.locks import is_locked
from fer.storage.processes import is_elsewhere, process_of, stamp_of, start_detached
from fer.storage.schema import Count, Seconds, Share, Text, fitting
from fer.storage.values import ValuesError

PROGRESS_FILE: Final = "progress.json"
REQUEST_FILE: Final = "request.json"
LOG_FILE: Final = "log.txt"
LOCK_FILE: Final = "lock"
RUNNING, DONE, FAILED, STOPPED = "running", "done", "failed", "stopped"
STARTING: Final = "Starting"
# What `new_id` returns.
ID: Final = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]{6}-[0-9a-f]{16}")
_TOKEN_BYTES: Final = 8
_PATIENCE_SECONDS: Final = 5.0
# A process takes its lock within this time; until then another container can't tell that it lives.
_START_SECONDS: Final = 30.0
# Two viewers may start the same job at once, perhaps in two containers. The second then finds the first one's.
_START_LOCK: Final = "starting.lock"


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
        birth, place: distinguish the process from a later one with the same pid, and from one of another container:
            see `fer.storage.processes.stamp_of`.
    """

    state: Annotated[str, Meta(pattern="^(running|done|failed|stopped)$")]
    text: Text = ""
    share: Share = 0.0
    seconds_left: Seconds | None = None
    error: Text | None = None
    pid: Count = 0
    birth: Text = ""
    place: Text = ""

    @property
    def stamp(self) -> dict[str, Any]:
        """Return what identifies the process."""
        return {"pid": self.pid, "birth": self.birth, "place": self.place}


def new_id() -> str:
    """Return a name for a folder: later ones sort after earlier ones, and nobody can guess one."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{secrets.token_hex(_TOKEN_BYTES)}"


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

    @property
    def id(self) -> str:
        """Return the name of the folder."""
        return self.folder.name

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
        progress = self._latest()
        if progress is not None and self._vanished(progress):
            return replace(progress, state=FAILED, error=self.unexpected)
        return progress

    @property
    def interrupted(self) -> bool:
        """Return whether the process ended unexpectedly: it was killed, or its machine failed."""
        progress = self._latest()
        return progress is not None and self._vanished(progress)

    def _latest(self) -> Progress | None:
        progress = self._read()
        if progress is not None and self._vanished(progress):
            # The process may have finished between reading its progress and looking for it.
            return self._read() or progress
        return progress

    def _vanished(self, progress: Progress) -> bool:
        return progress.state == RUNNING and not self._lives(progress)

    def _lives(self, progress: Progress) -> bool:
        if process_of(progress.stamp) is not None or is_locked(self.folder / LOCK_FILE):
            return True
        return is_elsewhere(progress.stamp) and progress.text == STARTING and self._age() < _START_SECONDS

    def _age(self) -> float:
        """Return the seconds since the progress was written; if the clocks of two machines differ, by how much."""
        try:
            return abs(time.time() - (self.folder / PROGRESS_FILE).stat().st_mtime)
        except OSError:
            return _START_SECONDS

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
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / _START_LOCK, is_singleton=False):
                if not self.running:
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
            self._write(Progress(RUNNING, STARTING, **stamp))

    def stop(self) -> None:
        """Stop the process and everything it started.

        Raises:
            FerError: the process can't be ended, or the folder can't be written; an `error`.
        """
        progress = self.progress()
        if progress is None or progress.state != RUNNING:
            return
        try:
            # In a virtual environment on Windows, what was started is a launcher, and Python is its child.
            ended = end_process(self.folder, progress.stamp, self.folder / LOCK_FILE, _PATIENCE_SECONDS)
        except (psutil.AccessDenied, PermissionError) as error:
            raise self.error(f"The {self.noun} belongs to another user, so you can't stop it.") from error
        except OSError as error:
            raise self._unwritable("can't be stopped", error) from error
        if not ended:
            where = " in the container, or on the machine, where it was started" if is_elsewhere(progress.stamp) else ""
            raise self.error(f"The {self.noun} didn't end; end the process {progress.pid} by hand{where}.")
        last = self._read()
        if last is not None and last.state != RUNNING:
            return  # it had just ended
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
