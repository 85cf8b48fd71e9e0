"""Run the sweep that a job's folder asks for: `python -m fer.sweeps.worker FOLDER`."""

import sys
from pathlib import Path

from fer.errors import FerError
from fer.sweeps.job import SweepJob
from fer.sweeps.running import run_started


def main() -> None:
    """Run the sweep in the folder given as the only argument."""
    try:
        run_started(SweepJob(Path(sys.argv[1])))
    except FerError:
        sys.exit(1)  # the job's progress has the sentence


if __name__ == "__main__":
    main()
