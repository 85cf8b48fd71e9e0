"""A real browser with a fake camera: where it is, how it starts, and one tab on the app."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Locator, Page, TimeoutError, expect

from scripts.environment import BROWSERS
from tests.support.serving import Server

# What a page's root element has while no script runs.
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
# A camera that exists, and a browser that doesn't ask for permission.
CAMERA_FLAGS = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
MISSING = "There is no Chromium or Chrome on the PATH. On Debian type: sudo apt-get install chromium"
PATIENCE_S = 60.0  # two busy cores
_LIST_MS, _TRIES = 5_000, 6


def find_browser() -> str | None:
    """Return the path of the system's Chromium, Chrome or Edge, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def camera_flags(video: Path) -> list[str]:
    """Return the options with which the browser's camera shows a y4m file."""
    return [*CAMERA_FLAGS, f"--use-file-for-fake-video-capture={video}"]


def eventually(what: Callable[[], bool], page: Page, seconds: float = PATIENCE_S, every_ms: int = 200) -> None:
    """Wait until something is so, for what `expect` has no words for. The page lives on meanwhile."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "timed out"
        page.wait_for_timeout(every_ms)


def policy_violations(page: Page) -> list[str]:
    """Return a list that fills with what the browser refuses to load."""
    found: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Permissions policy" in message.text:
            found.append(message.text)

    page.on("console", hear)
    return found


def log_in(page: Page, email: str) -> None:
    """Press the only button of a page before login, and be someone at the provider for tests."""
    page.get_by_role("button", name="Log in").click()
    page.get_by_placeholder("sub").fill(email)
    page.get_by_role("button", name="Authorize", exact=True).click()


def drawn_table(page: Page) -> Locator:
    """Return the page's first table once it is drawn. The browser loads tables last, and loses clicks before that."""
    table = page.get_by_test_id("stDataFrame").first
    expect(table.get_by_test_id("data-grid-canvas")).to_be_visible()
    return table


def expect_to_fit(page: Page) -> None:
    """Expect a page no wider than its window, once its pictures and charts have their sizes."""
    page.wait_for_function(
        "['html', '[data-testid=stMain]'].map(place => document.querySelector(place))"
        ".every(element => element.scrollWidth <= element.clientWidth)"
    )


def expect_loaded(pictures: Locator, width_px: int = 0) -> None:
    """Expect that the browser has decoded all these pictures, and that they have a width of their own if one is given.

    A picture is visible, as an empty frame, before that.
    """
    decoded = "(images, width) => images.every(image => width ? image.naturalWidth === width : image.naturalWidth > 0)"
    eventually(lambda: pictures.count() > 0 and pictures.evaluate_all(decoded, width_px), pictures.page)


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
        self.page.locator(IDLE).wait_for(state="attached")

    def choose(self, box: str, option: str) -> None:
        """Select an option of a box by its label, and wait until the page has followed.

        A list closes if the page moves while it is open, for example because charts appear. Then it is opened again.
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
