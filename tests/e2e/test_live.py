"""The Live page in a real browser with a fake camera: a session, a phone, and what is left when a viewer has left."""

import csv
import io
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Download, Locator, Page, expect

from fer.emotions import EMOTIONS
from fer.vision.detection import create_detector
from tests.support.browser import IDLE, App, eventually, expect_to_fit
from tests.support.live_driver import (
    Held,
    accept,
    camera,
    counted,
    cycle,
    expect_frames,
    expect_more_frames,
    expect_moving_video,
    memory_mb,
    open_live,
    start,
    statistics,
    stop,
)
from tests.support.serving import Server

pytestmark = pytest.mark.alone

_CYCLES = 3


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
    # The browser must not download the previous one, whose button stays until the page has followed.
    eventually(lambda: kept.count() > 0 and kept.get_attribute("src") != before, page)
    page.locator(IDLE).wait_for(state="attached")
    return downloaded(page, "Download snapshot")


def faces_in(jpeg: bytes) -> int:
    """Return how many faces YuNet finds in a picture of the camera's form."""
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    # A browser that is short of time sends smaller pictures of the same form.
    assert 3 * picture.shape[1] == 4 * picture.shape[0]
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


def watch_bars(page: Page) -> None:
    """Note what each picture that the browser paints from now on has: bars, a message in their place, or neither."""
    page.evaluate(
        """() => {
          window.painted = [];
          const note = () => {
            const bars = document.querySelector('[role=img][aria-label^="Probabilities"]');
            const says = bars?.offsetHeight > 50 ? bars.ariaLabel : document.querySelector('.stAlert') ? 'message' : '';
            window.painted.push(says);
            requestAnimationFrame(note);
          };
          note();
        }"""
    )


def expect_bars_without_flicker(page: Page) -> None:
    """Check that the bars changed while they were watched, and were never missing without a reason."""
    eventually(lambda: page.evaluate("new Set(window.painted).size") > 3, page)
    letters = {"": "-", "message": "M"}
    painted = "".join(letters.get(says, "B") for says in page.evaluate("window.painted"))
    assert not re.search("B-+B", painted), painted


@pytest.mark.timeout(400)
def test_a_session_from_the_notice_to_the_downloads_twice(app: App) -> None:
    page = app.open("Live")
    expect(page.get_by_text("Before the camera opens")).to_be_visible()
    expect(page.locator('iframe[title*="webrtc_streamer"]')).to_have_count(0)
    accept(page)

    page.get_by_text("Settings", exact=True).click()
    start(page)
    expect_frames(page)
    expect_moving_video(page)
    expect(page.get_by_text("1 face")).to_be_visible()
    expect(page.get_by_text("looks ").first).to_be_visible()
    expect(page.get_by_text("Share of time")).to_be_visible()
    expect(page.get_by_text("Last minute")).to_be_visible()
    expect(page.get_by_role("img", name="Probabilities")).to_be_visible()
    watch_bars(page)
    expect_hidden_lines_to_stay_hidden(page)
    assert counted(page, "failed") == (0,)

    # Settings affect the running stream: blur with the default detector, then with the other one.
    assert faces_in(snapshot_taken(page)) == 1
    # They were opened before START and are still open.
    page.get_by_text("Blur faces").click()
    eventually(lambda: faces_in(snapshot_taken(page)) == 0, page)
    page.get_by_role("radio", name="YuNet").click()
    expect_more_frames(page)
    expect(page.get_by_text("1 face")).to_be_visible()
    snapshot = snapshot_taken(page)
    assert faces_in(snapshot) == 0
    expect_bars_without_flicker(page)

    stop(page)
    expect(page.get_by_text("Your last session")).to_be_visible()
    expect(page.get_by_role("img", name="Share of time")).to_be_visible()
    expect(timeline(page)).to_be_visible()
    assert downloaded(page, "Download snapshot") == snapshot
    rows = list(csv.DictReader(io.StringIO(downloaded(page, "CSV").decode())))
    assert len(rows) > 30
    # After a pause of a busy machine, the face counts as that of another person.
    assert len({row["frame"] for row in rows}) == len(rows) and rows[0]["person"] == "1"
    assert all(0.98 < sum(float(row[name]) for name in EMOTIONS) < 1.02 for row in rows)
    document = json.loads(downloaded(page, "JSON"))
    assert document["frames"] >= len(document["rows"]) == len(rows)
    assert document["about"]["detector"] == "yunet"
    eventually(lambda: Held.by(app.server).udp_sockets == 0, page)

    # A second session; then leave without STOP, and return.
    start(page)
    expect(page.get_by_text("Your last session")).to_be_hidden()
    expect_frames(page)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Home").click()
    expect(page.get_by_text("Open the camera").first).to_be_visible()
    eventually(lambda: Held.by(app.server).udp_sockets == 0, page)
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
    parts = (
        page.locator('iframe[title*="webrtc_streamer"]'),
        statistics(page),
        page.get_by_text("Last minute"),
        page.get_by_text("Smallest face"),
        page.get_by_text("Smoothing"),
        page.get_by_text("Blur faces"),
    )

    def one_below_the_other() -> bool:
        boxes = [box for part in parts if (box := part.bounding_box())]
        tops = [box["y"] for box in boxes]
        none_is_wider = all(box["x"] >= 0 and box["x"] + box["width"] <= 400 for box in boxes)
        return len(boxes) == len(parts) and tops == sorted(tops) and none_is_wider

    # The page moves while its charts appear.
    eventually(one_below_the_other, page)
    expect_to_fit(page)
    stop(page)
    expect(page.get_by_text("Your last session")).to_be_visible()
    expect_to_fit(page)
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
    def is_freed() -> bool:
        held = Held.by(server)
        return held.threads <= before.threads + 6 and held.files <= before.files + _CYCLES * 2 * 3 + 4

    eventually(is_freed, page, 150)
    assert not server.complaints()
