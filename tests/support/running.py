"""Training processes for tests: start one and wait for its end."""

import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer.paths import CHECKOUT

# Four epochs of less than a second: 70 synthetic faces, batches of ten, exactly reproducible.
SETTINGS = (
    *("--data", "synthetic", "--fraction", "0.1", "--batch-size", "10", "--epochs", "4", "--learning-rate", "0.01"),
    *("--weight-averaging", "100", "--precision", "float32", "--deterministic"),
)
_COMMAND = "tests.support.tiny_run"
_EXCERPT = 2000

# Importing TensorFlow takes seven seconds. One process does it for all commands, which are forks of it. Forks are
# real processes and share only what the import leaves. pytest runs in the checkout, where that process finds the
# module; elsewhere each command would import it again.
# Windows can't fork, so there each command imports it.
_CAN_FORK = "forkserver" in multiprocessing.get_all_start_methods()
_PROCESSES: Any = multiprocessing.get_context("forkserver" if _CAN_FORK else "spawn")
if _CAN_FORK:
    _PROCESSES.set_forkserver_preload([_COMMAND])


@dataclass(frozen=True)
class Ended:
    """A command that ended: exit status (negative: the signal), standard output and error."""

    status: int
    out: str
    err: str

    @property
    def run_id(self) -> str:
        found = re.search(r"\d{8}-\d{6}-[0-9a-f]{4}", self.out)
        assert found, f"no run was named:\n{self.out}\n{self.err}"
        return found[0]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", _COMMAND, *arguments]


def environment(home: Path, sabotage: str = "") -> dict[str, str]:
    return {**os.environ, "FER_HOME": str(home), "SABOTAGE": sabotage, "TF_CPP_MIN_LOG_LEVEL": "3"}


def fer(home: Path, *arguments: str, sabotage: str = "", seconds: float = 600) -> Ended:
    """Run a command of the program in its own process, and wait for its end."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder) / "output", Path(folder) / "errors"
        output.touch()
        errors.touch()
        process = _PROCESSES.Process(target=_be, args=(arguments, environment(home, sabotage), output, errors))
        process.start()
        try:
            process.join(seconds)
            if process.is_alive():
                said = errors.read_text()[-_EXCERPT:]
                raise TimeoutError(f"{' '.join(arguments)} had not ended after {seconds:.0f} s:\n{said}")
        finally:
            # Otherwise pytest would wait for it at its end.
            process.kill()
            process.join()
        return Ended(process.exitcode, output.read_text(), errors.read_text())


def fer_anew(home: Path, *arguments: str, sabotage: str = "", seconds: float = 600) -> Ended:
    """Run a command in a new interpreter, which shares neither a hash seed nor imported modules with another."""
    done = subprocess.run(
        command(*arguments),
        cwd=CHECKOUT,
        env=environment(home, sabotage),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def _be(arguments: Sequence[str], variables: Mapping[str, str], output: Path, errors: Path) -> None:
    """Run one command in this process, with files instead of a terminal."""
    for descriptor, path in ((1, output), (2, errors)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(CHECKOUT)
    # A fork inherits the random state of its parent; other processes have their own.
    np.random.seed()
    from tests.support import tiny_run

    tiny_run.run(arguments)
