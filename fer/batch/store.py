"""The batches of the page: `FER_HOME/batches`, see `fer.batch.job`.

One batch at a time works on this machine, as it has a worker per core; any number work on Dask schedulers.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from filelock import FileLock

from fer import paths
from fer.batch.allowed import require_inside
from fer.batch.job import BatchJob, Request
from fer.batch.so_far import SoFar
from fer.errors import BatchError, FerError, shortened
from fer.jobs.job import ID, REQUEST_FILE, new_id
from fer.live.cores import usable_cores
from fer.recognition.bundle import BUNDLE_FILE, load_bundle
from fer.storage.files import disk_use, link_or_copy
from fer.text import encodable

_FOLDER_MODE: Final = 0o700
# Next to the batches, for those who start or resume one at the same time.
_LOCK: Final = "starting.lock"


def batches_dir() -> Path:
    """Return the folder of batches, `batches` under `FER_HOME`; it may not exist yet."""
    return paths.home() / "batches"


def find_batch(batch_id: str) -> BatchJob | None:
    """Return the batch with an id, or None if there is none."""
    folder = batches_dir() / batch_id
    return BatchJob(folder) if ID.fullmatch(batch_id) and (folder / REQUEST_FILE).is_file() else None


def list_ids() -> list[str]:
    """Return the ids of all batches, the newest first. No file is read, so that many batches cost little."""
    try:
        return sorted((folder.name for folder in batches_dir().iterdir() if ID.fullmatch(folder.name)), reverse=True)
    except OSError:  # there is none yet; starting one says what else is wrong
        return []


def most_workers() -> int:
    """Return how many workers a batch may have on this machine: one per core that the app may use."""
    return usable_cores()


def start(request: Request) -> BatchJob:
    """Start a new batch, with a copy of its model: the folder that the request names may be deleted meanwhile.

    Args:
        request: what to do. More workers than cores become one per core.

    Raises:
        BatchError: another batch works on this machine, the folder can't be written, or no process can be started.
        BundleError: the model is missing or damaged.
    """
    job = BatchJob(batches_dir() / new_id())
    try:
        with _starting():
            _refuse_a_second(request)
            job.folder.mkdir(mode=_FOLDER_MODE)
            _copy_model(request.model, job.model)
            job.start(replace(request, model=str(job.model), workers=_workers(request)))
    except OSError as error:
        shutil.rmtree(job.folder, ignore_errors=True)
        raise _cannot_write(error) from error
    except FerError:
        shutil.rmtree(job.folder, ignore_errors=True)
        raise
    return job


def resume(job: BatchJob, roots: Sequence[Path]) -> None:
    """Continue a batch from what is finished.

    Args:
        job: nothing happens if it is running.
        roots: the folders that are allowed now; they replace those of the request.

    Raises:
        BatchError: its request can't be read, what it reads isn't allowed any more, another batch works on this
            machine, or no process can be started.
    """
    request = job.find_request()
    if request is None:
        raise BatchError(f"The request in {job.folder} can't be read; delete this batch and start a new one.")
    require_inside(request.inputs, roots)
    try:
        with _starting():
            if not job.running:
                _refuse_a_second(request)
                SoFar.of(job).discard()
                job.start(replace(request, roots=tuple(map(str, roots)), workers=_workers(request)))
    except OSError as error:
        raise _cannot_write(error) from error


@contextmanager
def _starting() -> Iterator[None]:
    """Let nobody else start a batch before the block ends.

    Raises:
        OSError: the folder of batches can't be written.
    """
    batches_dir().mkdir(parents=True, exist_ok=True)
    with FileLock(batches_dir() / _LOCK, is_singleton=False):
        yield


def _refuse_a_second(request: Request) -> None:
    if request.scheduler is not None:
        return
    requests = [job.find_request() for job in BatchJob.running_in(batches_dir())]
    names = [encodable(other.name) for other in requests if other is not None and other.scheduler is None]
    if names:
        raise BatchError(
            f"The batch '{shortened(names[0])}' is running on this machine; wait until it has ended, or stop it."
        )


def _workers(request: Request) -> int | None:
    return request.workers and min(request.workers, most_workers())


def _copy_model(folder: str, target: Path) -> None:
    bundle = load_bundle(folder)
    target.mkdir()
    for name in (BUNDLE_FILE, *bundle.files):
        link_or_copy(bundle.path / name, target / name)


def _cannot_write(error: OSError) -> BatchError:
    return BatchError(
        f"{batches_dir()} can't be written: {error.strerror or error}. Free some disk space, delete batches, or set "
        "FER_HOME to another folder."
    )


def stop(job: BatchJob) -> None:
    """Stop a batch. What is finished stays, and it can be resumed.

    Raises:
        BatchError: the process can't be ended.
    """
    job.stop()
    job.tidy()


def delete(job: BatchJob) -> None:
    """Delete a batch with its results.

    Raises:
        BatchError: it is running, or a file can't be deleted.
    """
    if job.running:
        raise BatchError("This batch is running; stop it first.")
    SoFar.of(job).discard()
    job.tidy()
    try:
        shutil.rmtree(job.folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise BatchError(f"{job.folder} can't be deleted ({error.strerror}); delete the folder by hand.") from error


def size_of(job: BatchJob) -> int:
    """Return the disk space of a batch in bytes."""
    return disk_use(job.folder)


def sweep() -> None:
    """Delete the temporary files of batches that were killed."""
    for batch_id in list_ids():
        job = BatchJob(batches_dir() / batch_id)
        if job.scratch.exists() and not job.running:
            job.tidy()
