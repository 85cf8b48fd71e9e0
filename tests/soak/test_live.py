"""Ten minutes of streaming, and thirty viewers who leave again.

FER_SOAK_SECONDS and FER_SOAK_CYCLES shorten them for a quick check.
"""

import os
import signal
import sys

import pytest
from playwright.sync_api import Browser, Page

from tests.support.live_driver import Held, counted, cycle, eventually, expect_frames, memory_mb, open_live, start
from tests.support.serving import Server

_SECONDS = float(os.environ.get("FER_SOAK_SECONDS", "600"))
_CYCLES = int(os.environ.get("FER_SOAK_CYCLES", "30"))
_WARM_SECONDS = min(60.0, _SECONDS / 3)
_SAMPLES = 20
_SESSION_SECONDS = 125


@pytest.mark.timeout(_SECONDS + 300)
def test_memory_is_flat_while_the_camera_is_on(page: Page, server: Server) -> None:
    open_live(page, server)
    start(page)
    expect_frames(page)
    page.wait_for_timeout(_WARM_SECONDS * 1000)
    samples = []
    for _ in range(_SAMPLES):
        page.wait_for_timeout((_SECONDS - _WARM_SECONDS) * 1000 / _SAMPLES)
        samples.append(memory_mb(server))
    frames, dropped, failed = counted(page, "frames", "dropped", "failed")
    report = f"{frames} frames, {dropped} dropped, {failed} failed; MB: {[round(sample) for sample in samples]}"
    sys.stdout.write(f"{report}\n")
    assert failed == 0, report
    assert frames > 5 * _SECONDS, report
    assert max(samples) - samples[0] <= 20, report
    assert not server.complaints()


def collect(server: Server, page: Page) -> None:
    os.kill(server.pid, signal.SIGUSR1)
    page.wait_for_timeout(3000)


@pytest.mark.timeout(_CYCLES * 120 + 600)
def test_viewers_who_leave_free_everything(page: Page, browser: Browser, server: Server) -> None:
    """A cycle has three starts, ended by STOP, by a reload and by closing the tab."""
    # The first ones create what stays: the helper threads of the event loop and the encoder.
    for _ in range(2):
        cycle(browser, server)
    eventually(lambda: Held.by(server).udp_sockets == 0, page)
    collect(server, page)
    before = Held.by(server)
    for _ in range(_CYCLES):
        cycle(browser, server)
    # Streamlit keeps a closed tab's session for two minutes and frees it when the next tab opens.
    page.wait_for_timeout(_SESSION_SECONDS * 1000)
    page.goto(f"{server.url}/Upload")
    page.wait_for_timeout(5000)
    page.goto("about:blank")
    eventually(lambda: Held.by(server).udp_sockets == 0, page)
    collect(server, page)
    after = Held.by(server)
    report = f"{_CYCLES} cycles: before {before}, after {after}"
    sys.stdout.write(f"{report}\n")
    assert after.udp_sockets == before.udp_sockets == 0, report
    assert after.threads <= before.threads + 3, report
    assert after.files <= before.files + 3, report
    assert not server.complaints()
