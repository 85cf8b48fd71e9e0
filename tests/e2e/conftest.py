"""A real browser with a fake camera, and the app it looks at. What fails leaves a screenshot and the log."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, TimeoutError, expect

from fer.recognition.current import use_bundle
from tests.support.builders import make_bundle
from tests.support.camera import write_portrait_video
from tests.support.serving import Server, running_app

_LOADED = '[data-testid="stApp"][data-test-script-state="notRunning"]'
_PATIENCE_MS = 60_000  # two busy cores
_TEST_SECONDS = 400
_LIST_MS, _TRIES = 5_000, 6


def find_browser() -> str:
    for name in ("chromium", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.fail(
        "No chromium or google-chrome on the PATH. Type: sudo apt-get install chromium (or set SKIP_BROWSER=1)",
        pytrace=False,
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
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


@pytest.fixture(scope="session")
def fake_camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A y4m file in which every frame shows one face."""
    path = tmp_path_factory.mktemp("camera") / "portrait.y4m"
    write_portrait_video(path)
    return path


@pytest.fixture(scope="session")
def browser_type_launch_args(request: pytest.FixtureRequest, fake_camera: Path) -> dict[str, Any]:
    """How Chromium starts. A test overrides `args` by indirect parametrisation: no camera file, no permission."""
    arguments = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={fake_camera}",
    ]
    return {"executable_path": find_browser(), "args": arguments, **getattr(request, "param", {})}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": {"width": 1280, "height": 900}, "accept_downloads": True}


def use_tiny_model(home: Path) -> None:
    """Put a model to use in a FER_HOME that tells faces apart by their mean grey."""
    bundle = make_bundle(home / "runs" / "tiny" / "bundle", confidence_threshold=0.4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_HOME", str(home))
        use_bundle(bundle.path)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FER_HOME of this file's server, with a tiny model in use whose answers are known (`tests.builders.make_bundle`).

    A test file that needs data, runs or another model overrides this fixture.
    """
    folder = tmp_path_factory.mktemp("home")
    use_tiny_model(folder)
    return folder


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app, started for one test file."""
    with running_app(home, tmp_path_factory.mktemp("server") / "server.log") as server:
        yield server


@dataclass(frozen=True)
class App:
    """The app in one browser tab."""

    page: Page
    server: Server

    def open(self, path: str = "") -> Page:
        """Go to a page by its address, '' or 'Upload', and wait until its script has run."""
        self.page.goto(f"{self.server.url}/{path}")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until no script runs."""
        self.page.locator(_LOADED).wait_for(state="attached")

    def choose(self, box: str, option: str) -> None:
        """Take an option of a box by its label, and wait for what follows.

        An open list closes when the page moves under it, as while charts are drawn: then it is opened again.
        """
        for attempt in range(1, _TRIES + 1):
            self.page.get_by_role("combobox", name=box).click()
            try:
                self.page.get_by_role("option", name=option).click(timeout=_LIST_MS)
                break
            except TimeoutError:
                if attempt == _TRIES:
                    raise
        self.settle()


@pytest.fixture
def app(page: Page, server: Server, request: pytest.FixtureRequest, output_path: str) -> Iterator[App]:
    """A tab on the app. An exception in a page's script fails the test, and a failure keeps the server's log."""
    page.set_default_timeout(_PATIENCE_MS)
    expect.set_options(timeout=_PATIENCE_MS)
    start = server.log.stat().st_size
    yield App(page, server)
    complaints = server.complaints(start)
    report = getattr(request.node, "rep_call", None)
    if complaints or (report is not None and report.failed):
        folder = Path(output_path)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(server.log, folder / "server.log")
    assert not complaints, f"A page raised an exception:\n{complaints}"
