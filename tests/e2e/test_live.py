"""The Live page in a real browser with a fake camera."""

import csv
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserType, Download, Locator, Page, expect

from fer.emotions import EMOTIONS
from fer.paths import CHECKOUT
from fer.vision.detection import create_detector
from tests.support.browser import CAMERA_FLAGS, App
from tests.support.live_driver import (
    Held,
    accept,
    camera,
    counted,
    cycle,
    eventually,
    expect_frames,
    expect_more_frames,
    expect_moving_video,
    memory_mb,
    open_live,
    start,
    statistics,
    stop,
)
from tests.support.serving import Server, running_app

pytestmark = pytest.mark.alone

_CYCLES = 3


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


def downloaded(page: Page, label: str) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label, exact=True).click()
    download: Download = waiting.value
    return Path(download.path()).read_bytes()


def snapshot_taken(page: Page) -> bytes:
    """Download a snapshot of the current picture and return it."""
    kept = page.get_by_alt_text("Your snapshot")
    before = kept.get_attribute("src") if kept.count() else None
    page.get_by_role("button", name="Take snapshot").click()
    # The browser must not download the previous one.
    eventually(lambda: kept.count() > 0 and kept.get_attribute("src") != before, page)
    return downloaded(page, "Download snapshot")


def faces_in(jpeg: bytes) -> int:
    """Return how many faces YuNet finds in a picture of the camera's size."""
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (480, 640, 3)
    return len(create_detector("yunet").detect(picture))


def timeline(page: Page) -> Locator:
    return page.frame_locator('iframe[title*="live_charts"]').locator("#timeline.js-plotly-plot")


def expect_hidden_lines_to_stay_hidden(page: Page) -> None:
    """Check that a class hidden in the legend stays hidden when the chart updates."""
    plot = timeline(page)
    plot.locator(".legendtoggle").nth(EMOTIONS.index("sad")).click()
    ends = "plot => plot._fullLayout.xaxis.range[1]"
    hidden = "plot => plot._fullData.filter(line => line.visible === 'legendonly').map(line => line.name)"
    eventually(lambda: plot.evaluate(hidden) == ["sad"], page)
    before = plot.evaluate(ends)
    eventually(lambda: plot.evaluate(ends) > before + 1, page)
    assert plot.evaluate(hidden) == ["sad"]


@contextmanager
def another_browser(browser_type: BrowserType, launch_args: dict[str, Any], *arguments: str) -> Iterator[Browser]:
    """Start a browser with other flags: no film for the camera, or no permission to use it."""
    browser = browser_type.launch(**{**launch_args, "args": list(arguments)})
    try:
        yield browser
    finally:
        browser.close()


@pytest.mark.timeout(400)
def test_a_session_from_the_notice_to_the_downloads_twice(app: App) -> None:
    page = app.open("Live")
    expect(page.get_by_text("Before the camera opens")).to_be_visible()
    assert page.locator('iframe[title*="webrtc_streamer"]').count() == 0
    accept(page)

    page.get_by_text("Settings", exact=True).click()
    start(page)
    expect_frames(page)
    expect_moving_video(page)
    expect(page.get_by_text("1 face")).to_be_visible()
    expect(page.get_by_text("looks ").first).to_be_visible()
    expect(page.get_by_text("Share of time")).to_be_visible()
    expect(page.get_by_text("Last minute")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    expect_hidden_lines_to_stay_hidden(page)
    assert counted(page, "failed") == (0,)

    # Settings affect the running stream: blur with the default detector, then with the other one.
    assert faces_in(snapshot_taken(page)) == 1
    # They were opened before START and are still open.
    page.get_by_text("Blur faces").click()
    expect_more_frames(page)
    assert faces_in(snapshot_taken(page)) == 0
    page.get_by_role("radio", name="YuNet").click()
    expect_more_frames(page)
    expect(page.get_by_text("1 face")).to_be_visible()
    snapshot = snapshot_taken(page)
    assert faces_in(snapshot) == 0

    stop(page)
    expect(page.get_by_text("Your last session")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(1)
    expect(timeline(page)).to_be_visible()
    assert downloaded(page, "Download snapshot") == snapshot
    rows = list(csv.DictReader(io.StringIO(downloaded(page, "CSV").decode())))
    assert len(rows) > 30
    assert {row["person"] for row in rows} == {"1"}
    assert all(0.98 < sum(float(row[name]) for name in EMOTIONS) < 1.02 for row in rows)
    document = json.loads(downloaded(page, "JSON"))
    assert document["frames"] >= len(document["rows"]) == len(rows)
    assert document["detector"] == "yunet"
    eventually(lambda: Held.by(app.server).udp_sockets == 0, page, 10)

    # A second session; then leave without STOP, and return.
    start(page)
    expect(page.get_by_text("Your last session")).to_be_hidden()
    expect_frames(page)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Home").click()
    expect(page.get_by_text("Open the camera").first).to_be_visible()
    eventually(lambda: Held.by(app.server).udp_sockets == 0, page, 15)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Live").click()
    expect(page.get_by_text("Your last session")).to_be_visible()
    expect(camera(page).get_by_role("button", name="Start")).to_be_visible()


@pytest.mark.timeout(400)
def test_on_a_phone_everything_is_in_one_column(page: Page, server: Server) -> None:
    page.set_viewport_size({"width": 400, "height": 860})
    open_live(page, server)
    start(page)
    expect_frames(page, 10)
    expect(page.get_by_text("Last minute")).to_be_visible()
    page.get_by_text("Settings", exact=True).click()
    expect(page.get_by_text("Blur faces")).to_be_visible()
    boxes = [
        place.bounding_box()
        for place in (
            page.locator('iframe[title*="webrtc_streamer"]'),
            statistics(page),
            page.get_by_text("Last minute"),
            page.get_by_text("Smallest face"),
            page.get_by_text("Smoothing"),
            page.get_by_text("Blur faces"),
        )
    ]
    # One below the other, and none wider than the window.
    tops = [box["y"] for box in boxes if box]
    assert len(tops) == len(boxes) and tops == sorted(tops)
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 400 for box in boxes if box)
    for place in ("html", '[data-testid="stMain"]'):
        assert page.locator(place).evaluate("element => element.scrollWidth <= element.clientWidth"), place
    stop(page)
    expect(page.get_by_text("Your last session")).to_be_visible()
    assert page.locator('[data-testid="stMain"]').evaluate("element => element.scrollWidth <= element.clientWidth")
    assert not server.complaints()


@pytest.mark.timeout(600)
def test_streaming_leaks_no_memory_and_viewers_who_leave_free_everything(
    page: Page, browser: Browser, server: Server
) -> None:
    """Stream for half a minute, with three viewers; `make soak` takes ten minutes and thirty viewers."""
    open_live(page, server)
    start(page)
    # By then the record, the encoder and Plotly have allocated their memory.
    expect_frames(page, 100)
    megabytes = [memory_mb(server)]
    for _ in range(6):
        page.wait_for_timeout(5000)
        megabytes.append(memory_mb(server))
    # A second of frames kept is 14 MB.
    assert max(megabytes) - megabytes[0] <= 30, megabytes
    assert counted(page, "failed") == (0,)
    stop(page)
    eventually(lambda: Held.by(server).udp_sockets == 0, page)
    before = Held.by(server)
    for _ in range(_CYCLES):
        cycle(browser, server)

    # A closed tab sends nothing; its connection ends after half a minute without an answer.
    eventually(lambda: Held.by(server).udp_sockets == 0, page, 90)
    # The event loop's helpers are made on demand and stay, up to six; and Streamlit keeps a closed tab's session, with
    # an event loop of three files, for two minutes: a cycle makes two. A leak of ours would be a thread and three files
    # for each of the three starts of a cycle, and stay.
    eventually(lambda: Held.by(server).threads <= before.threads + 6, page, 150)
    after = Held.by(server)
    assert after.files <= before.files + _CYCLES * 2 * 3 + 4, f"before {before}, after {after}"
    assert not server.complaints()


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
