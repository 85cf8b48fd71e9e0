"""Fixtures that several folders of tests use."""

import functools
import gc
import os
import sys
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
    """Spare the tests what would otherwise be done again and again."""
    _look_for_components_once()
    # Everything imported so far, such as TensorFlow, is excluded from garbage collection.
    gc.collect()
    gc.freeze()


def _look_for_components_once() -> None:
    """Remember which installed packages are Streamlit components: every AppTest reads the metadata of all of them."""
    if "streamlit.testing" in sys.modules:
        from streamlit.components.v2 import manifest_scanner

        manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)


def pytest_report_header() -> str | None:
    if os.environ.get("SKIP_BROWSER") == "1":
        return "SKIP_BROWSER=1: browser tests are left out"
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("SKIP_BROWSER") == "1":
        terminalreporter.write_line("SKIP_BROWSER=1: the browser tests were left out", yellow=True)
