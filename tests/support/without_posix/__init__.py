"""Run code in a process that lacks what Windows and macOS lack; see `sitecustomize.py` in this folder."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from fer.paths import CHECKOUT

_FOLDER = Path(__file__).parent


def run_without_posix(code: str, home: Path, seconds: float = 170) -> str:
    """Run code in a process without POSIX, whose children lack it too; return what it printed.

    Raises:
        AssertionError: the code failed; the message has its traceback.
    """
    path = os.pathsep.join([str(_FOLDER), str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": path, "FER_HOME": str(home), "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
