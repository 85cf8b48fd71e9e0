"""All pages, used once: they contact nobody, keep to the policy, and leave a small process without TensorFlow."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, expect

from fer.text import MB
from fer.ui.frame import MENU
from tests.support.browser import PATIENCE_S, App, policy_violations
from tests.support.serving import Server, running_app


@dataclass(frozen=True)
class Visit:
    """A visit of all pages: the servers that the browser asked, '' for data: and blob:, and what it refused to load."""

    asked: set[str]
    violations: list[str]


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the app so that it logs every import."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    with running_app(home, log, {"PYTHONPROFILEIMPORTTIME": "1"}) as server:
        yield server


@pytest.fixture(scope="module")
def visit(server: Server, browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[Visit]:
    """Open every page by its address, and analyse a sample."""
    with browser.new_context(**browser_context_args) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        app, asked, violations = App(page, server), set[str](), policy_violations(page)
        page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
        for entry in MENU:
            app.open("" if entry.label == "Home" else entry.label)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            expect(page.get_by_test_id("stSidebar").get_by_role("link", name=entry.label)).to_be_visible()
            # The browser fetches icons on its own, and Playwright doesn't report that.
            icons = page.locator('link[rel*="icon"]').evaluate_all("links => links.map(link => link.href)")
            asked.update(urlsplit(icon).netloc for icon in icons)
        app.open("Upload")
        page.get_by_role("button", name="Try a sample").click()
        expect(page.get_by_text("1 face", exact=False).first).to_be_visible()
        expect(page.get_by_text("Face 1", exact=False).first).to_be_visible()
        page.wait_for_timeout(1000)
        assert not server.complaints()
        yield Visit(asked, violations)


def imported(server: Server) -> set[str]:
    """Return the top-level packages that the server's process has imported."""
    return set(re.findall(r"^import time:.*\|\s+(\w+)$", server.log.read_text(errors="replace"), re.MULTILINE))


def test_the_pages_contact_no_other_server(visit: Visit, server: Server) -> None:
    assert visit.asked - {""} == {urlsplit(server.url).netloc}


def test_no_page_breaks_the_policy(visit: Visit) -> None:
    """In test_policy.py, the same list has what is refused."""
    assert visit.violations == []


def test_a_used_app_is_small_and_never_imports_tensorflow(visit: Visit, server: Server) -> None:
    packages = imported(server)
    assert {"streamlit", "onnxruntime", "cv2"} <= packages, "the log of imports is not what this test reads"
    assert not packages & {"tensorflow", "keras", "tf2onnx", "jax", "torch", "sklearn"}
    rss_mb = psutil.Process(server.pid).memory_info().rss / MB
    assert rss_mb < 400, f"the app holds {rss_mb:.0f} MB"
