"""Training processes for tests: start one, and wait for its end."""

import multiprocessing
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.training import tiny_run

# Four epochs of less than a second: 70 drawn faces, batches of ten, the same to the last digit each time.
SETTINGS = (
    *("--data", "synthetic", "--fraction", "0.1", "--batch-size", "10", "--epochs", "4", "--learning-rate", "0.01"),
    *("--weight-averaging", "100", "--precision", "float32", "--deterministic"),
)

# TensorFlow takes seven seconds to import: one process does it, and each command is a fork of that one.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([tiny_run.__name__])


@dataclass(frozen=True)
class Ended:
    """A command that came to its end: exit status (negative: the signal), standard output and error."""

    status: int
    out: str
    err: str

    @property
    def run_id(self) -> str:
        found = re.search(r"\d{8}-\d{6}-[0-9a-f]{4}", self.out)
        assert found, f"no run was named:\n{self.out}\n{self.err}"
        return found[0]


def fer(home: Path, *arguments: str, sabotage: str = "", seconds: float = 600) -> Ended:
    """Run a command of the program to its end, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder) / "output", Path(folder) / "errors"
        process = _PROCESSES.Process(target=tiny_run.run_command, args=(arguments, home, sabotage, output, errors))
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"{' '.join(arguments)} had not ended after {seconds:.0f} s")
        return Ended(process.exitcode, output.read_text(), errors.read_text())


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.training.tiny_run", *arguments]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "FER_HOME": str(home), "TF_CPP_MIN_LOG_LEVEL": "3"}
