"""Evaluation in a real browser, on synthetic faces: the progress, the matrix, the report without a network."""

from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from fer.emotions import EMOTIONS
from fer.evaluation.evaluation_set import Source, load_evaluation_set
from fer.evaluation.metrics import Metrics, measure, predict
from fer.recognition.bundle import Bundle
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.current import use_bundle
from fer.storage.files import write_json
from fer.text import percent
from tests.support.browser import App, drawn_table, eventually, expect_loaded, expect_to_fit
from tests.support.builders import make_bundle

_ROW_PX, _CELL_PX = 35, 42
_WORK_MS = 120_000
_TABS = 10
_SECOND = "20260101-000000-abcd"


@pytest.fixture(scope="module")
def bundle(home: Path) -> Bundle:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_HOME", str(home))
        made = make_bundle(home / "runs" / "tiny" / "bundle", confidence_threshold=0.4)
        use_bundle(made.path)
    return made


@pytest.fixture(scope="module")
def second(home: Path) -> Bundle:
    """Add a second model: a run that its user named 'gentle'."""
    folder = home / "runs" / _SECOND
    made = make_bundle(folder / "bundle", sharpness=1.0, confidence_threshold=0.2)
    write_json(folder / "notes.json", {"name": "gentle"})
    write_json(folder / "config.json", {})
    return made


@pytest.fixture(scope="module")
def metrics(bundle: Bundle) -> Metrics:
    """Compute the metrics that the page must show."""
    return measure(predict(EmotionClassifier(bundle), load_evaluation_set(Source("synthetic")).faces))


@pytest.fixture(scope="module")
def accuracy(metrics: Metrics) -> str:
    return percent(metrics.accuracy)


@pytest.fixture
def page(app: App, accuracy: str) -> Page:
    """The page with the tiny model evaluated on synthetic faces. The first test to use it waits for the evaluation."""
    page = app.open("Evaluation")
    evaluate = page.get_by_role("button", name="Evaluate")
    kept = page.get_by_text("Stored result, evaluated")
    expect(evaluate.or_(kept)).to_be_visible()
    if evaluate.is_visible():
        evaluate.click()
    expect(kept).to_be_visible(timeout=_WORK_MS)
    app.settle()
    return page


def test_the_page_shows_the_metrics_of_the_command(page: Page, accuracy: str) -> None:
    expect(page.get_by_test_id("stMetric").filter(has_text="Accuracy")).to_contain_text(f"{accuracy} (")
    expect(page.get_by_text("These faces are synthetic")).to_be_visible()


def test_a_stored_result_is_shown_at_once(page: Page, app: App) -> None:
    app.open("Upload")
    app.open("Evaluation")
    expect(page.get_by_text("140 faces. One crop per face, float32 weights.")).to_be_visible()
    expect(page.get_by_role("button", name="Evaluate")).to_have_count(0)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def expect_cell(page: Page, metrics: Metrics, true: str, predicted: str) -> None:
    """The gallery shows the faces of one cell, as many as the matrix counts."""
    n_faces = metrics.confusion[EMOTIONS.index(true), EMOTIONS.index(predicted)]
    assert n_faces, "a cell without faces would show nothing"
    expect(page.get_by_text(f"{n_faces} faces, most confident first")).to_be_visible()
    expect(page.get_by_text(f"true {true}, predicted {predicted}, ")).to_have_count(min(n_faces, 6))


def test_a_cell_of_the_matrix_selects_the_gallery(page: Page, app: App, metrics: Metrics) -> None:
    matrix = drawn_table(page)
    matrix.scroll_into_view_if_needed()
    # The synthetic faces all have a medium grey, so choose a column that has some, in the first row.
    predicted = int(metrics.confusion[0].argmax())
    box = matrix.bounding_box()
    assert box is not None
    matrix.click(position={"x": box["width"] - (6.5 - predicted) * _CELL_PX, "y": _ROW_PX * 1.5})
    app.settle()
    expect_cell(page, metrics, "angry", EMOTIONS[predicted])


def test_the_matrix_is_reached_by_tab_and_works_without_a_mouse(page: Page, app: App, metrics: Metrics) -> None:
    predicted = int(metrics.confusion[3].argmax())
    # The browser loads tables last. Before that, Tab has nothing to reach.
    cells = page.get_by_test_id("stDataFrame").first.locator("canvas [tabindex]")
    cells.first.wait_for(state="attached", timeout=_WORK_MS)
    # From the last control above the matrix, with Tab only.
    last = page.get_by_role("radio", name="Share of row")
    expect(last).to_be_visible(timeout=_WORK_MS)
    last.focus()
    for _ in range(_TABS):
        page.keyboard.press("Tab")
        # The table's own menu comes first. Its cells are part of a canvas.
        if page.evaluate("document.activeElement.closest('canvas') !== null"):
            break
    else:
        pytest.fail(f"The matrix has no focus after {_TABS} presses of Tab.")
    app.settle()
    # Tab leads to the name of the first row, left of its first cell.
    for key in ["ArrowDown"] * 3 + ["ArrowRight"] * (predicted + 1):
        page.keyboard.press(key)
        app.settle()
    expect_cell(page, metrics, "happy", EMOTIONS[predicted])


def test_the_matrix_works_by_keyboard(page: Page, app: App, metrics: Metrics) -> None:
    matrix = drawn_table(page)
    matrix.scroll_into_view_if_needed()
    predicted = int(metrics.confusion[3].argmax())
    # Into the first cell, then on with the arrow keys.
    matrix.click(position={"x": 100, "y": _ROW_PX * 1.5})
    app.settle()
    for key in ["ArrowDown"] * 3 + ["ArrowRight"] * predicted:
        page.keyboard.press(key)
        app.settle()
    expect_cell(page, metrics, "happy", EMOTIONS[predicted])


def test_the_gallery_shows_faces_with_their_maps(page: Page) -> None:
    page.get_by_text("Gallery of mistakes").scroll_into_view_if_needed()
    maps = page.get_by_alt_text("The face with its class activation map", exact=False)
    expect(maps).to_have_count(6)
    expect_loaded(maps, 192)


def test_the_report_opens_offline(page: Page, browser: Browser, tmp_path: Path, accuracy: str) -> None:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="HTML report").click()
    file = tmp_path / "evaluation.html"
    waiting.value.save_as(file)
    context = browser.new_context(offline=True)
    asked: list[str] = []
    complaints: list[str] = []
    report = context.new_page()
    report.on("request", lambda request: asked.append(request.url))
    report.on("pageerror", lambda error: complaints.append(str(error)))
    report.goto(file.as_uri())
    expect(report.get_by_role("cell", name=accuracy, exact=True).first).to_be_visible()
    expect(report.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    expect(report.locator(".js-plotly-plot")).to_have_count(5)
    expect(report.locator("figure img")).to_have_count(2 * 24)
    expect_loaded(report.locator("figure img"), 192)
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert complaints == []
    context.close()


def test_two_models_are_evaluated_and_compared(second: Bundle, page: Page, app: App, accuracy: str) -> None:
    app.open("Evaluation")
    app.choose("Model B", "gentle")
    page.get_by_role("button", name="Evaluate").click()
    expect(page.get_by_text("McNemar's exact test")).to_be_visible(timeout=_WORK_MS)
    app.settle()
    evaluation_set = load_evaluation_set(Source("synthetic"))
    other = measure(predict(EmotionClassifier(second), evaluation_set.faces))
    shown = page.get_by_test_id("stMetric").filter(has_text="Accuracy")
    expect(shown).to_have_count(2)
    expect(shown.nth(0)).to_contain_text(accuracy)
    expect(shown.nth(1)).to_contain_text(percent(other.accuracy))
    expect(page.get_by_text("Only 'tiny' is right on", exact=False)).to_be_visible()
    expect(page.get_by_test_id("stDataFrame")).to_have_count(2)
    app.choose("Predictions of", "gentle")
    n_wrong = other.n - int(other.confusion.trace())
    expect(page.get_by_text(f"{n_wrong:,} faces, most confident first")).to_be_visible()


def test_a_comparison_stays_when_another_model_comes_into_use(
    second: Bundle, bundle: Bundle, page: Page, app: App, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.open("Evaluation")
    app.choose("Model A", "Shipped model")
    app.choose("Model B", "gentle")
    page.get_by_role("button", name="Evaluate").click()
    compared = page.get_by_text("McNemar's exact test")
    expect(compared).to_be_visible(timeout=_WORK_MS)
    app.settle()
    monkeypatch.setenv("FER_HOME", str(home))
    use_bundle(second.path)
    try:
        # The page hears of it at the next click.
        page.get_by_text("Measure robustness", exact=True).click()
        expect(page.get_by_role("combobox", name="Model B")).to_have_value("gentle, in use")
        expect(page.get_by_role("combobox", name="Model A")).to_have_value("Shipped model")
        page.get_by_text("Measure robustness", exact=True).click()
        expect(page.get_by_role("combobox", name="Model B")).to_have_value("gentle, in use")
        expect(compared).to_be_visible()
    finally:
        use_bundle(bundle.path)


@pytest.mark.parametrize("width", [400])
def test_it_fits_a_phone(page: Page, app: App, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    app.settle()
    expect_to_fit(page)


def suspend_worker(app: App) -> None:
    """Hold the evaluation's process, which otherwise may end before Stop is pressed."""

    def suspended() -> bool:
        for process in psutil.Process(app.server.pid).children(recursive=True):
            with suppress(psutil.Error):
                if "fer.evaluation.worker" in process.cmdline():
                    process.suspend()
                    return True
        return False

    eventually(suspended, app.page, every_ms=50)


def test_a_stopped_evaluation_can_be_resumed(page: Page, app: App) -> None:
    page.get_by_text("Measure robustness", exact=True).click()
    app.settle()
    page.get_by_role("button", name="Evaluate").click()
    suspend_worker(app)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped.")).to_be_visible(timeout=_WORK_MS)
    page.get_by_role("button", name="Evaluate").click()
    expect(page.get_by_text("Stored result, evaluated")).to_be_visible(timeout=_WORK_MS)
    expect(page.get_by_text("Accuracy under each image corruption")).to_be_visible()
