"""The Live page in a real browser with a camera that is none."""

import csv
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest
from playwright.sync_api import Browser, BrowserType, Download, FrameLocator, Locator, Page, expect

from fer.emotions import EMOTIONS
from fer.paths import CHECKOUT
from fer.vision.detection import create_detector
from tests.e2e.camera import portrait_frames
from tests.e2e.conftest import App
from tests.serving import Server, running_app

_PATIENCE_MS = 60_000
_PATIENCE_S = _PATIENCE_MS / 1000


@pytest.fixture(scope="module")
def crowded_server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An app with one place for a camera, whose processing raises on every fifth frame."""
    folder = tmp_path_factory.mktemp("crowded")
    # Python imports this by itself when it starts.
    (folder / "sitecustomize.py").write_text(
        "from fer.live import pipeline\n"
        "run, calls = pipeline.FacePipeline.run, [0]\n"
        "def failing(self, *args, **kwargs):\n"
        "    calls[0] += 1\n"
        "    if calls[0] % 5 == 0:\n"
        "        raise RuntimeError('every fifth frame')\n"
        "    return run(self, *args, **kwargs)\n"
        "pipeline.FacePipeline.run = failing\n"
    )
    environment = {"PYTHONPATH": os.pathsep.join([str(folder), str(CHECKOUT)]), "FER_LIVE_STREAMS": "1"}
    with running_app(home, folder / "server.log", environment) as server:
        yield server


def camera(page: Page) -> FrameLocator:
    return page.frame_locator('iframe[title*="webrtc_streamer"]')


def start(page: Page) -> None:
    camera(page).get_by_role("button", name="Start").click()


def stop(page: Page) -> None:
    camera(page).get_by_role("button", name="Stop").click()
    expect(camera(page).get_by_role("button", name="Start")).to_be_visible()


def accept(page: Page) -> None:
    page.get_by_role("button", name="I have read this").click()
    expect(camera(page).get_by_role("button", name="Start")).to_be_visible()


def figures(page: Page) -> Locator:
    """The line with frames a second, milliseconds, faces, frames, dropped and failed ones."""
    return page.get_by_text("dropped")


def counted(page: Page, *names: str) -> tuple[int, ...]:
    """The numbers before `names` in that line, such as 'frames', all of one moment."""
    numbers = dict(reversed(part.split()[:2]) for part in figures(page).first.inner_text().split(" · "))
    return tuple(int(numbers[name]) for name in names)


def eventually(what: Callable[[], bool], page: Page, seconds: float = _PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        page.wait_for_timeout(200)


def expect_frames(page: Page, more_than: int = 30) -> None:
    expect(figures(page)).to_be_visible()
    eventually(lambda: counted(page, "frames") > (more_than,), page)


def expect_moving_video(page: Page) -> None:
    video = camera(page).locator("video")
    assert video.evaluate("video => video.videoWidth") > 0
    before = video.evaluate("video => video.currentTime")
    eventually(lambda: video.evaluate("video => video.currentTime") > before, page)


def downloaded(page: Page, label: str) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label, exact=True).click()
    download: Download = waiting.value
    return Path(download.path()).read_bytes()


def udp_sockets(server: Server) -> int:
    """Sockets of peer connections: nothing else in the app speaks UDP."""
    return len(psutil.Process(server.pid).net_connections(kind="udp"))


@contextmanager
def another_browser(browser_type: BrowserType, launch_args: dict[str, Any], *arguments: str) -> Iterator[Browser]:
    """A browser with other flags than the tests' own: no film for a camera, no leave to use it."""
    browser = browser_type.launch(**{**launch_args, "args": list(arguments)})
    try:
        yield browser
    finally:
        browser.close()


def test_a_session_from_the_notice_to_the_files_and_once_more(app: App) -> None:
    page = app.open("Live")
    expect(page.get_by_text("Before the camera opens")).to_be_visible()
    assert page.locator('iframe[title*="webrtc_streamer"]').count() == 0
    accept(page)

    start(page)
    expect_frames(page)
    expect_moving_video(page)
    expect(page.get_by_text("1 face")).to_be_visible()
    expect(page.get_by_text("looks ").first).to_be_visible()
    expect(page.get_by_text("Share of time")).to_be_visible()
    expect(page.get_by_text("Last minute")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    assert counted(page, "failed") == (0,)

    # Settings act on the running stream.
    page.get_by_text("Settings", exact=True).click()
    page.get_by_role("radio", name="YuNet").click()
    page.get_by_text("Blur faces").click()
    (before,) = counted(page, "frames")
    expect_frames(page, before + 20)
    expect(page.get_by_text("1 face")).to_be_visible()
    page.get_by_role("button", name="Take a snapshot").click()
    snapshot = downloaded(page, "Download the snapshot")
    blurred = cv2.imdecode(np.frombuffer(snapshot, np.uint8), cv2.IMREAD_COLOR)
    assert blurred.shape == (480, 640, 3)
    detector = create_detector("yunet")
    assert (len(detector.detect(portrait_frames()[0])), len(detector.detect(blurred))) == (1, 0)

    stop(page)
    expect(page.get_by_text("Your last session")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    assert downloaded(page, "Download the snapshot") == snapshot
    rows = list(csv.DictReader(io.StringIO(downloaded(page, "CSV").decode())))
    assert len(rows) > 30
    assert {row["person"] for row in rows} == {"1"}
    assert all(0.98 < sum(float(row[name]) for name in EMOTIONS) < 1.02 for row in rows)
    document = json.loads(downloaded(page, "JSON"))
    assert document["frames"] >= len(document["rows"]) == len(rows)
    assert document["detector"] == "yunet"
    eventually(lambda: udp_sockets(app.server) == 0, page, 10)

    # Once more; then away without STOP, and back.
    start(page)
    expect(page.get_by_text("Your last session")).to_be_hidden()
    expect_frames(page)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Home").click()
    expect(page.get_by_text("Open the camera").first).to_be_visible()
    eventually(lambda: udp_sockets(app.server) == 0, page, 15)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Live").click()
    expect(page.get_by_text("Your last session")).to_be_visible()
    expect(camera(page).get_by_role("button", name="Start")).to_be_visible()


def test_a_reload_lets_go_of_the_camera_and_starts_anew(app: App) -> None:
    page = app.open("Live")
    accept(page)
    start(page)
    expect_frames(page, 10)
    page.reload()
    app.settle()
    eventually(lambda: udp_sockets(app.server) == 0, page, 30)
    accept(page)
    start(page)
    expect_frames(page)
    expect(page.get_by_text("1 face")).to_be_visible()


def test_without_a_face_the_page_says_so(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], server: Server
) -> None:
    """Without a film Chromium's camera shows its test pattern."""
    flags = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with another_browser(browser_type, browser_type_launch_args, *flags) as browser:
        page = browser.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(f"{server.url}/Live")
        accept(page)
        start(page)
        expect_frames(page, 15)
        expect(page.get_by_text("No face is seen")).to_be_visible(timeout=_PATIENCE_MS)
        expect(page.get_by_text("0 faces")).to_be_visible()
        stop(page)
        expect(page.get_by_text("No face was found in this session")).to_be_visible(timeout=_PATIENCE_MS)
    assert not server.complaints()


def test_permission_denied_is_named_with_what_to_do(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], server: Server
) -> None:
    """Nobody is there to say yes."""
    with another_browser(browser_type, browser_type_launch_args, "--use-fake-device-for-media-stream") as browser:
        page = browser.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(f"{server.url}/Live")
        accept(page)
        start(page)
        expect(camera(page).get_by_text("NotAllowedError")).to_be_visible(timeout=_PATIENCE_MS)
        expect(page.get_by_text("No picture for ten seconds")).to_be_visible(timeout=_PATIENCE_MS)
        expect(page.get_by_text("Allow the camera by the symbol beside the address")).to_be_visible()
        page.get_by_role("link", name="Take a snapshot or drop a photo instead").click()
        expect(page.get_by_role("heading", name="Upload")).to_be_visible(timeout=_PATIENCE_MS)
    assert not server.complaints()


def test_failing_frames_and_a_second_viewer(page: Page, browser: Browser, crowded_server: Server) -> None:
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(f"{crowded_server.url}/Live")
    accept(page)
    start(page)
    expect_frames(page)
    expect_moving_video(page)
    expect(page.get_by_text("frames failed")).to_be_visible()
    failed, frames = counted(page, "failed", "frames")
    assert failed == pytest.approx(frames / 5, abs=1)
    expect(page.get_by_text("1 face")).to_be_visible()

    other = browser.new_context().new_page()
    other.set_default_timeout(_PATIENCE_MS)
    other.goto(f"{crowded_server.url}/Live")
    other.get_by_role("button", name="I have read this").click()
    expect(other.get_by_text("Busy.")).to_be_visible(timeout=_PATIENCE_MS)
    expect(other.locator('iframe[title*="webrtc_streamer"]')).to_have_count(0)
    stop(page)
    # The next viewer's page goes on by itself.
    expect(camera(other).get_by_role("button", name="Start")).to_be_visible(timeout=_PATIENCE_MS)
    other.context.close()
