"""Actions and observations of a viewer of the Live page, and what the app's process holds."""

import re
from contextlib import suppress
from dataclasses import dataclass

import psutil
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from fer.text import MB
from tests.support.browser import PATIENCE_S, eventually
from tests.support.serving import Server

PATIENCE_MS = PATIENCE_S * 1000
_TRIES, _TOOLTIP_MS = 60, 1_000


def open_live(page: Page, server: Server) -> None:
    """Go to the page and read the notice."""
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page.goto(f"{server.url}/Live")
    accept(page)


def accept(page: Page) -> None:
    page.get_by_role("button", name="I have read this").click()
    expect(camera(page).get_by_role("button", name="Start")).to_be_visible()


def camera(page: Page) -> FrameLocator:
    return page.frame_locator('iframe[title*="webrtc_streamer"]')


def start(page: Page) -> None:
    camera(page).get_by_role("button", name="Start").click()


def stop(page: Page) -> None:
    camera(page).get_by_role("button", name="Stop").click()
    expect(camera(page).get_by_role("button", name="Start")).to_be_visible()


def statistics(page: Page) -> Locator:
    """Return the line with the pictures a second and the faces. Its tooltip counts frames."""
    return page.get_by_text(re.compile(r"pictures? a second")).first


def counted(page: Page, *names: str) -> tuple[int, ...]:
    """Return the numbers before `names` in that tooltip, such as 'frames', all from the same moment."""
    numbers = {word: number for number, word in re.findall(r"(\d+) (\w+)", _tooltip(page))}
    return tuple(int(numbers[name]) for name in names)


def _tooltip(page: Page) -> str:
    """Return the text of the tooltip. The page is redrawn each second, which may close it under a mouse at rest."""
    icon = statistics(page).locator("xpath=ancestor-or-self::*[.//*[@data-testid='stTooltipIcon']][1]")
    for _ in range(_TRIES):
        with suppress(PlaywrightTimeout):
            return page.get_by_test_id("stTooltipContent").first.inner_text(timeout=_TOOLTIP_MS)
        page.mouse.move(0, 0)
        icon.get_by_test_id("stTooltipIcon").first.hover()
    raise AssertionError("the tooltip didn't open")


def expect_frames(page: Page, more_than: int = 30) -> None:
    expect(statistics(page)).to_be_visible()
    # A busy machine shows a picture or two a second.
    eventually(lambda: counted(page, "frames") > (more_than,), page, max(PATIENCE_S, 2 * more_than))


def expect_more_frames(page: Page, n_frames: int = 20) -> None:
    """Wait until a setting has taken effect and a detection has followed."""
    (before,) = counted(page, "frames")
    expect_frames(page, before + n_frames)


def expect_moving_video(page: Page) -> None:
    video = camera(page).locator("video")
    eventually(lambda: video.evaluate("video => video.videoWidth") > 0, page)
    before = video.evaluate("video => video.currentTime")
    eventually(lambda: video.evaluate("video => video.currentTime") > before, page)


@dataclass(frozen=True)
class Held:
    """What the app's process holds: sockets of peer connections (nothing else uses UDP), threads, open files."""

    udp_sockets: int
    threads: int
    files: int

    @classmethod
    def by(cls, server: Server) -> "Held":
        process = psutil.Process(server.pid)
        return cls(len(process.net_connections(kind="udp")), process.num_threads(), process.num_fds())


def memory_mb(server: Server) -> float:
    return float(psutil.Process(server.pid).memory_info().rss / MB)


def cycle(browser: Browser, server: Server) -> None:
    """Leave in three ways, in a new tab: STOP, a reload with the camera on, and closing the tab with it on."""
    context = browser.new_context()
    page = context.new_page()
    open_live(page, server)
    start(page)
    expect_frames(page, 3)
    stop(page)
    start(page)
    expect_frames(page, 3)
    page.reload()
    accept(page)
    start(page)
    expect_frames(page, 3)
    context.close()
