"""A sweep of another container, which shares the folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from fer.jobs.job import STOPPED
from fer.paths import CHECKOUT
from fer.sweeps.job import SweepJob
from tests.support.containers import elsewhere
from tests.support.run_folders import wait_until

# What run_sweep does around its trainings.
WORK = """
import sys, time
from pathlib import Path
from fer.jobs.worker import Reporter
from fer.sweeps.job import SweepJob
from fer.sweeps.running import _only_one
job = SweepJob(Path(sys.argv[1]))
with _only_one(job):
    Reporter(job, paced="")("training", "one of two", 0.5)
    time.sleep(600)
"""


@pytest.mark.timeout(400)
def test_a_sweep_elsewhere_is_stopped_by_force(tmp_path: Path) -> None:
    job = SweepJob(tmp_path)
    with subprocess.Popen([*elsewhere(), sys.executable, "-c", WORK, str(tmp_path)], cwd=CHECKOUT) as container:
        try:
            wait_until(lambda: job.running, 120)
            job.stop()
            progress = job.progress()
            assert progress is not None and progress.state == STOPPED
            container.wait(60)
        finally:
            container.kill()
