"""Training processes for tests: start one, and wait for its end."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fer.paths import CHECKOUT

# Seven epochs' worth of a second each: 70 drawn faces, batches of ten, the same to the last digit each time.
SETTINGS = (
    *("--data", "synthetic", "--fraction", "0.1", "--batch-size", "10", "--epochs", "4", "--learning-rate", "0.01"),
    *("--weight-averaging", "100", "--precision", "float32", "--deterministic"),
)


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


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.training.tiny_run", *arguments]


def environment(home: Path, sabotage: str = "") -> dict[str, str]:
    return {**os.environ, "FER_HOME": str(home), "SABOTAGE": sabotage, "TF_CPP_MIN_LOG_LEVEL": "3"}


def fer(home: Path, *arguments: str, sabotage: str = "", seconds: float = 600) -> Ended:
    """Run a command of the program to its end."""
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
