"""A job that works until it is ended: `python -m tests.support.fake_job FOLDER`."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from fer.errors import VideoError
from fer.jobs.job import Job
from fer.jobs.worker import Reporter, run


class FakeJob(Job):
    """Work without end."""

    worker = "tests.support.fake_job"
    noun = "work"
    again = "Start it again."
    error = VideoError


def work(request: dict[str, Any], report: Reporter) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    report("working", f"with {child.pid}", 0.5)
    time.sleep(600)


if __name__ == "__main__":
    run(FakeJob(Path(sys.argv[1])), work, paced="working")
