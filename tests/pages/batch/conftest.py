"""The Batch page, for everyone and for people who log in, and batches that only seem to start."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fer.batch import so_far_worker
from fer.batch.job import BatchJob
from fer.batch.so_far import SoFar
from fer.jobs.job import RUNNING
from fer.paths import CHECKOUT
from fer.ui.batch import count
from tests.support.batch_page import BATCH
from tests.support.batches import in_state
from tests.support.login import ACCESS, AUTH

OpenPage = Callable[[], AppTest]


@pytest.fixture
def open_batch(tiny_model: Path, open_page: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    # AppTest doesn't run the page again when a count has ended, so the page waits for it.
    monkeypatch.setattr(count, "_QUICK_SECONDS", 30)
    return lambda: open_page(BATCH)


@pytest.fixture
def open_as(fer_home: Path, tiny_model: Path) -> Callable[[dict[str, Any]], AppTest]:
    """Return a function that opens the page as a person described by claims."""
    st.cache_resource.clear()
    st.cache_data.clear()

    def open_as(claims: dict[str, Any]) -> AppTest:
        app = AppTest.from_file(str(CHECKOUT / "app.py"), default_timeout=60)
        app.secrets = {"auth": AUTH, "access": ACCESS}
        app.user = {"is_logged_in": True, **claims}
        return app.run().switch_page(BATCH).run()

    return open_as


@pytest.fixture
def counting_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count what an unfinished batch has found in this process."""

    def begin(summary: SoFar, request: dict[str, Any]) -> None:
        summary.ask(request)
        so_far_worker.run(summary.folder)

    monkeypatch.setattr(SoFar, "begin", begin)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BatchJob]]:
    """The jobs that would have been started; each then runs in this process, as far as anybody can see."""
    jobs: list[BatchJob] = []

    def begin(job: BatchJob, request: dict[str, Any]) -> None:
        job.ask(request)
        jobs.append(in_state(job, RUNNING, text="Starting"))

    monkeypatch.setattr(BatchJob, "begin", begin)
    yield jobs
