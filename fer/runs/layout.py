"""Name the files of a run's folder."""

import re
from pathlib import Path
from typing import Final

from fer import paths
from fer.errors import RunError

CONFIG: Final = "config.json"
METRICS: Final = "metrics.csv"
PROGRESS: Final = "progress.json"
NOTES: Final = "notes.json"
# Next to the copy of a model that is in use: the run it came from.
ORIGIN: Final = "origin.json"
BEST: Final = "best.json"
LOG: Final = "log.txt"
REPORT: Final = "report.json"
PREDICTIONS: Final = "predictions.json"
CHECKPOINTS: Final = "checkpoints"
BUNDLE: Final = "bundle"
# The lock is held while the run is alive; process.json identifies the process that holds it.
LOCK: Final = "lock"
PROCESS: Final = "process.json"
STOP: Final = "stop"
# Of a training of a sweep: which training it is, and which sweep started it.
SWEEP: Final = "sweep.json"
# Held by the process of a sweep that waits for the run.
AWAITED: Final = "awaited"

_RUN_ID: Final = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


def is_run_id(name: str) -> bool:
    """Return whether a name is a run's id, such as '20260131-235959-0a1b'."""
    return _RUN_ID.fullmatch(name) is not None


def run_folder(run_id: str) -> Path:
    """Return the folder of a run.

    Raises:
        RunError: there is no run of this name.
    """
    folder = paths.runs_dir() / run_id
    if not is_run_id(run_id) or not folder.is_dir():
        raise RunError(f"There is no run '{run_id}'; '{paths.typed('runs')}' lists them.")
    return folder
