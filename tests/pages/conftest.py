"""The app in Streamlit's AppTest: it starts at Home, like a user, with a tiny model in use."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fer import paths
from fer.paths import CHECKOUT
from fer.recognition.current import use_bundle
from fer.runs import control, process
from fer.summary import charts, making
from fer.ui import summaries
from fer.ui.training import runs
from tests.support.builders import make_bundle
from tests.support.run_folders import FAKE_RUN, write_run

# The default of 3 s is too short on a busy machine.
_TIMEOUT_S = 60


@pytest.fixture
def tiny_model(fer_home: Path) -> Path:
    """Use a bundle that classifies faces by their mean grey and is 'not sure' below 0.4."""
    bundle = make_bundle(fer_home / "runs" / "tiny" / "bundle", confidence_threshold=0.4)
    use_bundle(bundle.path)
    return bundle.path


@pytest.fixture
def open_page(fer_home: Path) -> Callable[[str], AppTest]:
    """Return a function that opens a page by its script, such as 'pages/2_Upload.py', in a new session."""
    # Cached resources outlive a session, but the next test has another model.
    st.cache_resource.clear()
    st.cache_data.clear()

    def open_page(script: str) -> AppTest:
        app = AppTest.from_file(str(CHECKOUT / "app.py"), default_timeout=_TIMEOUT_S).run()
        return app if script == "app.py" else app.switch_page(script).run()

    return open_page


@pytest.fixture
def fake_runs(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Replace training by processes that train nothing."""
    real = control.train_command
    monkeypatch.setattr(
        control, "train_command", lambda config, run_id=None: [*FAKE_RUN, run_id] if run_id else real(config)
    )
    monkeypatch.setattr(control, "resume_command", lambda run_id: [*FAKE_RUN, run_id])
    yield
    for folder in paths.runs_dir().glob("2*"):
        if process.is_alive(folder):
            process.kill(folder)


@pytest.fixture
def make_run(fer_home: Path) -> Callable[..., str]:
    numbers = count(1)
    return lambda *arguments, **options: write_run(next(numbers), *arguments, **options)


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Select rows of the table, which AppTest can't click."""

    def choose(*run_ids: str) -> None:
        monkeypatch.setattr(runs, "_table", lambda found, names: [run for run in found if run.id in run_ids])

    return choose


@pytest.fixture
def offered_files(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], bytes]]:
    """What the page offers to download, by the button's label: AppTest can't click such a button."""
    offered: dict[str, Callable[[], bytes]] = {}
    real = st.download_button

    def remember(label: str, data: Callable[[], bytes] | bytes, *arguments: Any, **options: Any) -> bool:
        offered[label] = data if callable(data) else lambda: data
        return real(label, data, *arguments, **options)

    monkeypatch.setattr(st, "download_button", remember)
    return offered


@pytest.fixture
def quick_summaries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make summaries in this process and without charts: a child that draws them takes seconds."""

    def make_here(packed: bytes) -> making.MadeSummary:
        *about, dark = making.unpack(packed)
        return making.make(*about, dark=dark)

    monkeypatch.setattr(charts, "CHARTS", ())
    monkeypatch.setattr(summaries, "make_in_child", make_here)
