"""Count what a batch has found so far: `python -m fer.batch.so_far_worker FOLDER`."""

import sys
from pathlib import Path

from fer.batch import found
from fer.batch.downloads import finished
from fer.batch.output import open_output
from fer.batch.so_far import Request, SoFar
from fer.errors import BatchError
from fer.jobs import worker
from fer.jobs.worker import Reporter
from fer.storage.processes import lower_priority
from fer.storage.schema import fitting

_READING = "reading"


def run(folder: Path) -> None:
    """Run the request in a folder."""
    job = SoFar(folder)
    worker.run(job, lambda values, report: _run(job, fitting(values, Request), report), paced=_READING)


def _run(job: SoFar, request: Request, report: Reporter) -> None:
    text = "Summarising what is finished"
    report("checking", text, 0.0)
    output = open_output(str(job.batch.results))
    try:
        found.save(
            found.find(
                output,
                list(finished(output)),
                [Path(root) for root in request.roots],
                job.folder / found.FAILURES,
                lambda share: report(_READING, text, share),
            ),
            job.folder,
        )
    except OSError as error:
        raise BatchError(
            f"The summary can't be stored in {job.folder}: {error.strerror or error}. Free some disk space, then press "
            "Summarise again."
        ) from error


if __name__ == "__main__":
    lower_priority()
    run(Path(sys.argv[1]))
