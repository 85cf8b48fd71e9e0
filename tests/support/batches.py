"""Batches in the state of the Batch page: run here with a stand-in and without Dask, or as if they were running."""

import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

from fer import paths
from fer.batch import store, worker
from fer.batch.attempt import Work, attempt
from fer.batch.job import STATUS, BatchJob, Request, Status
from fer.batch.listing import Listing
from fer.batch.output import open_output, write_manifest
from fer.batch.parts import Totals
from fer.batch.plan import plan
from fer.batch.progress import Progress as BatchProgress
from fer.batch.running import Request as EngineRequest
from fer.batch.running import Result
from fer.jobs.job import PROGRESS_FILE, RUNNING, Progress, new_id
from fer.recognition.current import current_bundle_path
from fer.storage.files import write_json
from fer.storage.processes import stamp_of
from tests.support.batch import stand_in


def photos(*names: str, folder: str = "photos") -> Path:
    """Write files below the data folder whose names tell the stand-in what to find, and return the folder."""
    top = paths.data_dir() / folder
    top.mkdir(parents=True, exist_ok=True)
    for name in names:
        file = top / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    return top


def asked(folder: Path, **options: Any) -> BatchJob:
    """Write down a batch of a folder below the data folder, without starting it."""
    job = BatchJob(store.batches_dir() / new_id())
    values = {"name": f"data/{folder.name}", "model_name": "tiny", "workers": 1, "inputs": (str(folder),), **options}
    roots = (os.path.realpath(paths.data_dir()),)
    job.ask(asdict(Request(added=time.time(), roots=roots, model=model(), **values)))
    return job


def model() -> str:
    return str(current_bundle_path())


def done(folder: Path, **options: Any) -> BatchJob:
    """Run a batch here with the stand-in."""
    job = asked(folder, **options)
    with mock.patch.object(worker.engine, "run_batch", _run_here):
        worker.run(job.folder)
    return job


def in_state(job: BatchJob, state: str, status: Status | None = None, **values: Any) -> BatchJob:
    """Write a job's progress; one that runs has this process."""
    stamp = stamp_of(psutil.Process()) if state == RUNNING else {}
    write_json(job.folder / PROGRESS_FILE, asdict(Progress(state, **{"text": "", **stamp, **values})))
    if status is not None:
        write_json(job.folder / STATUS, asdict(status))
    return job


def _run_here(
    request: EngineRequest, on_progress: Callable[[BatchProgress], None], on_failure: Callable[[str, str], None]
) -> Result:
    output = open_output(request.out)
    output.prepare()
    listing = Listing(request.inputs, skip=output.where, roots=request.roots)
    tasks = list(plan(listing, request.settings))
    work = Work(request.settings, output.where, request.about, stand_in)
    write_manifest(output, {"about": request.about.to_dict()})
    totals = Totals()
    for task in tasks:
        outcome = attempt(task, work)
        totals += outcome.totals
        for file, reason in outcome.failures:
            on_failure(file, reason)
        on_progress(BatchProgress("analysing", len(tasks), totals, 1, 2.5))
    on_progress(BatchProgress("done", totals.files, totals))
    return Result(totals, tuple(task.name for task in tasks), tuple(listing.failures), listing.left_out)
