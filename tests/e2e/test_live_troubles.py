"""What goes wrong on the Live page, in a real browser: no face, no permission, no route, failing frames, no place."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserType, Page, expect

from fer.paths import CHECKOUT
from tests.support.browser import CAMERA_FLAGS
from tests.support.live_driver import camera, counted, expect_frames, expect_moving_video, open_live, start, stop
from tests.support.serving import Server, running_app


@pytest.fixture(scope="module")
def crowded_server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start an app that allows one camera and whose processing fails on every fifth frame."""
    folder = tmp_path_factory.mktemp("crowded")
    # Python imports this automatically when it starts.
    (folder / "sitecustomize.py").write_text(
        "from fer.streams import pipeline\n"
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


@contextmanager
def another_browser(browser_type: BrowserType, launch_args: dict[str, Any], *arguments: str) -> Iterator[Browser]:
    """Start a browser with other flags: no film for the camera, or no permission to use it."""
    browser = browser_type.launch(**{**launch_args, "args": list(arguments)})
    try:
        yield browser
    finally:
        browser.close()


def test_without_a_face_the_page_says_so(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], server: Server
) -> None:
    """Without a film, Chromium's camera shows a test pattern."""
    with another_browser(browser_type, browser_type_launch_args, *CAMERA_FLAGS) as browser:
        page = browser.new_page()
        open_live(page, server)
        start(page)
        expect_frames(page, 15)
        expect(page.get_by_text("No face found")).to_be_visible()
        expect(page.get_by_text("0 faces")).to_be_visible()
        stop(page)
        expect(page.get_by_text("No face was found in this session")).to_be_visible()
    assert not server.complaints()


def test_permission_denied_is_named_with_what_to_do(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], server: Server
) -> None:
    """Nobody grants permission. START shows the browser's message; choosing a camera shows ours."""
    with another_browser(browser_type, browser_type_launch_args, "--use-fake-device-for-media-stream") as browser:
        page = browser.new_page()
        open_live(page, server)
        start(page)
        expect(camera(page).get_by_text("NotAllowedError")).to_be_visible()
        # The page's help opens automatically.
        expect(page.get_by_text("Allow the camera with the icon next to the address")).to_be_visible()
        camera(page).get_by_role("button", name="Choose camera").click()
        expect(camera(page).get_by_text("The browser blocked the camera")).to_be_visible()
        page.get_by_role("link", name="Analyse a snapshot or a photo instead").click()
        expect(page.get_by_role("heading", name="Upload")).to_be_visible()
    assert not server.complaints()


def test_no_route_is_told_apart_from_no_camera(page: Page, server: Server) -> None:
    """The browser has a camera, but may only use a relay, and there is none."""
    page.add_init_script(
        "const Real = RTCPeerConnection;"
        "window.RTCPeerConnection = class extends Real {"
        "  constructor(settings) { super({...settings, iceTransportPolicy: 'relay'}); }"
        "}"
    )
    open_live(page, server)
    start(page)
    expect(page.get_by_text("TURN is needed").first).to_be_visible()
    expect(page.get_by_text("Your camera works").first).to_be_visible()
    assert not server.complaints()


def test_failing_frames_and_a_second_viewer(page: Page, browser: Browser, crowded_server: Server) -> None:
    open_live(page, crowded_server)
    start(page)
    expect_frames(page)
    expect_moving_video(page)
    expect(page.get_by_text("frames failed")).to_contain_text("RuntimeError: every fifth frame")
    failed, frames = counted(page, "failed", "frames")
    assert failed == pytest.approx(frames / 5, abs=1)
    expect(page.get_by_text("1 face")).to_be_visible()

    other = browser.new_context().new_page()
    other.goto(f"{crowded_server.url}/Live")
    other.get_by_role("button", name="I have read this").click()
    expect(other.get_by_text("Busy.")).to_be_visible()
    expect(other.locator('iframe[title*="webrtc_streamer"]')).to_have_count(0)
    stop(page)
    # The next viewer's page continues automatically.
    expect(camera(other).get_by_role("button", name="Start")).to_be_visible()
    other.context.close()
