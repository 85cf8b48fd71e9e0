"""`python -m tests.trust.scenario FOLDER`: use the whole program while it is watched, offline if possible.

Writes below FOLDER: home/ (FER_HOME), user/ (HOME), tmp/ (TMPDIR), watch.jsonl, strace.*, and done.json at the end.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
from playwright.sync_api import Page, expect, sync_playwright

from fer.paths import CHECKOUT
from fer.ui.frame import MENU
from fer.vision.samples import sample_portrait
from tests.support import live_driver
from tests.support.browser import IDLE, camera_flags, find_browser
from tests.support.camera import write_portrait_video
from tests.support.serving import Server, running_app
from tests.trust import watch

_PATIENCE_MS: Final = 120_000
# A training has a low priority, so on a busy machine it waits for everything else.
_TRAINING_SECONDS: Final = 900
# An address of a network inside this machine, because WebRTC needs one that isn't loopback.
_ADDRESS: Final = "198.51.100.1"
_TRAIN: Final = ("train", "--data", "synthetic", "--network", "small", "--epochs", "1", "--fraction", "0.2")
_EVALUATE: Final = ("evaluate", "synthetic")


def own_addresses() -> set[str]:
    """Return the addresses of this machine."""
    return {item.address.partition("%")[0] for items in psutil.net_if_addrs().values() for item in items}


def close_network() -> bool:
    """In its own network namespace, add an address that leads nowhere. Return whether this is such a namespace."""
    if os.environ.get("WATCH_OFFLINE") != "1":
        return False
    for words in (
        ("link", "set", "lo", "up"),
        ("link", "add", "inside", "type", "veth", "peer", "name", "outside"),
        ("addr", "add", f"{_ADDRESS}/24", "dev", "inside"),
        ("link", "set", "inside", "up"),
        ("link", "set", "outside", "up"),
    ):
        subprocess.run(["ip", *words], check=True)
    return True


class Watch:
    """Start the processes of a scenario so that everything they do is recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home, self.log = folder / "home", folder / "watch.jsonl"
        for name in ("home", "user", "tmp"):
            (folder / name).mkdir()
        self.strace = shutil.which("strace") is not None

    def environment(self) -> dict[str, str]:
        """Return a user's environment with empty folders and Python's hooks."""
        return {
            "FER_HOME": str(self.home),
            "HOME": str(self.folder / "user"),
            "TMPDIR": str(self.folder / "tmp"),
            "XDG_CACHE_HOME": str(self.folder / "user" / ".cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **watch.watched(self.log, own_addresses()),
        }

    def prefix(self, name: str) -> list[str]:
        """Return the words before a watched command."""
        return [*watch.STRACE, "-e", watch.CALLS, "-o", str(self.folder / f"strace.{name}")] if self.strace else []

    def command(self, name: str, *words: str) -> None:
        """Run `python -m fer WORDS`, watched, and fail if it fails."""
        subprocess.run(
            [*self.prefix(name), sys.executable, "-m", "fer", *words],
            cwd=CHECKOUT,
            env=os.environ | self.environment(),
            check=True,
            timeout=_TRAINING_SECONDS,
            stdout=(self.folder / f"{name}.log").open("wb"),
            stderr=subprocess.STDOUT,
        )

    @contextmanager
    def app(self) -> Iterator[Server]:
        """Start the app, watched."""
        log = self.folder / "server.log"
        with running_app(self.home, log, self.environment(), prefix=self.prefix("app")) as server:
            try:
                yield server
            finally:
                # strace ends with the program it watches. If it ended first, that program would stay.
                for child in psutil.Process(server.pid).children() if self.strace else []:
                    child.terminate()
                    psutil.wait_procs([child], timeout=20)


@contextmanager
def browser_page(folder: Path, asked: list[str]) -> Iterator[Page]:
    """Open a tab with a fake camera; `asked` collects the addresses that its pages request."""
    video = folder / "camera.y4m"
    write_portrait_video(video)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=camera_flags(video))
        page = browser.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        expect.set_options(timeout=_PATIENCE_MS)
        page.context.on("request", lambda request: asked.append(request.url))
        yield page
        browser.close()


def use_pages(server: Server, page: Page, folder: Path) -> list[str]:
    """Open every page, analyse a photo and use the camera; return what was done."""
    done = []
    for entry in MENU:
        if entry.exists:
            name = "" if entry.path == "app.py" else Path(entry.path).stem.partition("_")[2]
            page.goto(f"{server.url}/{name}")
            page.locator(IDLE).wait_for(state="attached")
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            done.append(entry.path)
    photo = folder / "portrait.jpg"
    photo.write_bytes(sample_portrait())
    page.goto(f"{server.url}/Upload")
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(photo)
    expect(page.get_by_text("Face 1").first).to_be_visible()
    done.append("analysis")
    live_driver.open_live(page, server)
    live_driver.start(page)
    live_driver.expect_frames(page, 5)
    live_driver.stop(page)
    done.append("camera")
    return done


def main(folder: Path) -> None:
    """Run the scenario."""
    offline = close_network()
    watched = Watch(folder)
    asked: list[str] = []
    # The command with which a page starts a training, and the work of its evaluations.
    watched.command("train", *_TRAIN)
    watched.command("evaluate", *_EVALUATE)
    with watched.app() as server, browser_page(folder, asked) as page:
        done = use_pages(server, page, folder)
        complaints = server.complaints()
    result = {
        "done": [*done, "training", "evaluation"],
        "asked": [url for url in asked if not url.startswith((server.url, "data:", "blob:"))],
        "complaints": complaints,
        "offline": offline,
        "strace": watched.strace,
        "own": sorted(own_addresses()),
    }
    (folder / "done.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
