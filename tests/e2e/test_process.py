"""The app's process after its pages were used: no TensorFlow, no Keras, less than 400 MB."""

import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import expect

from fer.text import MB
from fer.ui.frame import MENU
from tests.support.browser import App
from tests.support.serving import Server, running_app


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the app so that it logs every import."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    with running_app(home, log, {"PYTHONPROFILEIMPORTTIME": "1"}) as server:
        yield server


def imported(server: Server) -> set[str]:
    """Return the top-level packages that the server's process has imported."""
    return set(re.findall(r"^import time:.*\|\s+(\w+)$", server.log.read_text(errors="replace"), re.MULTILINE))


def test_a_used_app_is_small_and_never_imports_tensorflow(app: App) -> None:
    for entry in MENU:
        if entry.exists:
            page = app.open("" if entry.path == "app.py" else Path(entry.path).stem.partition("_")[2])
            expect(page.get_by_role("heading", level=1)).to_be_visible()
    page = app.open("Upload")
    page.get_by_role("button", name="Try a sample").click()
    expect(page.get_by_text("1 face", exact=False).first).to_be_visible()
    expect(page.get_by_text("Face 1", exact=False).first).to_be_visible()

    packages = imported(app.server)
    assert {"streamlit", "onnxruntime", "cv2"} <= packages, "the log of imports is not what this test reads"
    assert not packages & {"tensorflow", "keras", "tf2onnx", "jax", "torch", "sklearn"}
    rss_mb = psutil.Process(app.server.pid).memory_info().rss / MB
    assert rss_mb < 400, f"the app holds {rss_mb:.0f} MB"
