"""Read all runs from their folders.

This imports nothing large, because a queued run is a process that does little more than this.
"""

import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fer import paths
from fer.errors import ConfigError
from fer.runs import layout, process
from fer.runs.config import TrainConfig
from fer.runs.progress import ACTIVE, ENDED, FAILED, INTERRUPTED, QUEUED, RUNNING, STOPPED, Progress
from fer.runs.small_files import SweepOrigin, read_measured, read_notes, read_origin
from fer.storage import files
from fer.storage.files import Signature, signature
from fer.storage.open_files import open_plain, read_plain

_TAIL_BYTES: Final = 16_384
_START_SECONDS: Final = 8.0
# Information and warnings of TensorFlow's C++ code. Its errors are shown.
_NATIVE_MESSAGE: Final = re.compile(
    r"WARNING: All log messages before absl::|[IW]\d{4} \d\d:|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IW] |"
    r"To enable the following instructions:"
)


@dataclass(frozen=True)
class RunSummary:
    """A run as the table of runs shows it.

    Attributes:
        id: its folder's name.
        name: the user's name for it.
        notes: the user's notes.
        state: its current state, one of `fer.runs.progress.STATES`.
        progress: the progress that its process last reported.
        has_bundle: whether it has a model to use.
        stopping: whether it was asked to stop and hasn't ended yet.
        bytes: its size on disk; for an active run, as of its last change of state.
        measured: the accuracy of its model by split, 0..1, measured at the end on the exported file; {} before that.
        origin: the sweep that it belongs to; empty names for a run of its own.
    """

    id: str
    name: str
    notes: str
    state: str
    progress: Progress
    has_bundle: bool
    stopping: bool
    bytes: int
    measured: dict[str, float]
    origin: SweepOrigin

    @property
    def active(self) -> bool:
        """Return whether it has a living process: it is running or queued."""
        return self.state in ACTIVE

    @property
    def validation_accuracy(self) -> float | None:
        """Return the validation accuracy of the best epoch, 0..1; None before the first epoch is complete.

        Of an ended run, it is that of its exported model. During a run, the network computes with the precision of the
        training, so that a few faces may be predicted otherwise.
        """
        return self.measured.get("validation", self.progress.best_accuracy)

    @property
    def test_accuracy(self) -> float | None:
        """Return the accuracy of its model on the test split, 0..1; None if there is no such split or no model yet."""
        return self.measured.get("test")

    @property
    def resumable(self) -> bool:
        """Return whether it can be resumed: it ended early, and would not fail again in the same way."""
        return self.state in (STOPPED, INTERRUPTED, FAILED) and not self.progress.hopeless

    @property
    def folder(self) -> Path:
        """Return its folder."""
        return paths.runs_dir() / self.id

    @property
    def started(self) -> datetime:
        """Return when it was started, in UTC."""
        return datetime.fromtimestamp(self.progress.started, UTC)

    def to_dict(self) -> dict[str, Any]:
        """Return what `fer runs --json` prints: rates are fractions of 1, times are ISO 8601 in UTC."""
        return {
            "id": self.id,
            "state": self.state,
            "epoch": self.progress.epoch,
            "epochs": self.progress.epochs,
            "best": self.validation_accuracy,
            "test": self.test_accuracy,
            "started": self.started.isoformat(timespec="seconds"),
            "sweep": self.origin.sweep or None,
        }


Signatures = tuple[Signature | None, ...]


@dataclass(frozen=True)
class _Read:
    """What was read of a run, and the signatures of its files."""

    signatures: Signatures
    progress: Progress
    name: str
    notes: str
    has_bundle: bool
    measured: dict[str, float]
    origin: SweepOrigin


class _Cache:
    """A cache of runs. A run is read again only if its files have changed, so 200 runs are as quick as two."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[Path, _Read] = {}
        self._sizes: dict[Path, tuple[tuple[str, Signatures], int]] = {}

    def read(self, folder: Path) -> _Read:
        """Read a run's small files, or return them from memory if they haven't changed."""
        signatures = tuple(
            signature(folder / name)
            for name in (layout.PROGRESS, layout.NOTES, f"{layout.BUNDLE}/{layout.BUNDLE}.json", layout.REPORT)
        )
        with self._lock:
            known = self._runs.get(folder)
        if known is not None and known.signatures == signatures:
            return known
        notes, progress = read_notes(folder), Progress.read(folder)
        read = _Read(
            signatures=signatures,
            progress=progress,
            name=notes.name or folder.name,
            notes=notes.notes,
            has_bundle=signatures[2] is not None,
            measured=read_measured(folder, progress),
            origin=read_origin(folder),
        )
        with self._lock:
            self._runs[folder] = read
        return read

    def bytes_of(self, folder: Path, state: str, read: _Read) -> int:
        """Return a run's size on disk, measured when its state changes, and when the files of an ended run change."""
        # A running one replaces its files every second.
        occasion = (state, () if state in ACTIVE else read.signatures)
        with self._lock:
            known = self._sizes.get(folder)
        if known is not None and known[0] == occasion:
            return known[1]
        size = files.disk_use(folder)
        with self._lock:
            self._sizes[folder] = (occasion, size)
        return size

    def forget_all_but(self, folders: set[Path]) -> None:
        """Forget runs that no longer exist."""
        with self._lock:
            for known in (self._runs, self._sizes):
                for folder in known.keys() - folders:
                    del known[folder]


_cache = _Cache()


def list_runs() -> list[RunSummary]:
    """Return all runs, the newest first."""
    try:
        names = [entry.name for entry in paths.runs_dir().iterdir() if layout.is_run_id(entry.name)]
    except OSError:
        names = []
    folders = [paths.runs_dir() / name for name in sorted(names, reverse=True)]
    _cache.forget_all_but(set(folders))
    return [_summary(folder) for folder in folders]


def read_run(run_id: str) -> RunSummary:
    """Return one run.

    Raises:
        RunError: there is no such run.
    """
    return _summary(layout.run_folder(run_id))


def active_runs(found: list[RunSummary] | None = None) -> list[RunSummary]:
    """Return the runs with a living process: the running one, then the queue in its order.

    Args:
        found: all runs, if they were read already.
    """
    active = [run for run in (list_runs() if found is None else found) if run.active]
    return sorted(active, key=lambda run: (run.state != RUNNING, run.progress.turn, run.id))


def _summary(folder: Path) -> RunSummary:
    read = _cache.read(folder)
    state = read.progress.state
    if state not in ENDED and not process.is_alive(folder):
        # It may have ended in between.
        read = _cache.read(folder)
        state = read.progress.state
        if state not in ENDED and not _is_starting(folder, read.progress):
            state = INTERRUPTED
    return RunSummary(
        id=folder.name,
        name=read.name,
        notes=read.notes,
        state=state,
        progress=read.progress,
        has_bundle=read.has_bundle,
        stopping=state in ACTIVE and (folder / layout.STOP).exists(),
        bytes=_cache.bytes_of(folder, state, read),
        measured=read.measured,
        origin=read.origin,
    )


def _is_starting(folder: Path, progress: Progress) -> bool:
    """Return whether a run is so new that its process may not have taken its lock yet."""
    age = datetime.now().timestamp() - progress.started
    return progress.state == QUEUED and 0 <= age < _START_SECONDS and not (folder / layout.PROCESS).exists()


def read_config(run_id: str) -> TrainConfig:
    """Return the settings of a run.

    Raises:
        RunError: there is no such run.
        ConfigError: its settings are damaged or unknown to this version.
    """
    folder = layout.run_folder(run_id)
    try:
        data = read_plain(folder / layout.CONFIG)
    except OSError as error:
        raise ConfigError(f"The settings of {run_id} can't be read ({error.strerror}); start a new run.") from error
    return TrainConfig.from_json(data)


def read_log_tail(run_id: str, lines: int = 20) -> str:
    """Return the last lines of a run's log without TensorFlow's notes to developers. Reads only the end of the file."""
    try:
        with open_plain(layout.run_folder(run_id) / layout.LOG) as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - _TAIL_BYTES))
            text = log.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    told = [line for line in text.splitlines() if not _NATIVE_MESSAGE.match(line)]
    return "\n".join(told[-lines:])
