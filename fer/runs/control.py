"""Start, stop, resume and delete runs from outside their processes: what the pages and the command line call."""

import contextlib
import dataclasses
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from fer import paths
from fer.errors import ConfigError, RunError
from fer.runs import layout, making, process, store
from fer.runs.checks import require_startable
from fer.runs.config import MODELS, TrainConfig
from fer.runs.progress import ENDED, STOPPED, Progress
from fer.runs.store import RunSummary
from fer.storage import files
from fer.storage.processes import start_detached

# A process takes under a second to be a run; a machine that swaps takes longer.
_START_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.05
_START_LOCK: Final = ".starting.lock"
_DELETED: Final = ".deleted"


def start(config: TrainConfig, name: str | None = None) -> str:
    """Start a run in a process of its own, which lives on without the caller, and return its id.

    Where a run with the same settings is running or waits, that one is returned: a button pressed twice, or in two
    tabs, starts one. Where another run trains, the new one waits for its turn.

    Raises:
        ConfigError: the settings name what is not there.
        RunError: the run's folder or process could not be made.
    """
    require_startable(config)
    with _changing_runs():
        for run in store.active_runs():
            with contextlib.suppress(ConfigError):
                if store.read_config(run.id) == config and not run.stopping:
                    return run.id
        run_id = making.create_run(config, name)
        _spawn(run_id, train_command(config, run_id))
        return run_id


def create(config: TrainConfig, name: str | None = None) -> str:
    """Make a run for a process that will be it, such as the command's own, and return its id.

    Raises:
        ConfigError: the settings name what is not there.
        RunError: the run's folder could not be made.
    """
    require_startable(config)
    with _changing_runs():
        return making.create_run(config, name)


def resume(run_id: str) -> None:
    """Let a run that stopped, was interrupted or failed go on, in a process of its own.

    A run that lives already is left as it is.

    Raises:
        RunError: there is no such run, it has finished, or its process could not be made.
    """
    with _changing_runs():
        run = store.read_run(run_id)
        if run.active:
            return
        require_resumable(run)
        _spawn(run_id, resume_command(run_id))


def require_resumable(run: RunSummary) -> None:
    """See that a run can go on.

    Raises:
        RunError: it has finished, runs, or would fail again in the same way.
    """
    if run.active:
        raise RunError(f"The run {run.id} is running already; stop it first, or watch it.")
    if run.progress.hopeless:
        raise RunError(
            f"The run {run.id} came to no numbers, and would again: its images come in the same order. Start a new one "
            "with its settings and a lower learning rate."
        )
    if not run.resumable:
        raise RunError(f"The run {run.id} has finished; start a new one with more epochs, or from its model.")


def train_command(config: TrainConfig, run_id: str | None = None) -> list[str]:
    """The command that is this run: `python -m fer train` with every setting that differs from its default."""
    command = [sys.executable, "-m", "fer", "train"]
    defaults, hints = TrainConfig(), typing.get_type_hints(TrainConfig)
    for item in dataclasses.fields(config):
        value = getattr(config, item.name)
        if value == getattr(defaults, item.name):
            continue
        option = item.name.replace("_", "-")
        if hints[item.name] is bool:
            command.append(f"--{option}" if value else f"--no-{option}")
        elif item.name in MODELS:
            command += [word for folder in value for word in (f"--{option}", folder)]
        else:
            command += [f"--{option}", str(value)]
    return command if run_id is None else [*command, "--id", run_id]


def command_text(config: TrainConfig, name: str = "") -> str:
    """The command that is this run, to be typed or pasted in a shell, with its name where it has one."""
    words = ["python", *train_command(config)[1:], *(["--name", name] if name else [])]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def resume_command(run_id: str) -> list[str]:
    """The command by which a run goes on."""
    return [sys.executable, "-m", "fer", "runs", "resume", run_id]


def stop(run_id: str, *, ask_only: bool = False) -> bool:
    """Ask a run to stop at the end of its step; a run that was asked before is ended at once, with its process group.

    Args:
        run_id: the run.
        ask_only: leave a run that was asked before to end by itself.

    Returns:
        True where it was asked, False where it was ended.

    Raises:
        RunError: there is no such run, it has no process, it could not be ended, or its folder cannot be written.
    """
    run = store.read_run(run_id)
    if not run.active:
        raise RunError(f"The run {run_id} is {run.state}; there is nothing to stop.")
    try:
        if ask_only or not run.stopping:
            (run.folder / layout.STOP).touch()
            return True
        process.kill(run.folder)
        with process.holding_lock(run.folder):
            last = Progress.read(run.folder)
            if last.state not in ENDED:
                text = "Ended at once; it can be resumed from its last checkpoint."
                dataclasses.replace(last, state=STOPPED, doing="", ended=time.time(), message=text).write(run.folder)
            (run.folder / layout.STOP).unlink(missing_ok=True)
    except OSError as error:
        raise RunError(
            f"The folder of the run {run_id} cannot be written ({error.strerror}); make room and stop it again, or end "
            f"its process {process.last_pid(run.folder)} by hand."
        ) from error
    return False


def delete(run_id: str) -> None:
    """Delete a run with all it has. The model in use is a copy, and stays.

    Raises:
        RunError: there is no such run, it is running, or its files cannot be removed.
    """
    folder = layout.run_folder(run_id)
    if store.read_run(run_id).active:
        raise RunError(f"The run {run_id} is running; stop it before deleting it.")
    # Renamed first, so that it is gone as a whole even if removing its files is cut short.
    grave = folder.with_name(f".{run_id}{_DELETED}")
    with _changing_runs():
        try:
            with process.holding_lock(folder):
                if os.name != "nt":
                    folder.rename(grave)
            if os.name == "nt":
                # Windows can't rename a folder with an open file, here the lock.
                files.rename(folder, grave)
            shutil.rmtree(grave)
        except OSError as error:
            raise RunError(
                f"The run {run_id} cannot be deleted ({error.strerror}); see who owns its folder."
            ) from error


@contextlib.contextmanager
def _changing_runs() -> Iterator[None]:
    """One at a time makes, starts or deletes a run; what one that was killed left half done is cleared away first.

    A start holds it from the look at what runs until the new process is seen to live.
    """
    try:
        paths.runs_dir().mkdir(parents=True, exist_ok=True)
        lock = FileLock(paths.runs_dir() / _START_LOCK, timeout=_START_SECONDS, is_singleton=False)
        lock.acquire()
    except Timeout as error:
        raise RunError("Another run is just being started and does not come up; try again in a minute.") from error
    except OSError as error:
        raise RunError(f"{paths.runs_dir()} cannot be written ({error.strerror}); set FER_HOME elsewhere.") from error
    try:
        with contextlib.suppress(OSError):
            files.remove_parts(paths.runs_dir())
        for grave in paths.runs_dir().glob(f".*{_DELETED}"):
            shutil.rmtree(grave, ignore_errors=True)
        yield
    finally:
        lock.release()


def _spawn(run_id: str, command: list[str]) -> None:
    """Start a run's process, in a session of its own, and wait until it is the run.

    Raises:
        RunError: it ended before that, or takes too long.
    """
    folder = layout.run_folder(run_id)
    environment = {**os.environ, "FER_HOME": str(paths.home()), "PYTHONUNBUFFERED": "1"}
    before = files.signature(folder / layout.PROCESS)
    try:
        with (folder / layout.LOG).open("ab") as log:
            child = start_detached(command, cwd=paths.PROGRAM, log=log, environment=environment)
    except OSError as error:
        raise RunError(
            f"The run {run_id} could not be started ({error.strerror}); see that the disk has room and the machine "
            "memory, then resume it."
        ) from error
    deadline = time.monotonic() + _START_SECONDS
    while not process.is_alive(folder):
        if child.poll() is not None:
            # Its pid says nothing: in a virtual environment on Windows, the child starts another Python.
            if files.signature(folder / layout.PROCESS) != before:
                return  # it was the run and has already ended; its state says how
            raise RunError(f"The run {run_id} did not start; its log says: {_last_line(folder)}")
        if time.monotonic() > deadline:
            child.kill()
            raise RunError(f"The run {run_id} did not start within {_START_SECONDS:.0f} s; try again.")
        time.sleep(_POLL_SECONDS)
    _reap(child)


def _reap(child: subprocess.Popen[bytes]) -> None:
    """See that the child leaves no zombie when it ends before the process that started it."""
    threading.Thread(target=child.wait, name=f"run-{child.pid}", daemon=True).start()


def _last_line(folder: Path) -> str:
    lines = store.read_log_tail(folder.name).splitlines()
    return lines[-1] if lines else "nothing"
