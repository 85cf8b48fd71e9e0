"""The Upload page with a tiny model, and without its patience for a browser."""

from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from streamlit.testing.v1 import AppTest

from fer.recognition.analyzer import FaceAnalyzer
from fer.ui.upload import analysis
from tests.support.upload_page import UPLOAD

OpenPage = Callable[[str], AppTest]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest runs a page once, so the page has to wait until the photos are analysed."""
    monkeypatch.setattr(analysis, "_AT_ONCE_SECONDS", 60)


@pytest.fixture
def upload(tiny_model: Path, open_page: OpenPage) -> AppTest:
    return open_page(UPLOAD)


@pytest.fixture
def analysed_files() -> Iterator[list[str]]:
    """Record the names of the analysed files, in order."""
    names: list[str] = []
    analyze = FaceAnalyzer.analyze_bytes

    def counting(self: FaceAnalyzer, data: bytes, file: str) -> object:
        names.append(file)
        return analyze(self, data, file)

    with mock.patch.object(FaceAnalyzer, "analyze_bytes", counting):
        yield names
