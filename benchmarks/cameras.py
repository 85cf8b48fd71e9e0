"""Measure how many cameras one process of the app serves: `python -m benchmarks.cameras` prints a table.

One camera after the other is added, each in a browser session of its own, until there are `--most`. After each, for
some seconds: the pictures a second that its viewers get on average, what the app's process needs of a core, in all and
per picture, and its memory and threads. Chromium, which plays all cameras and all viewers, runs on the same machine
and needs cores too; its share is in the table, so that the app's own limit can be told from the machine's. With
`--pin`, the app has only the first core, and Chromium the others.
"""

import os
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import click
import psutil
from playwright.sync_api import Browser, Page, expect, sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.capacity import Usage
from fer.text import MB
from tests.support.browser import camera_flags, find_browser
from tests.support.camera import write_portrait_video
from tests.support.live_driver import PATIENCE_MS, accept, start, statistics
from tests.support.serving import Server, running_app


def open_camera(page: Page, server: Server) -> None:
    """Start the camera, and wait for frames."""
    page.goto(f"{server.url}/Live")
    accept(page)
    start(page)
    expect(statistics(page)).to_be_visible()


def rate_of(page: Page) -> int:
    """Return the pictures a second that a viewer's page shows."""
    found = re.search(r"(\d+) picture", statistics(page).inner_text())
    return int(found[1]) if found else 0


def browser_seconds(server: Server) -> float:
    """Return the processor seconds of all children of this process but the app: Chromium, and what steers it."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        if process.pid != server.pid:
            total += times.user + times.system
    return total


def watch(server: Server, pages: Sequence[Page], seconds: float) -> tuple[float, float, float]:
    """Return the app's and the browser's shares of a core, and the pictures a second of each viewer."""
    before, browser, began = Usage.of(server), browser_seconds(server), time.monotonic()
    rates = []
    while time.monotonic() - began < seconds:
        pages[0].wait_for_timeout(1000)
        rates.append(mean(rate_of(page) for page in pages))
    passed = time.monotonic() - began
    app = (Usage.of(server).processor_s - before.processor_s) / passed
    return app, (browser_seconds(server) - browser) / passed, mean(rates)


def add_cameras(browser: Browser, server: Server, table: Table, most: int, settle: float, seconds: float) -> None:
    """Fill the table, a row for each number of cameras."""
    pages: list[Page] = []
    for number in range(1, most + 1):
        page = browser.new_context().new_page()
        page.set_default_timeout(PATIENCE_MS)
        open_camera(page, server)
        pages.append(page)
        page.wait_for_timeout(settle * 1000)
        app, other, rate = watch(server, pages, seconds)
        usage = Usage.of(server)
        table.add_row(
            str(number),
            f"{rate:.1f}",
            f"{app:.2f}",
            f"{app / number:.2f}",
            f"{1000 * app / max(rate * number, 1e-9):.1f} ms",
            f"{other:.2f}",
            f"{usage.memory / MB:.0f} MB",
            str(usage.threads),
        )


@click.command(help=__doc__)
@click.option("--most", default=4, show_default=True, help="Cameras at the end.")
@click.option("--fps", default=15, show_default=True, help="Pictures a second of each camera.")
@click.option("--settle", default=3.0, show_default=True, help="Seconds before each measurement.")
@click.option("--seconds", default=10.0, show_default=True, help="Seconds of each measurement.")
@click.option("--pin", is_flag=True, help="Give the app the first core only, and Chromium the others.")
def main(most: int, fps: int, settle: float, seconds: float, pin: bool) -> None:
    """Print a table."""
    cores = sorted(os.sched_getaffinity(0))
    title = f"{fps} pictures a second, {'the app on one core' if pin else f'{len(cores)} cores for all'}"
    columns = ("cameras", "each gets", "app", "app each", "per picture", "Chromium", "memory", "threads")
    table = Table(*columns, title=title)
    expect.set_options(timeout=PATIENCE_MS)
    with tempfile.TemporaryDirectory() as folder:
        home, video = Path(folder) / "home", Path(folder) / "camera.y4m"
        home.mkdir()
        write_portrait_video(video, fps)
        # What is started inherits the cores, and a process may take fewer of them for itself.
        if pin:
            os.sched_setaffinity(0, cores[:1])
        with running_app(home, Path(folder) / "server.log", {"FER_LIVE_STREAMS": str(most)}) as server:
            if pin:
                os.sched_setaffinity(0, cores[1:])
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=find_browser(), args=camera_flags(video))
                add_cameras(browser, server, table, most, settle, seconds)
                browser.close()
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
