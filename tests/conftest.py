"""Fixtures that more than one folder of tests uses."""

import gc
import os
from pathlib import Path

# Before TensorFlow, which brings an SSL library of its own: loaded after it, the camera's libsrtp crashes the process.
import pylibsrtp  # noqa: F401
import pytest


@pytest.fixture
def fer_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty FER_HOME: no runs, no data, the shipped model."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("FER_HOME", str(home))
    return home


def pytest_collection_finish() -> None:
    """Leave out of every garbage collection what collecting the tests has brought, TensorFlow among it.

    Streamlit collects in full after a script, which would otherwise take longer than the script.
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
