"""Start, stop, resume and delete runs from outside their processes, for pages and the command line."""

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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from fer import paths
from fer.errors import ConfigError, RunError
from fer.runs import layout, making, process, store
from fer.runs.checks import require_startable
from fer.runs.config import MODELS, TrainConfig
from fer.runs.progress import ENDED, STOPPED, Progress
from fer.runs.small_files import SweepOrigin
from fer.runs.store import RunSummary
from fer.storage import files
from fer.storage.processes import start_detached

# A run is ready in under a second, but a machine that swaps takes longer.
_FER: Final = (sys.executable, "-m", "fer")
_START_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.05
_START_LOCK: Final = ".starting.lock"
_DELETED: Final = ".deleted"


def start(
    config: TrainConfig,
    name: str | None = None,
    origin: SweepOrigin | None = None,
    variables: Mapping[str, str] | None = None,
) -> str:
    """Start a run in its own process, which outlives the caller, and return its id.

    If a run with the same settings is active, its id is returned, so that a button pressed twice starts one run. For a
    sweep it must be the same training, too, because that is how its results are found. If another run is active, the
    new one is queued.

    Args:
        config: its settings.
        name: the user's name for it; None makes one from the settings.
        origin: the sweep that it belongs to, if any.
        variables: environment variables of its process, besides the inherited ones.

    Raises:
        ConfigError: the settings name a missing file or model.
        RunError: the run's folder or process can't be created.
    """
    require_startable(config)
    with changing_runs():
        for run in store.active_runs():
            with contextlib.suppress(ConfigError):
                is_same = origin is None or run.origin.training == origin.training
                if is_same and store.read_config(run.id) == config and not run.stopping:
                    return run.id
        run_id = making.create_run(config, name, origin)
        _spawn(run_id, train_command(config, run_id), variables)
        return run_id


def create(config: TrainConfig, name: str | None = None) -> str:
    """Create a run without starting a process, for a caller that becomes the run itself, and return its id.

    Raises:
        ConfigError: the settings name a missing file or model.
        RunError: the run's folder can't be created.
    """
    require_startable(config)
    with changing_runs():
        return making.create_run(config, name)


def resume(run_id: str, variables: Mapping[str, str] | None = None) -> None:
    """Resume a stopped, interrupted or failed run in its own process; do nothing if it is active.

    Args:
        run_id: the run.
        variables: as for `start`.

    Raises:
        RunError: there is no such run, it has finished, or its process can't be created.
    """
    with changing_runs():
        run = store.read_run(run_id)
        if run.active:
            return
        require_resumable(run)
        before = files.signature(run.folder / layout.PROGRESS)
        _spawn(run_id, resume_command(run_id), variables)
        _wait_for_progress(run.folder, before)


def require_resumable(run: RunSummary) -> None:
    """Check that a run can be resumed.

    Raises:
        RunError: it is active, has finished, or would fail again in the same way.
    """
    if run.active:
        raise RunError(f"The run {run.id} is already running; stop it first.")
    if run.progress.hopeless:
        raise RunError(
            f"The loss of the run {run.id} became NaN, and would again if it were resumed. Start a new run with a "
            "lower learning rate."
        )
    if not run.resumable:
        raise RunError(f"The run {run.id} has finished; start a new run with more epochs, or fine-tune its model.")


def train_command(config: TrainConfig, run_id: str | None = None) -> list[str]:
    """Return the command that trains this run: `python -m fer train` with all settings that aren't defaults."""
    command = [*_FER, "train"]
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
    """Return the command that trains this run as text for a shell, with the run's name if it has one."""
    words = [*train_command(config)[len(_FER) :], *(["--name", name] if name else [])]
    return paths.typed(subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words))


def resume_command(run_id: str) -> list[str]:
    """Return the command that resumes a run."""
    return [*_FER, "runs", "resume", run_id]


def stop(run_id: str, *, ask_only: bool = False) -> bool:
    """Ask a run to stop after its step. If it was asked before, end it and everything it started at once.

    Args:
        run_id: the run.
        ask_only: never end it at once.

    Returns:
        True if it was asked to stop, False if it was ended.

    Raises:
        RunError: there is no such run, it isn't active, it can't be ended, or its folder can't be written.
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
                text = "Stopped by force; it can be resumed from its last checkpoint."
                dataclasses.replace(last, state=STOPPED, doing="", ended=time.time(), message=text).write(run.folder)
            (run.folder / layout.STOP).unlink(missing_ok=True)
    except OSError as error:
        raise RunError(
            f"Can't write to the folder of the run {run_id} ({error.strerror}); free some disk space and stop it "
            f"again, or end its process {process.last_pid(run.folder)} by hand."
        ) from error
    return False


def delete(run_id: str) -> None:
    """Delete a run and all its files. A model in use is a copy and stays.

    Raises:
        RunError: there is no such run, it is active, or its files can't be deleted.
    """
    folder = layout.run_folder(run_id)
    if store.read_run(run_id).active:
        raise RunError(f"The run {run_id} is running; stop it before deleting it.")
    # Renamed first, so that it disappears completely even if deleting its files is interrupted.
    grave = folder.with_name(f".{run_id}{_DELETED}")
    with changing_runs():
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
                f"The run {run_id} can't be deleted ({error.strerror}); check the permissions of its folder."
            ) from error


@contextlib.contextmanager
def changing_runs() -> Iterator[None]:
    """Hold the lock to create, start, replace or delete a run, and remove what a killed process left incomplete.

    `start` holds it until the new process is alive.

    Raises:
        RunError: somebody else holds it for too long, or the folder of runs can't be written.
    """
    try:
        paths.runs_dir().mkdir(parents=True, exist_ok=True)
        lock = FileLock(paths.runs_dir() / _START_LOCK, timeout=_START_SECONDS, is_singleton=False)
        lock.acquire()
    except Timeout as error:
        raise RunError("Another run is being started and takes too long; try again in a minute.") from error
    except OSError as error:
        raise RunError(
            f"Can't write to {paths.runs_dir()} ({error.strerror}); set FER_HOME to another folder."
        ) from error
    try:
        with contextlib.suppress(OSError):
            files.remove_parts(paths.runs_dir())
        for grave in paths.runs_dir().glob(f".*{_DELETED}"):
            shutil.rmtree(grave, ignore_errors=True)
        yield
    finally:
        lock.release()


def _spawn(run_id: str, command: list[str], variables: Mapping[str, str] | None = None) -> None:
    """Start a run's detached process and wait until it holds the run's lock.

    Raises:
        RunError: it ended before, or takes too long.
    """
    folder = layout.run_folder(run_id)
    environment = {**os.environ, **(variables or {}), "FER_HOME": str(paths.home()), "PYTHONUNBUFFERED": "1"}
    before = files.signature(folder / layout.PROCESS)
    try:
        with (folder / layout.LOG).open("ab") as log:
            child = start_detached(command, cwd=paths.PROGRAM, log=log, environment=environment)
    except OSError as error:
        raise RunError(
            f"The run {run_id} couldn't be started ({error.strerror}); check free space and memory, then resume it."
        ) from error
    deadline = time.monotonic() + _START_SECONDS
    # A lock alone may still be that of an earlier process elsewhere.
    while files.signature(folder / layout.PROCESS) == before or not process.is_alive(folder):
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


def _wait_for_progress(folder: Path, before: files.Signature | None) -> None:
    """Wait until a resumed run's process has written that it isn't ended any more, unless it has gone already."""
    deadline = time.monotonic() + _START_SECONDS
    while (
        files.signature(folder / layout.PROGRESS) == before and process.is_alive(folder) and time.monotonic() < deadline
    ):
        time.sleep(_POLL_SECONDS)


def _reap(child: subprocess.Popen[bytes]) -> None:
    """Reap the child when it ends, or it becomes a zombie."""
    threading.Thread(target=child.wait, name=f"run-{child.pid}", daemon=True).start()


def _last_line(folder: Path) -> str:
    lines = store.read_log_tail(folder.name).splitlines()
    return lines[-1] if lines else "nothing"
