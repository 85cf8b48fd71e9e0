"""An evaluation in a process of its own: started by a page, seen by all of them, and stopped at any time.

    jobs/KEY/  request.json  progress.json (replaced atomically)  log.txt

The models and the faces name the folder, so that asking twice joins the work that is going on. What it finds goes to
`fer.evaluation.store`, a model at a time, so that a stop loses only what was in work.
"""

import contextlib
import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import psutil

from fer.errors import EvaluationError
from fer.evaluation.evaluation_set import Source
from fer.evaluation.latest import evaluations_dir
from fer.paths import PROGRAM
from fer.storage.files import read_json, write_json
from fer.storage.processes import process_of, stamp_of

PROGRESS_FILE: Final = "progress.json"
REQUEST_FILE: Final = "request.json"
LOG_FILE: Final = "log.txt"
RUNNING, DONE, FAILED, STOPPED = "running", "done", "failed", "stopped"
_PATIENCE_SECONDS: Final = 5.0
# Within one app two viewers may press at once; the second finds the first's job.
_starting: Final = threading.Lock()


@dataclass(frozen=True)
class Request:
    """What is to be evaluated.

    Attributes:
        models: folders of one or two bundles.
        source: the faces.
        robustness: whether the table of transforms is measured too.
        names: what people call the models; () takes the bundles' own names.
    """

    models: tuple[str, ...]
    source: Source
    robustness: bool = False
    names: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The request as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The request that `to_dict` took apart."""
        models, names = tuple(values["models"]), tuple(values["names"])
        return cls(models, Source.from_dict(values["source"]), bool(values["robustness"]), names)


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Attributes:
        state: 'running', 'done', 'failed' or 'stopped'.
        text: what is being done, for people.
        share: the part that is done, 0..1.
        seconds_left: None where it cannot be told yet.
        error: one sentence where it failed.
        pid: of the process; 0 before it has one.
        birth: tells that process from a later one of the same pid, see `fer.runs.process.stamp_of`.
    """

    state: str
    text: str = ""
    share: float = 0.0
    seconds_left: float | None = None
    error: str | None = None
    pid: int = 0
    birth: str = ""


class Job:
    """One job by its folder; any process may look at it or stop it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, model_hashes: Sequence[str], choice: str) -> Self:
        """The job that evaluates these models on these faces, whether it was started or not.

        Args:
            model_hashes: `Bundle.hash` of the models, in any order.
            choice: of the source, by `store.choice_key`.
        """
        text = json.dumps([sorted(model_hashes), choice])
        return cls(_jobs_dir() / hashlib.sha256(text.encode()).hexdigest()[:20])

    def progress(self) -> Progress | None:
        """How far it is; None where it was never started. A process that vanished has failed."""
        progress = self._read()
        if progress is not None and progress.state == RUNNING and _process(progress) is None:
            # It may have ended well between the two looks.
            progress = self._read() or progress
            if progress.state == RUNNING:
                return replace(progress, state=FAILED, error=unexpected(self.folder))
        return progress

    def _read(self) -> Progress | None:
        try:
            return Progress(**read_json(self.folder / PROGRESS_FILE))
        except TypeError:
            return None

    def start(self, request: Request) -> None:
        """Begin, in a process of its own, unless it is running already.

        Raises:
            EvaluationError: the job's folder cannot be written, or no process can be started.
        """
        with _starting:
            progress = self.progress()
            if progress is not None and progress.state == RUNNING:
                return
            try:
                self._start(request)
            except OSError as error:
                raise EvaluationError(
                    f"The evaluation cannot be started in {self.folder} ({error.strerror or error}); make room, or set "
                    "FER_HOME to another folder."
                ) from error

    def _start(self, request: Request) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / REQUEST_FILE, request.to_dict())
        with (self.folder / LOG_FILE).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "fer.evaluation.worker", str(self.folder)],
                cwd=PROGRAM,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C at the app's terminal ends the app, not the work of its viewers.
                start_new_session=True,
            )
        # While nobody waits for it, it is in the table of processes, even if it ended at once.
        stamp = stamp_of(psutil.Process(process.pid))
        # Somebody must wait for a child, or it stays there.
        threading.Thread(target=process.wait, daemon=True).start()
        self._write(Progress(RUNNING, "Starting", **stamp))

    def stop(self) -> None:
        """End the process; what it had finished is kept."""
        progress = self.progress()
        if progress is None or progress.state != RUNNING:
            return
        process = _process(progress)
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
                try:
                    process.wait(_PATIENCE_SECONDS)
                except psutil.TimeoutExpired:
                    process.kill()
        self._write(replace(progress, state=STOPPED, seconds_left=None))

    def _write(self, progress: Progress) -> None:
        write_json(self.folder / PROGRESS_FILE, asdict(progress))


def running_jobs() -> list[Job]:
    """The jobs with a living process."""
    jobs = [Job(file.parent) for file in _jobs_dir().glob(f"*/{PROGRESS_FILE}")]
    return [job for job in jobs if (progress := job.progress()) is not None and progress.state == RUNNING]


def _jobs_dir() -> Path:
    return evaluations_dir() / "jobs"


def unexpected(folder: Path) -> str:
    """The sentence for what nobody foresaw."""
    return f"The evaluation ended unexpectedly; its log is {folder / LOG_FILE}."


def _process(progress: Progress) -> psutil.Process | None:
    """The living process of a job."""
    return process_of({"pid": progress.pid, "birth": progress.birth})
