"""A batch that the page runs: a job in a folder of its own, with its results.

    FER_HOME/batches/ID/
        request.json  progress.json  log.txt  lock    see `fer.jobs`
        status.json                                   counts and the first failures, while it runs and afterwards
        model/                                        a copy of the model, which stays when another one is used
        results/                                      the folder of results, see docs/batch.md
        found.json  failures.parquet                  what the page shows of a finished batch, see `fer.batch.found`
        so-far/                                       the same of one that ended early, see `fer.batch.so_far`

The process may end in any way: `fer.batch.store.resume` continues from the valid parts. This module doesn't import
Dask.
"""

import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final

from msgspec import Meta

from fer.errors import BatchError
from fer.jobs import job
from fer.jobs.job import REQUEST_FILE
from fer.storage.schema import Count, Moment, Seconds, Text, Weights, fitting, read_object
from fer.storage.values import ValuesError

MODEL, RESULTS, STATUS = "model", "results", "status.json"
INTERRUPTED, DAMAGED = "interrupted", "damaged"
# A short name: sockets below it have room for about a hundred characters.
_SCRATCH_DIGITS: Final = 8


@dataclass(frozen=True)
class Request:
    """What to analyse.

    Attributes:
        name: what the batch is called on the page.
        added: when it was started first, in seconds since 1970.
        inputs: absolute paths of files and folders, and patterns.
        roots: the folders that all inputs have to be in.
        model: the folder of the model; of a batch that was started, its own copy.
        model_name: what the model is called on pages.
        detector: the face detector.
        annotated: whether to make annotated copies.
        workers: processes on this machine; None for one per core.
        scheduler: the address of a Dask scheduler to use instead.
        tls_ca, tls_cert, tls_key: files for the scheduler.
        weights: which weights of the model to use, 'float32' or 'int8'; '' for those that began the batch, or those
            served where it is begun.
    """

    name: Annotated[str, Meta(min_length=1, max_length=1000)]
    added: Moment
    inputs: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=1000)]
    roots: tuple[Text, ...]
    model: Text
    model_name: Text
    detector: Annotated[str, Meta(pattern="^(yunet|haar)$")] = "yunet"
    annotated: bool = False
    workers: Annotated[int, Meta(ge=1, le=1000)] | None = None
    scheduler: Text | None = None
    tls_ca: Text | None = None
    tls_cert: Text | None = None
    tls_key: Text | None = None
    weights: Weights = ""


@dataclass(frozen=True)
class Status:
    """How far a batch is, or was when its process ended.

    Attributes:
        n_files: files in the batch.
        done, failed, faces: files that are done, those of them that failed, and faces in them.
        n_workers: workers that were there.
        n_deaths: workers that ended while they analysed.
        files_per_second: None if it isn't known.
        dashboard: the address of Dask's dashboard; None if there is none.
        failures: the first files that failed in this run, with the reason.
    """

    n_files: Count = 0
    done: Count = 0
    failed: Count = 0
    faces: Count = 0
    n_workers: Count = 0
    n_deaths: Count = 0
    files_per_second: Seconds | None = None
    dashboard: Text | None = None
    failures: tuple[tuple[Text, Text], ...] = ()


class BatchJob(job.Job):
    """A batch in its folder."""

    worker = "fer.batch.worker"
    noun = "batch"
    again = "Press Resume to continue it."
    error: ClassVar = BatchError

    @property
    def state(self) -> str:
        """Return a state of `fer.jobs.job`, 'interrupted', or 'damaged' if the request can't be read."""
        if self.find_request() is None:
            return DAMAGED
        progress = self.progress()
        return INTERRUPTED if progress is None or self.interrupted else progress.state

    @property
    def model(self) -> Path:
        """Return the folder of its copy of the model."""
        return self.folder / MODEL

    @property
    def results(self) -> Path:
        """Return the folder of results; it may not exist yet."""
        return self.folder / RESULTS

    def find_request(self) -> Request | None:
        """Return what to analyse, or None if it can't be read."""
        try:
            return fitting(read_object(self.folder / REQUEST_FILE), Request)
        except (FileNotFoundError, ValuesError):
            return None

    def status(self) -> Status:
        """Return how far the batch is or was; all 0 before it has begun to analyse."""
        try:
            return fitting(read_object(self.folder / STATUS), Status)
        except (FileNotFoundError, ValuesError):
            return Status()

    def start(self, request: Request) -> None:
        """Start the job, or continue from what is finished.

        Raises:
            BatchError: no process can be started.
        """
        self.tidy()
        self.begin(asdict(request))

    @property
    def scratch(self) -> Path:
        """Return the folder for temporary files of the job and its workers. A process that is killed leaves them."""
        return Path(tempfile.gettempdir()) / f"fer-{self.id[-_SCRATCH_DIGITS:]}"

    def tidy(self) -> None:
        """Delete the temporary files of a job that has ended."""
        shutil.rmtree(self.scratch, ignore_errors=True)
