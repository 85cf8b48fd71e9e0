"""Training in a real browser, with a real network on the drawn faces: start, watch, stop, resume, use."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from fer.runs import files, process, store
from fer.runs.store import RunSummary
from tests.e2e.conftest import use_tiny_model
from tests.serving import Server, running_app

# The run itself is a training process; on a busy machine an epoch takes a minute.
pytestmark = [pytest.mark.training, pytest.mark.timeout(1800)]
_PATIENCE_MS = 300_000
_LIVE = '[class*="st-key-training_live_{}"] .js-plotly-plot'
_ROW_PX = 35


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    use_tiny_model(folder)
    monkeypatch.setenv("FER_HOME", str(folder))
    yield folder
    for run in store.list_runs():
        if process.is_alive(run.folder):
            process.kill(run.folder)


def open_training(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/Training")
    expect(page.get_by_role("heading", name="New run")).to_be_visible()


def points(page: Page, chart: str) -> list[int]:
    """How many points each line of a live chart has; [] while it is not there."""
    plot = page.locator(_LIVE.format(chart))
    if plot.count() == 0:
        return []
    return plot.first.evaluate("plot => (plot.data || []).map(line => line.x.length)")


def wait_for_points(page: Page, chart: str, least: int) -> None:
    # Polled here: a chart is replaced in place, and its element may be another one a moment later.
    for _ in range(_PATIENCE_MS // 500):
        counts = points(page, chart)
        if counts and min(counts) >= least:
            return
        page.wait_for_timeout(500)
    pytest.fail(f"the {chart} chart never had {least} points: {points(page, chart)}")


def only_run() -> RunSummary:
    (run,) = store.list_runs()
    return run


def zoom_in(page: Page, chart: str) -> list[float]:
    """Drag over the left half of a chart, and return the range of epochs that it shows then."""
    plot = page.locator(f"{_LIVE.format(chart)} .nsewdrag").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 20, steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    return shown_epochs(page, chart)


def shown_epochs(page: Page, chart: str) -> list[float]:
    return page.locator(_LIVE.format(chart)).first.evaluate("plot => plot._fullLayout.xaxis.range")


def stop(page: Page) -> None:
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("No run is going on")).to_be_visible(timeout=_PATIENCE_MS)


def test_a_run_is_started_watched_across_a_restart_stopped_resumed_and_used(
    page: Page, browser: Browser, home: Path, tmp_path: Path
) -> None:
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)

    with running_app(home, tmp_path / "first.log") as server:
        open_training(page, server)
        expect(page.get_by_text("No run is going on")).to_be_visible()
        page.locator(".st-key-training_start_standard button").click()
        expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
        # Another tab shows the same run.
        other = browser.new_page()
        open_training(other, server)
        expect(other.get_by_role("button", name="Stop", exact=True)).to_be_visible()
        other.close()
        wait_for_points(page, "loss", 1)
        assert not server.complaints()

    # The server has gone; the run has not.
    assert only_run().state == "running"
    epoch = only_run().progress.epoch

    with running_app(home, tmp_path / "second.log") as server:
        open_training(page, server)
        wait_for_points(page, "loss", max(3, epoch))
        assert len(points(page, "loss")) == 2
        assert len(points(page, "class")) == 7
        assert min(points(page, "class")) >= 3
        zoomed = zoom_in(page, "loss")
        before = min(points(page, "loss"))
        wait_for_points(page, "loss", before + 1)
        assert shown_epochs(page, "loss") == zoomed, "a zoom stays when the next epoch comes"
        page.screenshot(path=tmp_path / "watching.png", full_page=True)

        stop(page)
        assert only_run().state == "stopped"
        assert only_run().has_bundle
        epoch = only_run().progress.epoch

        page.get_by_test_id("stDataFrame").first.click(position={"x": 15, "y": _ROW_PX + _ROW_PX // 2})
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
        wait_for_points(page, "class", epoch + 1)
        stop(page)
        assert only_run().progress.epoch >= epoch + 1
        assert (only_run().folder / files.METRICS).read_text().count("\n") == only_run().progress.epoch + 1

        page.get_by_role("button", name="Use this model").click()
        expect(page.get_by_text("Live and Upload now use the model")).to_be_visible()
        sidebar = page.get_by_test_id("stSidebar")
        sidebar.get_by_role("link", name="Home").click()
        expect(page.get_by_text("residual-on-synthetic").first).to_be_visible()
        sidebar.get_by_role("link", name="Upload").click()
        page.get_by_text("Try a sample").click()
        page.get_by_role("button", name="Analyse the sample").click()
        expect(page.get_by_text("sample portrait").first).to_be_visible()
        assert not server.complaints()
