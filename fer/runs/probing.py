"""Measure the speed of this machine for a run's settings, in a process of its own."""

import subprocess
from typing import Final

from fer.errors import RunError
from fer.paths import PROGRAM, home
from fer.runs import store
from fer.runs.config import TrainConfig
from fer.runs.control import train_command
from fer.storage.processes import run_to_end

_SECONDS: Final = 300


def measure_speed(config: TrainConfig) -> None:
    """Time a few steps and keep the result for `fer.runs.estimates.recall`; it takes about half a minute.

    Raises:
        RunError: a run is active and would distort the result, or the steps failed or took too long.
    """
    if store.active_runs():
        raise RunError("A training is running and would distort the estimate; try again when it has ended.")
    try:
        # The child runs in another folder, so a relative FER_HOME must become absolute.
        variables = {"FER_HOME": str(home())}
        done = run_to_end([*train_command(config), "--estimate"], cwd=PROGRAM, variables=variables, seconds=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise RunError("A few steps took more than five minutes; choose a smaller network or dataset.") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        raise RunError(last.removeprefix("Error: "))
