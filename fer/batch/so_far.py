"""What a batch that ended early has found so far: a job in the batch's folder that reads the finished parts.

    FER_HOME/batches/ID/so-far/
        request.json  progress.json  log.txt  lock    see `fer.jobs`
        found.json  failures.parquet                  see `fer.batch.found`

A batch that comes to its end counts its parts itself. One that is stopped or killed can't, so its page starts this.
"""

import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import ClassVar, Final

from fer.batch.job import BatchJob
from fer.batch.output import FILES
from fer.errors import BatchError, FerError
from fer.jobs import job
from fer.jobs.job import DONE, REQUEST_FILE
from fer.storage.schema import Text, fitting, read_object
from fer.storage.values import ValuesError

_FOLDER: Final = "so-far"


@dataclass(frozen=True)
class Request:
    """What to read.

    Attributes:
        roots: folders to which the names of folders are relative.
        written: when the folder of parts changed last, as `written` tells.
    """

    roots: tuple[Text, ...]
    written: Text


class SoFar(job.Job):
    """The summary of an unfinished batch in its folder."""

    worker = "fer.batch.so_far_worker"
    noun = "summary"
    again = "Press Summarise again."
    error: ClassVar = BatchError

    @classmethod
    def of(cls, batch: BatchJob) -> "SoFar":
        """Return the summary of a batch, which may not exist yet."""
        return cls(batch.folder / _FOLDER)

    @property
    def batch(self) -> BatchJob:
        """Return the batch."""
        return BatchJob(self.folder.parent)

    @property
    def is_current(self) -> bool:
        """Return whether it is made, and no part was added since."""
        progress, request = self.progress(), self._find_request()
        is_made = progress is not None and progress.state == DONE
        return is_made and request is not None and request.written == written(self.batch)

    def start(self) -> None:
        """Make the summary, unless that is already happening.

        Raises:
            BatchError: no process can be started.
        """
        batch = self.batch
        request = batch.find_request()
        self.begin(asdict(Request(request.roots if request else (), written(batch) or "")))

    def discard(self) -> None:
        """End it if it is running, and delete it, because the batch continues or is deleted."""
        with suppress(FerError):  # it has no effect on the batch
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _find_request(self) -> Request | None:
        try:
            return fitting(read_object(self.folder / REQUEST_FILE), Request)
        except (FileNotFoundError, ValuesError):
            return None


def written(batch: BatchJob) -> str | None:
    """Return when a part was added or removed last, in nanoseconds since 1970; None if there is no folder of parts.

    It is text, as it has more digits than a number in JSON.
    """
    try:
        return str((batch.results / FILES).stat().st_mtime_ns)
    except OSError:
        return None
