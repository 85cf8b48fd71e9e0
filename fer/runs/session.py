"""A run inside its own process: lock, queue, progress, log, and how it ends.

This doesn't import Keras, so a queued run is a small process, and tests take milliseconds.
"""

import contextlib
import dataclasses
import errno
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final

import click
import psutil
from filelock import FileLock, Timeout

from fer import paths
from fer.errors import FerError, RunError
from fer.runs import layout, process, store
from fer.runs.progress import FAILED, FINISHED, QUEUED, RUNNING, STOPPED, Progress
from fer.storage import files

_TURN_SECONDS: Final = 0.5
_WRITE_SECONDS: Final = 1.0
_TURN_LOCK: Final = ".training.lock"
# The environment variable that says how many runs may train at once; one without it.
AT_ONCE: Final = "FER_RUNS_AT_ONCE"
_RESERVE: Final = ".reserve"
_RESERVE_BYTES: Final = 65_536
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_KILLED_BY_USER: Final = 130


class StopRequested(Exception):  # noqa: N818 (not an error)
    """The run was asked to stop. Raised between steps; not an error."""


class DivergedError(RunError):
    """The loss became NaN or infinite. Resuming repeats the same batches, so it would happen again."""


class RunSession:
    """The connection of the training code to its run: it reports progress and asks whether to stop.

    Attributes:
        folder: the run's folder.
        progress: the last reported progress.
        wrote_now: whether the last `update` wrote the progress, which it does once per second.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.progress = dataclasses.replace(Progress.read(folder), state=QUEUED, doing="waiting", message=None)
        self.wrote_now = False
        self._stop = False
        self._written = 0.0
        # A run started by a page has the log as its standard error, so every line would appear twice.
        self._echo = not _is_standard_error(folder / layout.LOG)

    def say(self, text: str) -> None:
        """Write a line to the log, and to the terminal if the run was started in one."""
        self.log(text)
        if self._echo:
            click.echo(text, err=True)

    def log(self, text: str) -> None:
        """Write a line to the log only."""
        with (self.folder / layout.LOG).open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now():%Y-%m-%d %H:%M:%S}  {text}\n")

    def update(self, *, now: bool = False, **changes: Any) -> None:
        """Change fields of the progress, and write it at once if `now` is set, else at most once per second."""
        self.progress = dataclasses.replace(self.progress, **changes)
        self.wrote_now = now or time.monotonic() - self._written >= _WRITE_SECONDS
        if self.wrote_now:
            self.progress.write(self.folder)
            self._written = time.monotonic()

    @property
    def stop_requested(self) -> bool:
        """Return whether the run was asked to stop, by a page, a command or a signal."""
        return self._stop or (self.folder / layout.STOP).exists()

    def check_stop(self) -> None:
        """Raise `StopRequested` if the run was asked to stop."""
        if self.stop_requested:
            raise StopRequested

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Ask to stop at the first signal; end the process at the second."""
        if not self._stop:
            self._stop = True
            return
        with contextlib.suppress(OSError):
            self.end(STOPPED, "Stopped by a second signal; it can be resumed from its last checkpoint.")
        for child in psutil.Process().children(recursive=True):
            child.kill()
        os._exit(_KILLED_BY_USER)

    def end(self, state: str, message: str | None = None, *, hopeless: bool = False) -> None:
        """Write how the run ended, and whether resuming it would fail in the same way."""
        keep = message or self.progress.message
        self.update(
            now=True, state=state, doing="", ended=time.time(), seconds_left=None, message=keep, hopeless=hopeless
        )


@contextmanager
def running(folder: Path) -> Iterator[RunSession]:
    """Make this process the run: wait in the queue, run the body, and record how it ends.

    The body trains. A run that is stopped in the queue raises `StopRequested` without running the body.

    Raises:
        RunError: another process is this run.
        FerError: the run failed; its progress has the same message.
        StopRequested: the run was stopped.
    """
    resumed = (folder / layout.PROCESS).exists()
    with process.holding_run(folder), ExitStack() as stack:
        files.remove_parts(folder)
        session = RunSession(folder)
        stack.enter_context(_signals(session.on_signal))
        try:
            _reserve(folder)
            # A resumed run goes to the end of the queue.
            queued = time.time() if resumed else session.progress.turn or time.time()
            session.update(now=True, started=session.progress.started or queued, queued=queued, ended=None)
            stack.enter_context(_turn(session))
            session.update(now=True, state=RUNNING, doing="starting TensorFlow")
            yield session
            session.end(FINISHED)
        except StopRequested:
            session.end(STOPPED)
            raise
        except BaseException as error:
            sentence = reason(error)
            _make_room(folder)
            with contextlib.suppress(OSError):
                if not isinstance(error, FerError):
                    session.log(traceback.format_exc())
                session.log(f"failed: {sentence}")
                session.end(FAILED, sentence, hopeless=isinstance(error, DivergedError))
            if isinstance(error, Exception) and not isinstance(error, FerError):
                raise FerError(sentence) from error
            raise
        finally:
            (folder / _RESERVE).unlink(missing_ok=True)
            (folder / layout.STOP).unlink(missing_ok=True)


def reason(error: BaseException) -> str:
    """Return why a run failed, in one sentence with the next step."""
    if isinstance(error, FerError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return "The disk is full: free some space, then resume the run from its last checkpoint."
    if isinstance(error, MemoryError) or "ResourceExhausted" in type(error).__name__:
        return "Memory ran out: close other programs and resume the run, or start a new one with a smaller batch size."
    return f"An unexpected error occurred ({type(error).__name__}); see the log. Resuming the run may help."


@contextmanager
def _signals(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    numbers = [signal.SIGINT, signal.SIGTERM]
    # The terminal was closed (POSIX), or Ctrl-Break was pressed (Windows).
    for name in ("SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        # A run started with nohup keeps ignoring the end of its terminal.
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            numbers.append(number)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def _turn(session: RunSession) -> Iterator[None]:
    """Wait until this run is first in the queue and no other one trains, then hold a lock for training.

    A sweep may ask for several at once. Each queued run has its own process, so it starts even if the program that
    queued it has ended.
    """
    at_once = _at_once()
    locks = [FileLock(paths.runs_dir() / name, is_singleton=False) for name in _turn_locks(at_once)]
    told = False
    while True:
        session.check_stop()
        mine = (session.progress.turn, session.folder.name)
        others = [run for run in store.active_runs() if run.id != session.folder.name]
        ahead = [run for run in others if run.state != QUEUED or (run.progress.turn, run.id) < mine]
        lock = _first_free(locks) if len(ahead) < at_once else None
        if lock is not None:
            break
        if not told and others:
            session.say(f"queued until {others[0].name} ({others[0].id}) ends")
            told = True
        time.sleep(_TURN_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _at_once() -> int:
    text = os.environ.get(AT_ONCE, "")
    return max(1, int(text)) if text.isdecimal() else 1


def _turn_locks(at_once: int) -> list[str]:
    return [_TURN_LOCK, *(f".training-{number}.lock" for number in range(2, at_once + 1))]


def _first_free(locks: list[FileLock]) -> FileLock | None:
    """Hold and return the first lock that nobody holds."""
    for lock in locks:
        with contextlib.suppress(Timeout):
            lock.acquire(blocking=False)
            return lock
    return None


def _reserve(folder: Path) -> None:
    """Reserve some disk space, so that a run on a full disk can still record why it failed."""
    (folder / _RESERVE).write_bytes(bytes(_RESERVE_BYTES))


def _make_room(folder: Path) -> None:
    (folder / _RESERVE).unlink(missing_ok=True)
    files.remove_parts(folder)


def _is_standard_error(log: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stderr.fileno()), log.stat())
    except (OSError, ValueError, AttributeError):
        return False
