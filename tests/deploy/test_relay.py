"""The camera through coturn, where there is no direct way between browser and app."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserType, Page, expect

from tests.support.browser import camera_flags, find_browser
from tests.support.caddy import NAME, running_caddy
from tests.support.live_driver import PATIENCE_MS, accept, expect_frames, start
from tests.support.network_namespaces import (
    APP_ADDRESS,
    APP_PORT,
    PUBLIC_ADDRESS,
    RELAY,
    VIEWER,
    networks,
    reaches,
    running_app_within,
    running_relay,
    within,
)

_HTTPS_PORT = 8443


@contextmanager
def viewer_page(browser_type: BrowserType, folder: Path, camera: Path) -> Iterator[Page]:
    """Open a browser in the viewer's network."""
    program = folder / "chromium"
    program.write_text(f'#!/bin/sh\nexec {" ".join(within(VIEWER))} {find_browser()} "$@"\n')
    program.chmod(0o755)
    arguments = [*camera_flags(camera), f"--host-resolver-rules=MAP {NAME} {PUBLIC_ADDRESS}"]
    browser = browser_type.launch(executable_path=program, args=arguments)
    try:
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield page
    finally:
        browser.close()


@contextmanager
def live_page(browser_type: BrowserType, folder: Path, home: Path, camera: Path, app_secret: str) -> Iterator[Page]:
    """Open Live through Caddy, with coturn running, and press START."""
    environment = {
        **os.environ,
        "FER_HOME": str(home),
        "FER_TURN_URLS": f"turn:{PUBLIC_ADDRESS}:3478?transport=udp",
        "FER_TURN_SECRET": app_secret,
        "STREAMLIT_SERVER_ALLOWED_HOSTS": f"localhost 127.0.0.1 {NAME}",
    }
    with (
        networks(),
        running_relay(folder, "the secret of both"),
        running_app_within(folder, environment),
        running_caddy(folder, [f"{APP_ADDRESS}:{APP_PORT}"], _HTTPS_PORT, within(RELAY)),
        viewer_page(browser_type, folder, camera) as page,
    ):
        assert not reaches(VIEWER, f"http://{APP_ADDRESS}:{APP_PORT}/_stcore/health")
        page.goto(f"https://{NAME}:{_HTTPS_PORT}/Live")
        accept(page)
        start(page)
        yield page


def test_frames_arrive_by_relay(browser_type: BrowserType, tmp_path: Path, home: Path, fake_camera: Path) -> None:
    with live_page(browser_type, tmp_path, home, fake_camera, "the secret of both") as page:
        expect_frames(page, more_than=10)
    assert "CREATE_PERMISSION processed, success" in (tmp_path / "coturn.log").read_text(errors="replace")


def test_with_a_wrong_secret_no_frame_arrives_and_the_page_says_why(
    browser_type: BrowserType, tmp_path: Path, home: Path, fake_camera: Path
) -> None:
    with live_page(browser_type, tmp_path, home, fake_camera, "another secret") as page:
        expect(page.get_by_text("your browser got no address from it").first).to_be_visible()
