"""The life of a run inside its own process: its lock, its turn, its progress, its log, and how it ends.

Without Keras, so that a run that waits for its turn is a small process, and so that this can be tested in milliseconds.
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
_RESERVE: Final = ".reserve"
_RESERVE_BYTES: Final = 65_536
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_KILLED_BY_USER: Final = 130


class StopRequested(Exception):  # noqa: N818 (it is no error)
    """The run was asked to stop; raised between steps, and no error."""


class DivergedError(RunError):
    """The training came to no numbers. The same batches would come after each resume, and lead there again."""


class RunSession:
    """What the training code says and asks while it works.

    Attributes:
        folder: the run's folder.
        progress: what was last said.
        wrote_now: whether the last `update` wrote it, as it does every second.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.progress = dataclasses.replace(Progress.read(folder), state=QUEUED, doing="waiting", message=None)
        self.wrote_now = False
        self._stop = False
        self._written = 0.0
        # A run that a page starts has the log as its standard error: every line would stand in it twice.
        self._echo = not _is_standard_error(folder / layout.LOG)

    def say(self, text: str) -> None:
        """A line for the log, and for the terminal in which the run was started."""
        self.log(text)
        if self._echo:
            click.echo(text, err=True)

    def log(self, text: str) -> None:
        """A line for the log alone."""
        with (self.folder / layout.LOG).open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now():%Y-%m-%d %H:%M:%S}  {text}\n")

    def update(self, *, now: bool = False, **changes: Any) -> None:
        """Change fields of the progress; written at once where `now` is set, else at most every second."""
        self.progress = dataclasses.replace(self.progress, **changes)
        self.wrote_now = now or time.monotonic() - self._written >= _WRITE_SECONDS
        if self.wrote_now:
            self.progress.write(self.folder)
            self._written = time.monotonic()

    @property
    def stop_requested(self) -> bool:
        """Whether somebody wants the run to stop: by the page, the command, or a signal."""
        return self._stop or (self.folder / layout.STOP).exists()

    def check_stop(self) -> None:
        """Go on, or raise `StopRequested`."""
        if self.stop_requested:
            raise StopRequested

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """The first signal asks to stop; the second ends the process."""
        if not self._stop:
            self._stop = True
            return
        with contextlib.suppress(OSError):
            self.end(STOPPED, "Ended at once, by a second signal; it can be resumed from its last checkpoint.")
        for child in psutil.Process().children(recursive=True):
            child.kill()
        os._exit(_KILLED_BY_USER)

    def end(self, state: str, message: str | None = None, *, hopeless: bool = False) -> None:
        """Say how the run ended, and whether resuming it would end in the same way."""
        keep = message or self.progress.message
        self.update(
            now=True, state=state, doing="", ended=time.time(), seconds_left=None, message=keep, hopeless=hopeless
        )


@contextmanager
def running(folder: Path) -> Iterator[RunSession]:
    """Be a run from its turn to its end, whatever that end is.

    The caller trains in the body. Waiting for the turn is part of entering; a run that is stopped while it waits never
    enters the body and raises `StopRequested` to the caller like one that is stopped later.

    Raises:
        RunError: another process is that run.
        FerError: the run failed, with the sentence that its progress holds as well.
        StopRequested: it was stopped; its progress says so.
    """
    resumed = (folder / layout.PROCESS).exists()
    with process.holding_run(folder), ExitStack() as stack:
        files.remove_parts(folder)
        session = RunSession(folder)
        stack.enter_context(_signals(session.on_signal))
        try:
            _reserve(folder)
            # Resumed, it comes behind those that wait already.
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
    """Why a run failed, in one sentence with the next step."""
    if isinstance(error, FerError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return "The disk is full: free some space, then resume the run, which goes on from its last checkpoint."
    if isinstance(error, MemoryError) or "ResourceExhausted" in type(error).__name__:
        return "Memory ran out: close other programs and resume, or start again with a smaller batch size."
    return f"Something unforeseen happened ({type(error).__name__}); the log has the details. Resuming may help."


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
    """Wait until no other run trains and none that waits came before, then keep others waiting.

    Each waiting run is a process of its own, so that the next one starts whoever started it has gone.
    """
    lock = FileLock(paths.runs_dir() / _TURN_LOCK, is_singleton=False)
    told = False
    while True:
        session.check_stop()
        others = [run for run in store.active_runs() if run.id != session.folder.name]
        mine = (session.progress.turn, session.folder.name)
        if all(run.state == QUEUED and mine < (run.progress.turn, run.id) for run in others):
            try:
                lock.acquire(blocking=False)
                break
            except Timeout:
                pass
        if not told and others:
            session.say(f"waiting for {others[0].name} ({others[0].id}) to end")
            told = True
        time.sleep(_TURN_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _reserve(folder: Path) -> None:
    """Keep a little room, so that a run on a full disk can still say that it failed and why."""
    (folder / _RESERVE).write_bytes(bytes(_RESERVE_BYTES))


def _make_room(folder: Path) -> None:
    (folder / _RESERVE).unlink(missing_ok=True)
    files.remove_parts(folder)


def _is_standard_error(log: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stderr.fileno()), log.stat())
    except (OSError, ValueError, AttributeError):
        return False
