"""A real browser with a fake camera: where it is, how it starts, and one tab on the app."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, TimeoutError

from scripts.environment import BROWSERS
from tests.support.serving import Server

# What a page's root element has while no script runs.
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
# A camera that exists, and a browser that doesn't ask for permission.
CAMERA_FLAGS = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
MISSING = "There is no Chromium or Chrome on the PATH. On Debian type: sudo apt-get install chromium"
_LIST_MS, _TRIES = 5_000, 6


def find_browser() -> str | None:
    """Return the path of the system's Chromium, Chrome or Edge, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def camera_flags(video: Path) -> list[str]:
    """Return the options with which the browser's camera shows a y4m file."""
    return [*CAMERA_FLAGS, f"--use-file-for-fake-video-capture={video}"]


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
