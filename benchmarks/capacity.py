"""Measure what each viewer costs the app's process: `python -m benchmarks.capacity` prints a table.

Memory and threads of the server are compared with those after one visit, so that what is loaded once isn't counted.
Needs Chromium, except for `--visits 200`. `benchmarks.cameras` measures cameras.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final

import click
import psutil
from playwright.sync_api import Browser, Page, expect, sync_playwright
from rich.console import Console
from rich.table import Table

from fer.text import MB
from fer.vision.images import encode_jpeg
from fer.vision.samples import sample_portrait
from tests.support.browser import drawn_table, find_browser
from tests.support.builders import group_bgr
from tests.support.live_driver import PATIENCE_MS
from tests.support.serving import Server, running_app
from tests.support.visitors import Visitor

_SETTLE_SECONDS: Final = 4.0
# Side of a portrait in a photo with many.
_PORTRAIT_PX: Final = 800
_AT_ONCE: Final = 20
# An expired session is freed after a minute (server.disconnectedSessionTTL), within the next five seconds.
_FORGOTTEN_SECONDS: Final = 75.0


@dataclass(frozen=True)
class Usage:
    """Memory in bytes, threads, open files and processor seconds of the server."""

    memory: int
    threads: int
    files: int
    processor_s: float

    @classmethod
    def of(cls, server: Server) -> "Usage":
        """Measure the server now."""
        process = psutil.Process(server.pid)
        times = process.cpu_times()
        return cls(process.memory_info().rss, process.num_threads(), process.num_fds(), times.user + times.system)

    def or_more(self, other: "Usage") -> "Usage":
        """Return the larger number of each."""
        return Usage(*(max(pair) for pair in zip(astuple(self), astuple(other), strict=True)))


def open_home(page: Page, server: Server) -> None:
    """Open Home, and wait until the model is loaded."""
    page.goto(server.url)
    expect(page.get_by_test_id("stMetricValue").filter(has_text=" ms")).to_be_visible()


def upload_photo(page: Page, server: Server) -> None:
    """Analyse one photo."""
    page.goto(f"{server.url}/Upload")
    photo: Any = {"name": "portrait.jpg", "mimeType": "image/jpeg", "buffer": sample_portrait()}
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(photo)
    expect(page.get_by_role("button", name="Clear the list")).to_be_visible()


def upload_groups(page: Page, server: Server) -> None:
    """Analyse five photos of 9.6 megapixels with fifteen faces each, and look at one."""
    page.goto(f"{server.url}/Upload")
    group = encode_jpeg(group_bgr(5, 3, _PORTRAIT_PX))
    photos: Any = [
        {"name": f"{number}.jpg", "mimeType": "image/jpeg", "buffer": group + bytes([number])} for number in range(5)
    ]
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(photos)
    expect(drawn_table(page).locator("[role=grid]")).to_have_attribute("aria-rowcount", "6")
    expect(page.get_by_text("Face 1", exact=False).first).to_be_visible()


@contextmanager
def viewers(browser: Browser, server: Server, number: int, do: Callable[[Page, Server], None]) -> Iterator[list[Page]]:
    """Let some viewers do something, each in a browser session of its own, and leave at the end."""
    with ExitStack() as stack:
        pages = []
        for _ in range(number):
            context = browser.new_context()
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            do(page, server)
            pages.append(page)
        time.sleep(_SETTLE_SECONDS)
        yield pages


def _row(table: Table, name: str, number: int, before: Usage, after: Usage) -> None:
    memory = (after.memory - before.memory) / number / MB
    threads = (after.threads - before.threads) / number
    files = (after.files - before.files) / number
    table.add_row(name, str(number), f"{memory:.1f} MB", f"{threads:.1f}", f"{files:.1f}")


def measure(browser: Browser, server: Server, table: Table, idle: int, photos: int) -> None:
    """Fill the table."""
    for do in (open_home, upload_photo, upload_groups):
        with viewers(browser, server, 1, do):
            pass
    time.sleep(_FORGOTTEN_SECONDS)
    first = Usage.of(server)
    for name, number, do in (
        ("idle on Home", idle, open_home),
        ("one photo on Upload", photos, upload_photo),
        ("five photos, 75 faces", photos, upload_groups),
    ):
        with viewers(browser, server, number, do):
            _row(table, name, number, first, Usage.of(server))
        time.sleep(_FORGOTTEN_SECONDS)
        _row(table, f"{name}, after they left", number, first, Usage.of(server))


def come_and_go(server: Server, table: Table, number: int, at_once: int) -> None:
    """Let many visitors open Home and leave, some at a time, and add what the app needs meanwhile and after it."""
    port = int(server.url.rpartition(":")[2])
    Visitor(port, f"localhost:{port}").open().leave()
    time.sleep(_FORGOTTEN_SECONDS)
    first = Usage.of(server)
    # What the second time adds is lost for good; what the first adds may be loaded once for all.
    for time_name in ("first", "second"):
        most = Usage.of(server)
        for _ in range(0, number, at_once):
            visitors = [Visitor(port, f"localhost:{port}").open() for _ in range(at_once)]
            most = most.or_more(Usage.of(server))
            for visitor in visitors:
                visitor.leave()
        _row(table, f"{time_name} {number}, {at_once} at a time: the most, in all", 1, first, most)
        time.sleep(_FORGOTTEN_SECONDS)
        _row(table, f"{_FORGOTTEN_SECONDS:.0f} s later, in all", 1, first, Usage.of(server))


def _measure_with_browser(folder: Path, table: Table, idle: int, photos: int) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright, running_app(folder, folder / "server.log") as server:
        browser = playwright.chromium.launch(executable_path=find_browser())
        measure(browser, server, table, idle, photos)
        browser.close()


@click.command()
@click.option("--idle", default=20, show_default=True, help="Viewers who do nothing")
@click.option("--photos", default=5, show_default=True, help="Viewers who analyse a photo")
@click.option(
    "--visits", default=0, show_default=True, help="Only this: visitors who come, 20 at a time, and leave, twice"
)
def main(idle: int, photos: int, visits: int) -> None:
    """Measure what each viewer costs the app's process."""
    table = Table("viewer", "number", "memory each", "threads each", "open files each")
    with tempfile.TemporaryDirectory() as folder:
        if visits:
            with running_app(Path(folder), Path(folder) / "server.log") as server:
                come_and_go(server, table, visits, _AT_ONCE)
        else:
            _measure_with_browser(Path(folder), table, idle, photos)
    Console().print(table)


if __name__ == "__main__":
    main()
