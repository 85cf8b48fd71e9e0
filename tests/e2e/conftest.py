"""Browser tests: one app per test file, and one tab per test. A failure keeps a screenshot and the server's log."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support import slow_browser
from tests.support.browser import PATIENCE_S, App
from tests.support.browser_fixtures import browser_context_args, browser_type_launch_args, fake_camera, home
from tests.support.serving import Server, running_app

__all__ = ["browser_context_args", "browser_type_launch_args", "fake_camera", "home"]

_TEST_SECONDS = 400
# Of all files with a browser, also below tests/trust.
_LONGEST = ("test_training.py", "test_quiet.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    # At the end, they would keep one core busy for minutes while the other has nothing to do.
    items.sort(key=lambda item: item.path.name not in _LONGEST)
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker("e2e")
        item.add_marker(pytest.mark.timeout(_TEST_SECONDS))
        if os.environ.get("SKIP_BROWSER") == "1":
            item.add_marker(pytest.mark.skip(reason="SKIP_BROWSER=1: no browser test was run"))


@pytest.fixture(scope="session", autouse=True)
def delete_output_dir() -> None:
    """Keep test-results/ where pytest-playwright would empty it: another worker may just have written into it."""


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """Wait for a page as long as a busy machine needs, and slow the browser down if SLOW_BROWSER=1 asks for it."""
    expect.set_options(timeout=PATIENCE_S * 1000)
    with pytest.MonkeyPatch.context() as patch:
        if slow_browser.is_wanted():
            slow_browser.slow_down(patch)
        yield


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the app for one test file."""
    with running_app(home, tmp_path_factory.mktemp("server") / "server.log") as server:
        yield server


@pytest.fixture
def app(page: Page, server: Server, request: pytest.FixtureRequest, output_path: str) -> Iterator[App]:
    """Open a tab on the app. An exception in a page's script fails the test, and a failure keeps the server's log."""
    page.set_default_timeout(PATIENCE_S * 1000)
    start = server.log.stat().st_size
    yield App(page, server)
    complaints = server.complaints(start)
    report = getattr(request.node, "rep_call", None)
    if complaints or (report is not None and report.failed):
        folder = Path(output_path)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(server.log, folder / "server.log")
    assert not complaints, f"A page raised an exception:\n{complaints}"
