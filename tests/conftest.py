"""Fixtures that several folders of tests use."""

import gc
import os
from pathlib import Path

# Before TensorFlow, which contains its own SSL library. If libsrtp is loaded after that, the process crashes.
import pylibsrtp  # noqa: F401
import pytest

# Which weights answer must not depend on the machine that runs the tests. The browser tests' servers inherit it.
os.environ["FER_WEIGHTS"] = "float32"


@pytest.fixture
def fer_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty FER_HOME: no runs, no data, the shipped model."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("FER_HOME", str(home))
    return home


def pytest_collection_finish() -> None:
    """Exclude everything imported so far, such as TensorFlow, from garbage collection.

    Streamlit runs a full collection after every script, which would take longer than the script itself.
    """
    gc.collect()
    gc.freeze()


def pytest_report_header() -> str | None:
    if os.environ.get("SKIP_BROWSER") == "1":
        return "SKIP_BROWSER=1: browser tests are left out"
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("SKIP_BROWSER") == "1":
        terminalreporter.write_line("SKIP_BROWSER=1: the browser tests were left out", yellow=True)
