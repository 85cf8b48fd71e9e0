"""Training in a real browser, with a real network on synthetic faces: start, watch, stop, resume, use."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from fer.recognition.analyzer import load_analyzer
from fer.recognition.bundle import load_bundle
from fer.runs import layout, process, store
from fer.runs.config import TrainConfig
from fer.runs.store import RunSummary
from fer.vision.samples import sample_portrait
from tests.support.browser import PATIENCE_S, drawn_table, eventually
from tests.support.browser_fixtures import use_tiny_model
from tests.support.run_folders import write_answers, write_run
from tests.support.serving import Server, running_app

_PATIENCE_MS = 120_000
# Loss and accuracy share one frame; the classes and the learning rate have one each.
_FRAME = '[class*="st-key-training_live_{}"] iframe'
_GROUP = {"loss": "charts", "classes": "classes", "rate": "rate"}
_LINES = {"loss": 2, "classes": 7, "rate": 1}
_ROW_PX = 35


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
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


def start_a_long_run_of_short_epochs(page: Page) -> None:
    """Train the real network on seventy synthetic faces, which takes minutes unless it is stopped."""
    page.get_by_text("All settings, starting from").click()
    for name, value in (("Fraction", "0.1"), ("Epochs", "1000")):
        field = page.get_by_label(name, exact=True)
        field.fill(value)
        field.press("Enter")
    page.get_by_text("Command", exact=True).click()
    expect(page.get_by_text("--fraction 0.1 --epochs 1000")).to_be_visible()
    page.locator(".st-key-training_start_expert button").click()


def chart(page: Page, name: str) -> Locator:
    return page.frame_locator(_FRAME.format(_GROUP[name])).first.locator(f"#{name}.js-plotly-plot")


def points(page: Page, name: str) -> list[int]:
    """Return how many points each line of a live chart has; [] if there is no chart."""
    plot = chart(page, name)
    if page.locator(_FRAME.format(_GROUP[name])).count() == 0 or plot.count() == 0:
        return []
    return plot.evaluate("plot => (plot.calcdata || []).map(line => line.length)")


def wait_for_points(page: Page, name: str, least: int) -> None:
    """Wait until each line of a chart has `least` points. Each chart's frame is loaded on its own, in any order."""
    for _ in range(_PATIENCE_MS // 500):
        counts = points(page, name)
        if len(counts) == _LINES[name] and min(counts) >= least:
            return
        page.wait_for_timeout(500)
    pytest.fail(f"the {name} chart never had {_LINES[name]} lines of {least} points: {points(page, name)}")


def only_run() -> RunSummary:
    (run,) = store.list_runs()
    return run


def zoom_in(page: Page, name: str) -> list[float]:
    """Drag over the left half of a chart, and return the range of epochs that it shows then."""
    whole = shown_epochs(page, name)
    plot = chart(page, name).locator(".nsewdrag").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 20, steps=5)
    page.mouse.up()
    # The whole range grows with each epoch; only a zoom makes its end smaller.
    eventually(lambda: shown_epochs(page, name)[1] < whole[1], page)
    return shown_epochs(page, name)


def shown_epochs(page: Page, name: str) -> list[float]:
    return chart(page, name).evaluate("plot => plot._fullLayout.xaxis.range")


def stop_button(page: Page) -> Locator:
    # Streamlit has a 'Stop' of its own in the page's corner while a script runs.
    return page.locator('[class*="st-key-training_stop_"] button').first


def stop(page: Page) -> None:
    stop_button(page).click()
    expect(page.get_by_text("No training is running")).to_be_visible(timeout=_PATIENCE_MS)


def answer_on_upload(page: Page) -> dict[str, float]:
    """Return the probabilities of the only face, from the page's download."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name="JSON", exact=True).click()
    (analysis,) = json.loads(Path(waiting.value.path()).read_bytes())["files"]
    return analysis["faces"][0]["probabilities"]


def answer_of(bundle: Path) -> dict[str, float]:
    (face,) = load_analyzer(bundle).analyze_bytes(sample_portrait(), "sample portrait").faces
    return face.to_dict()["probabilities"]


@pytest.mark.training
@pytest.mark.timeout(900)
def test_a_run_is_started_watched_across_a_restart_stopped_resumed_and_used(
    page: Page, browser: Browser, home: Path, tmp_path: Path
) -> None:
    page.set_default_timeout(PATIENCE_S * 1000)

    with running_app(home, tmp_path / "first.log") as server:
        open_training(page, server)
        expect(page.get_by_text("No training is running")).to_be_visible()
        start_a_long_run_of_short_epochs(page)
        expect(stop_button(page)).to_be_visible()
        # Another tab shows the same run.
        other = browser.new_page()
        open_training(other, server)
        expect(stop_button(other)).to_be_visible()
        other.close()
        wait_for_points(page, "loss", 1)
        assert not server.complaints()

    # The server has ended; the run hasn't.
    assert only_run().state == "running"
    epoch = only_run().progress.epoch

    with running_app(home, tmp_path / "second.log") as server:
        open_training(page, server)
        wait_for_points(page, "loss", max(3, epoch))
        wait_for_points(page, "classes", 3)
        page.get_by_text("Log, learning rate").first.click()
        wait_for_points(page, "rate", 3)
        zoomed = zoom_in(page, "loss")
        before = min(points(page, "loss"))
        wait_for_points(page, "loss", before + 1)
        assert shown_epochs(page, "loss") == zoomed, "a zoom stays when the next epoch comes"
        page.screenshot(path=tmp_path / "watching.png", full_page=True)

        stop(page)
        assert only_run().state == "stopped"
        assert only_run().has_bundle
        epoch = only_run().progress.epoch

        # A run that ended while the page was open is selected, so using it takes one click.
        page.get_by_role("link", name="Runs", exact=True).click()
        expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_in_viewport()
        page.get_by_role("button", name="Resume").click()
        expect(stop_button(page)).to_be_visible()
        wait_for_points(page, "classes", epoch + 1)
        stop(page)
        assert only_run().progress.epoch >= epoch + 1
        assert (only_run().folder / layout.METRICS).read_text().count("\n") == only_run().progress.epoch + 1

        page.get_by_role("button", name="Use this model").click()
        expect(page.get_by_text("It learned from synthetic faces only")).to_be_visible()
        page.get_by_role("button", name="Use it anyway").click()
        expect(page.get_by_text("Live and Upload now use the model")).to_be_visible()
        sidebar = page.get_by_test_id("stSidebar")
        sidebar.get_by_role("link", name="Home").click()
        expect(page.get_by_text(only_run().name).first).to_be_visible()
        sidebar.get_by_role("link", name="Upload").click()
        page.get_by_role("button", name="Try a sample").click()
        expect(page.get_by_text("Face 1").first).to_be_visible()
        # The prediction comes from the run's model, not from the previous one.
        answer = answer_on_upload(page)
        assert answer == pytest.approx(answer_of(only_run().folder / layout.BUNDLE), abs=1e-4)
        assert answer != pytest.approx(answer_of(home / "runs" / "tiny" / "bundle"), abs=1e-2)
        assert not server.complaints()


def test_two_runs_are_compared_and_the_better_one_is_used_in_place(page: Page, home: Path, tmp_path: Path) -> None:
    in_use = load_bundle(home / "runs" / "tiny" / "bundle").hash
    for number, (name, n_right) in enumerate((("poor", 60), ("good", 90)), start=1):
        run_id = write_run(number, TrainConfig(epochs=5, seed=number), name=name, epochs_done=3, bundle=True)
        right = [True] * n_right + [False] * (100 - n_right)
        write_answers(run_id, right, in_use=(in_use, [True] * 71 + [False] * 29))
    page.set_default_timeout(PATIENCE_S * 1000)
    with running_app(home, tmp_path / "log.log") as server:
        open_training(page, server)
        table = drawn_table(page)
        for row in (1, 2):
            table.scroll_into_view_if_needed()
            # A table is a picture to the browser; the boxes are in its first column.
            table.click(position={"x": 18, "y": _ROW_PX * row + _ROW_PX // 2})
            expect(page.get_by_text("Select a run to see its curves")).not_to_be_visible()
        expect(page.get_by_text("'good' is right most often: on 90.0 % of the 100 faces")).to_be_visible()
        expect(page.get_by_text("significantly better than 'poor' with 60.0 %")).to_be_visible()
        page.get_by_role("button", name="Use 'poor'").click()
        expect(page.get_by_text("on 60.0 % of the 100 faces")).to_be_visible()
        page.get_by_role("button", name="Keep the model in use").click()
        page.get_by_role("button", name="Use 'good'").click()
        expect(page.get_by_text("Live and Upload now use the model of 'good'")).to_be_visible()
        expect(page.get_by_role("button", name="'good' is in use")).to_be_disabled()
        page.screenshot(path=tmp_path / "comparison.png", full_page=True)
        assert not server.complaints()
