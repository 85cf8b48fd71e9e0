"""The Evaluation page under AppTest: choosing, the work, what is shown."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer.evaluation import store
from fer.evaluation.assessment import assess
from fer.evaluation.job import FAILED, PROGRESS_FILE, RUNNING, STOPPED, Job
from fer.evaluation.material import Source, load_material
from fer.recognition.bundle import Bundle, load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.runs.files import write_json
from tests.builders import make_bundle
from tests.datasets.forms import csv_lines, drawn, votes_lines, write_lines

OpenPage = Callable[[str], AppTest]
EVALUATION = "pages/4_Evaluation.py"
# The page offers the splits of the drawn faces by name, test first.
SOURCE = Source("synthetic", split="test")


@pytest.fixture
def bundle(tiny_model: Path) -> Bundle:
    return load_bundle(tiny_model)


@pytest.fixture
def second(fer_home: Path) -> Bundle:
    """Another model, as a run of its own."""
    folder = fer_home / "runs" / "20260101-000000-abcd"
    made = make_bundle(folder / "bundle", sharpness=1.0, unsure_below=0.2)
    write_json(folder / "notes.json", {"name": "gentle"})
    write_json(folder / "config.json", {})
    return made


def evaluated(*bundles: Bundle, source: Source = SOURCE, robustness: bool = False) -> None:
    """Put results where the page finds them."""
    material = load_material(source)
    store.save_material(store.choice_key(source), material)
    for bundle in bundles:
        store.save_assessment(assess(EmotionClassifier(bundle), material, robustness=robustness))


def texts(page: AppTest) -> str:
    return "\n".join(
        element.value for element in [*page.markdown, *page.caption, *page.info, *page.error, *page.subheader]
    )


def box(page: AppTest, label: str):
    return next(widget for widget in page.selectbox if widget.label == label)


def buttons(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def test_an_empty_page_invites(tiny_model: Path, open_page: OpenPage) -> None:
    page = open_page(EVALUATION)
    assert not page.exception and not page.error
    assert "Try the drawn faces first" in texts(page)
    assert "Evaluate" in buttons(page)
    assert not page.metric and not page.get("download_button")


def test_pressing_evaluate_starts_a_job_that_can_be_stopped(
    bundle: Bundle, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def start(job: Job, request: object) -> None:
        started.append(request)
        job.folder.mkdir(parents=True)
        state = {"state": RUNNING, "text": "tiny: 140 faces", "share": 0.4, "seconds_left": 3.0}
        write_json(job.folder / PROGRESS_FILE, state)

    monkeypatch.setattr(Job, "start", start)
    monkeypatch.setattr("fer.evaluation.job._process", lambda _: object())
    page = open_page(EVALUATION)
    next(button for button in page.button if button.label == "Evaluate").click().run()
    (request,) = started
    assert request.models == (str(bundle.path),)
    assert request.source == SOURCE
    assert "Stop" in buttons(page) and "Evaluate" not in buttons(page)
    assert "tiny: 140 faces · 3 s left" in str(page.get("progress")[0].proto)


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [(FAILED, "The disk is full; make room.", "The disk is full; make room."), (STOPPED, None, "Stopped")],
)
def test_what_became_of_a_job_is_said_and_can_be_tried_again(
    state: str, error: str | None, words: str, bundle: Bundle, open_page: OpenPage
) -> None:
    job = Job.of([bundle.hash], store.choice_key(SOURCE), robustness=False)
    job.folder.mkdir(parents=True)
    write_json(job.folder / PROGRESS_FILE, {"state": state, "error": error})
    page = open_page(EVALUATION)
    assert words in texts(page)
    assert "Evaluate" in buttons(page)


def test_a_kept_result_is_shown_at_once(bundle: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle)
    page = open_page(EVALUATION)
    assert not page.exception and not page.error
    assert "Evaluate" not in buttons(page)
    assert "nothing needs computing again" in texts(page)
    metrics = {metric.label: metric.value for metric in page.metric}
    known = store.load_assessment(bundle.hash, load_material(SOURCE))
    assert known is not None
    assert metrics["Accuracy"].startswith(f"{known.metrics.accuracy:.3f} ± ")
    assert metrics["Macro F1"] == f"{known.metrics.macro_f1:.3f}"
    assert "faces are drawn" in texts(page)
    assert "140 faces" in texts(page)
    (matrix, *_) = page.dataframe
    assert matrix.value.to_numpy().tolist() == known.metrics.confusion.tolist()
    assert [button.label for button in page.get("download_button")] == ["HTML report", "JSON", "CSV"]


def test_asking_for_robustness_offers_to_measure_it_and_keeps_the_rest(bundle: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle)
    page = open_page(EVALUATION)
    assert "Not measured yet" in texts(page)
    page.toggle(key="evaluation_robustness").set_value(True).run()
    assert "Evaluate" in buttons(page)
    assert page.metric
    evaluated(bundle, robustness=True)
    page.run()
    assert "Evaluate" not in buttons(page)
    assert "Not measured yet" not in texts(page)


def test_two_models_stand_side_by_side(bundle: Bundle, second: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle, second)
    page = open_page(EVALUATION)
    box(page, "Model B").set_value(str(second.path)).run()
    assert not page.exception
    assert len([metric for metric in page.metric if metric.label == "Accuracy"]) == 2
    assert "McNemar" in texts(page)
    assert "**gentle**" in texts(page)
    assert len(page.dataframe) == 2
    assert box(page, "Answers of").options == ["tiny", "gentle", "where they disagree"]
    box(page, "Answers of").set_value(-1).run()
    assert not page.exception


def gallery(page: AppTest) -> list[str]:
    return [text.value.strip("*") for text in page.markdown if text.value.startswith("**true ")]


def test_the_gallery_shows_the_surest_mistakes_and_follows_a_choice(bundle: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle)
    page = open_page(EVALUATION)
    shown = gallery(page)
    confidences = [float(text.rsplit(", ", 1)[1]) for text in shown]
    assert len(shown) == 6
    assert confidences == sorted(confidences, reverse=True)
    assert all(text.split()[1].rstrip(",") != text.split()[3].rstrip(",") for text in shown)
    box(page, "True").set_value("happy").run()
    assert gallery(page) and all(text.startswith("true happy, given ") for text in gallery(page))
    box(page, "Given").set_value("happy").run()
    assert all(text.startswith("true happy, given happy, ") for text in gallery(page))


def test_a_cell_without_faces_says_so(bundle: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle)
    page = open_page(EVALUATION)
    box(page, "True").set_value("happy").run()
    box(page, "Given").set_value("angry").run()
    assert "There is no such face" in texts(page)
    assert not page.exception


def test_a_choice_of_the_second_model_is_forgotten_with_it(bundle: Bundle, second: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle, second)
    page = open_page(EVALUATION)
    box(page, "Model B").set_value(str(second.path)).run()
    box(page, "Answers of").set_value(1).run()
    box(page, "Model B").set_value("").run()
    assert not page.exception
    assert gallery(page)


def test_votes_bring_the_crowd(bundle: Bundle, open_page: OpenPage, fer_home: Path) -> None:
    faces = drawn(7, 7, 28)
    folder = fer_home / "data" / "mine"
    folder.mkdir(parents=True)
    write_lines(folder / "fer2013.csv", csv_lines(faces))
    write_lines(folder / "fer2013new.csv", votes_lines(faces))
    evaluated(bundle, source=Source(str(folder)))
    page = open_page(EVALUATION)
    box(page, "Data").set_value(str(folder)).run()
    assert not page.exception
    assert "Does it see what people see?" in texts(page)
    assert "Of the 28 faces" in texts(page)


def test_a_path_of_ones_own(bundle: Bundle, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(EVALUATION)
    box(page, "Data").set_value("elsewhere").run()
    assert "Type the path" in texts(page)
    page.text_input(key="evaluation_path").set_value(str(tmp_path / "nothing")).run()
    assert "There is nothing at" in texts(page)
    assert "Evaluate" not in buttons(page)
    table = write_lines(tmp_path / "fer2013.csv", csv_lines(drawn()))
    page.text_input(key="evaluation_path").set_value(str(table)).run()
    assert "Evaluate" in buttons(page)
    assert not page.error and not page.exception


def test_without_a_model_the_page_says_what_to_do(
    open_page: OpenPage, fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer.ui.evaluation_choice.SHIPPED_BUNDLE", fer_home / "none")
    monkeypatch.setattr("fer.ui.evaluation_choice.current_bundle_path", lambda: fer_home / "none")
    page = open_page(EVALUATION)
    assert "There is no model yet" in texts(page)
    assert not page.exception and not page.error


def test_kept_results_can_be_deleted(bundle: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle)
    page = open_page(EVALUATION)
    next(button for button in page.button if button.label == "Delete all of it").click().run()
    assert not page.exception
    assert store.disk_bytes() == 0
    assert "Evaluate" in buttons(page)


def test_home_shows_the_last_evaluation(bundle: Bundle, open_page: OpenPage) -> None:
    assert "Nothing was evaluated yet" in texts(open_page("app.py"))
    evaluated(bundle)
    page = open_page("app.py")
    assert any("Accuracy on synthetic (drawn faces), test" in metric.label for metric in page.metric)


def test_upload_shows_why_behind_a_switch(tiny_model: Path, open_page: OpenPage) -> None:
    page = open_page("pages/2_Upload.py")
    page.segmented_control(key="upload_source").set_value("Try a sample").run()
    next(button for button in page.button if "sample" in button.label).click().run()
    before = len(page.get("image"))
    assert before == 2, "the photo and its face"
    page.toggle(key="upload_why").set_value(True).run()
    assert not page.exception
    assert len(page.get("image")) == before + 1
