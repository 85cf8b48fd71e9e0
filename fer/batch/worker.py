"""Run the batch that a job's folder asks for: `python -m fer.batch.worker FOLDER`."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from fer.batch import found
from fer.batch import running as engine
from fer.batch.cluster import Workers
from fer.batch.job import STATUS, BatchJob, Request, Status
from fer.batch.output import open_output
from fer.batch.progress import Progress
from fer.batch.settings import Inputs, Settings
from fer.errors import BatchError, shortened
from fer.jobs import worker
from fer.jobs.worker import Reporter
from fer.recognition.provenance import provenance_of
from fer.recognition.weights import bundle_to_serve
from fer.storage.files import write_json
from fer.storage.processes import lower_priority
from fer.storage.schema import fitting
from fer.text import counted, encodable

_ANALYSING: Final = "analysing"
_STAGES: Final = {"starting": "Starting workers", "checking": "Checking the results", "done": "Checking the results"}
_STATUS_SECONDS: Final = 1.0
_MOST_FAILURES: Final = 20
_MOST_NOT_FOUND: Final = 20
_MOST_CHARACTERS: Final = 1000


class _Told:
    """Writes the progress and the status of a job."""

    def __init__(self, job: BatchJob, report: Reporter) -> None:
        self._file = job.folder / STATUS
        self._report = report
        self._written = 0.0
        self._stage = ""
        self._status = Status()

    def progress(self, state: Progress) -> None:
        done = state.done
        self._status = replace(
            self._status,
            n_files=state.n_files,
            done=done.files,
            failed=done.failed,
            faces=done.faces,
            n_workers=state.n_workers,
            n_deaths=state.n_deaths,
            files_per_second=state.files_per_second,
            dashboard=state.dashboard,
        )
        now = time.monotonic()
        if state.stage != self._stage or now - self._written >= _STATUS_SECONDS:
            self._stage, self._written = state.stage, now
            self.write()
        share = min(1.0, done.files / state.n_files) if state.n_files else 0.0
        self._report(state.stage, _text(state), share)

    def failure(self, file: str, reason: str) -> None:
        failures = self._status.failures
        if len(failures) < _MOST_FAILURES:
            told = shortened(encodable(file), _MOST_CHARACTERS), shortened(reason, _MOST_CHARACTERS)
            self._status = replace(self._status, failures=(*failures, told))

    def write(self) -> None:
        write_json(self._file, asdict(self._status))


def _text(state: Progress) -> str:
    if state.stage == "listing":
        return f"Listing: {counted(state.n_files, 'file')}" if state.n_files else "Listing"
    if state.stage != _ANALYSING:
        return _STAGES.get(state.stage, state.stage)
    parts = [f"{state.done.files:,} of {counted(state.n_files, 'file')}"]
    if state.files_per_second:
        parts.append(f"{state.files_per_second:,.1f} per second")
    if state.done.failed:
        parts.append(f"{state.done.failed:,} failed")
    parts.append(counted(state.n_workers, "worker") if state.n_workers else "waiting for workers")
    if state.n_deaths:
        parts.append(f"workers ended {counted(state.n_deaths, 'time')}")
    return " · ".join(parts)


def run(folder: Path) -> None:
    """Run the request in a folder, or continue it."""
    job = BatchJob(folder)
    worker.run(job, lambda values, report: _run(job, fitting(values, Request), report), paced=_ANALYSING)


def _run(job: BatchJob, request: Request, report: Reporter) -> None:
    try:
        with _temporary_files_in(job.scratch):
            _analyse(job, request, report)
    except OSError as error:
        raise BatchError(
            f"The batch can't be stored in {job.folder}: {error.strerror or error}. Free some disk space, then press "
            "Resume."
        ) from error


def _analyse(job: BatchJob, request: Request, report: Reporter) -> None:
    for name in (found.FOUND, found.FAILURES):
        (job.folder / name).unlink(missing_ok=True)
    told = _Told(job, report)
    try:
        result = engine.run_batch(_engine_request(job, request), told.progress, told.failure)
    finally:
        told.write()
    whole = found.find(
        open_output(str(job.results)),
        result.parts,
        [Path(root) for root in request.roots],
        job.folder / found.FAILURES,
        lambda share: report("summarising", "Summarising the results", share),
    )
    not_found = [(encodable(name), reason) for name, reason in result.not_found[:_MOST_NOT_FOUND]]
    found.save(replace(whole, not_found=tuple(not_found), n_left_out=result.left_out), job.folder)


def _engine_request(job: BatchJob, request: Request) -> engine.Request:
    served = bundle_to_serve(request.model, measure=False, weights=request.weights)
    bundle = engine.bundle_to_continue(served, str(job.results))
    tls = {"ca": request.tls_ca, "cert": request.tls_cert, "key": request.tls_key}
    return engine.Request(
        Inputs(request.inputs),
        str(job.results),
        Settings(bundle.hash, request.detector, annotated=request.annotated),
        provenance_of(bundle, request.detector, name=request.model_name),
        bundle,
        Workers(request.workers, request.scheduler, {name: file for name, file in tls.items() if file}),
        roots=request.roots,
    )


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Have this process and its children put their temporary files into a folder, which ends with the block.

    If this process is killed, somebody else can delete them. Without the folder they go to the usual place.
    """
    variable, directory = os.environ.get("TMPDIR"), tempfile.tempdir
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.mkdir(mode=0o700)
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = directory
        os.environ.pop("TMPDIR", None)
        if variable is not None:
            os.environ["TMPDIR"] = variable
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    # The camera of somebody who watches Live comes first.
    lower_priority()
    run(Path(sys.argv[1]))
