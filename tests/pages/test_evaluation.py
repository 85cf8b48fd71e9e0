"""The Evaluation page in AppTest: choices, jobs and results."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer.datasets.store.importing import import_path
from fer.emotions import EMOTIONS
from fer.errors import EvaluationError
from fer.evaluation import keys, store
from fer.evaluation.class_activation_maps import evidence, overlay
from fer.evaluation.evaluation_result import evaluate_model
from fer.evaluation.evaluation_set import Source, load_evaluation_set
from fer.evaluation.job import FAILED, PROGRESS_FILE, RUNNING, STOPPED, Job
from fer.evaluation.latest import evaluations_dir
from fer.evaluation.names import display_name
from fer.evaluation.once import evaluate_once
from fer.recognition.bundle import Bundle, load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.current import use_bundle
from fer.runs import serving
from fer.storage.files import write_json
from fer.ui import explanation, resources
from fer.ui.upload.photobook import Photo
from fer.vision.crops import crop_faces
from fer.vision.detection import photo_detector_name
from fer.vision.images import decode, encode_png
from tests.support.builders import make_bundle, portrait_bgr
from tests.support.forms import csv_lines, synthetic_faces, votes_lines, write_lines
from tests.support.run_folders import write_parity

OpenPage = Callable[[str], AppTest]
EVALUATION = "pages/4_Evaluation.py"
# The page offers the splits of the synthetic faces by name, test first.
SOURCE = Source("synthetic", split="test")


@pytest.fixture
def bundle(tiny_model: Path) -> Bundle:
    return load_bundle(tiny_model)


@pytest.fixture
def second(fer_home: Path) -> Bundle:
    """Add a second model, the result of a run."""
    folder = fer_home / "runs" / "20260101-000000-abcd"
    made = make_bundle(folder / "bundle", sharpness=1.0, confidence_threshold=0.2)
    write_json(folder / "notes.json", {"name": "gentle"})
    write_json(folder / "config.json", {})
    return made


def evaluated(*bundles: Bundle, source: Source = SOURCE, robustness: bool = False) -> None:
    """Store results where the page finds them."""
    evaluation_set = load_evaluation_set(source)
    store.save_evaluation_set(keys.choice_key(source), evaluation_set)
    for bundle in bundles:
        store.save_result(evaluate_model(EmotionClassifier(bundle), evaluation_set, robustness=robustness))


def texts(page: AppTest) -> str:
    return "\n".join(
        element.value for element in [*page.markdown, *page.caption, *page.info, *page.error, *page.subheader]
    )


def box(page: AppTest, label: str):
    return next(widget for widget in page.selectbox if widget.label == label)


def buttons(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def test_a_new_page_says_what_to_do(tiny_model: Path, open_page: OpenPage) -> None:
    page = open_page(EVALUATION)
    assert not page.exception and not page.error
    assert "Try the synthetic faces first" in texts(page)
    assert "Evaluate" in buttons(page)
    assert not page.metric and not page.get("download_button")


def test_pressing_evaluate_starts_a_job_that_can_be_stopped(
    bundle: Bundle, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []

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
    assert (request.models, request.names) == ((str(bundle.path),), ("tiny",))
    assert request.source == SOURCE
    assert "Stop" in buttons(page) and "Evaluate" not in buttons(page)
    assert "tiny: 140 faces · 3 s left" in str(page.get("progress")[0].proto)
    # A second process would classify the same faces again.
    page.toggle(key="evaluation_robustness").set_value(True).run()
    assert "Stop" in buttons(page) and "Evaluate" not in buttons(page)


def test_two_models_in_the_other_order_are_the_same_job(
    bundle: Bundle, second: Bundle, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(bundle, second)
    monkeypatch.setattr("fer.evaluation.job._process", lambda _: object())
    page = open_page(EVALUATION)
    box(page, "Model A").set_value(str(second.path)).run()
    box(page, "Model B").set_value(str(bundle.path)).run()
    assert "Stop" in buttons(page) and "Evaluate" not in buttons(page)


def running(*bundles: Bundle) -> Job:
    """Make a job look as if its process were running."""
    job = Job.of([bundle.hash for bundle in bundles], keys.choice_key(SOURCE))
    job.folder.mkdir(parents=True)
    write_json(job.folder / PROGRESS_FILE, {"state": RUNNING})
    return job


def test_a_job_that_cannot_be_started_gives_a_sentence(bundle: Bundle, open_page: OpenPage) -> None:
    evaluations_dir().write_text("in the way")
    page = open_page(EVALUATION)
    next(button for button in page.button if button.label == "Evaluate").click().run()
    assert not page.exception
    assert "can't start" in texts(page)


@pytest.mark.parametrize("name", ["faces/*.npz", "results/*/probabilities.npy"])
def test_a_damaged_and_repaired_result_is_shown_again(name: str, bundle: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle)
    (file,) = evaluations_dir().glob(name)
    whole, status = file.read_bytes(), file.stat()
    file.write_bytes(b"damaged")
    page = open_page(EVALUATION)
    assert "Evaluate" in buttons(page) and not page.metric and not page.exception
    # Restored with its modification time: a cached failure would be shown forever.
    file.write_bytes(whole)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    page.run()
    assert "Evaluate" not in buttons(page) and page.metric


def test_a_result_that_was_computed_again_is_shown(bundle: Bundle, open_page: OpenPage) -> None:
    evaluation_set = load_evaluation_set(SOURCE)
    made = evaluate_model(EmotionClassifier(bundle), evaluation_set)

    def computed(seconds: float, n_days: int) -> None:
        store.save_evaluation_set(keys.choice_key(SOURCE), evaluation_set)
        when = datetime.now(UTC) - timedelta(days=n_days)
        predictions = replace(made.predictions, seconds=seconds)
        store.save_result(replace(made, predictions=predictions, made=when.isoformat(timespec="seconds")))

    def expect(page: AppTest, speed: str, age: str) -> None:
        assert f"Stored result, evaluated {age} ago" in texts(page)
        assert [metric.value for metric in page.metric if metric.label == "Faces per second"] == [speed]

    computed(1.0, n_days=30)
    page = open_page(EVALUATION)
    expect(page, "140", "30 days")
    store.delete_all()
    computed(2.0, n_days=10)
    expect(page.run(), "70", "10 days")


def test_the_same_faces_of_another_source_have_that_sources_name(
    bundle: Bundle, open_page: OpenPage, fer_home: Path
) -> None:
    for name, more in (("first", []), ("second", ["3,1 2 3,PrivateTest"])):
        (fer_home / "data" / name).mkdir(parents=True)
        table = write_lines(fer_home / "data" / name / f"{name}.csv", [*csv_lines(synthetic_faces()), *more])
        evaluated(bundle, source=Source(str(table.parent)))
    page = open_page(EVALUATION)
    for name, words in (("first", "first.csv: 7 faces."), ("second", "second.csv: 7 faces, 1 image left out.")):
        box(page, "Data").set_value(str(fer_home / "data" / name)).run()
        assert not page.exception
        assert words in texts(page)


def test_stored_results_cannot_be_deleted_while_a_job_runs(
    bundle: Bundle, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated(bundle)
    running(bundle)
    monkeypatch.setattr("fer.evaluation.job._process", lambda _: object())
    page = open_page(EVALUATION)
    assert next(button for button in page.button if button.label == "Delete all").disabled


@pytest.mark.parametrize("path", ["~nosuchuser/x", "x" * 300])
def test_an_unusable_path_gives_a_sentence(path: str, bundle: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle)
    page = open_page(EVALUATION)
    box(page, "Data").set_value("elsewhere").run()
    page.text_input(key="evaluation_path").set_value(path).run()
    assert not page.exception
    assert page.error and "Evaluate" not in buttons(page)
    assert "Delete all" in buttons(page)


def test_without_disk_space_the_stored_results_can_be_deleted(
    bundle: Bundle, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated(bundle)
    monkeypatch.setattr(Job, "start", mock.Mock(side_effect=EvaluationError("It can't start. Free some disk space.")))
    page = open_page(EVALUATION)
    page.toggle(key="evaluation_robustness").set_value(True).run()
    next(button for button in page.button if button.label == "Evaluate").click().run()
    assert ["Free some disk space" in error.value for error in page.error] == [True]
    next(button for button in page.button if button.label == "Delete all").click().run()
    assert store.disk_bytes() == 0


def test_a_relative_path_is_resolved_here_and_not_in_the_other_process(
    bundle: Bundle, open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(Job, "start", lambda _, request: started.append(request))
    write_lines(tmp_path / "fer2013.csv", csv_lines(synthetic_faces()))
    page = open_page(EVALUATION)
    monkeypatch.chdir(tmp_path)
    box(page, "Data").set_value("elsewhere").run()
    page.text_input(key="evaluation_path").set_value("fer2013.csv").run()
    next(button for button in page.button if button.label == "Evaluate").click().run()
    assert started[0].source.path == str(tmp_path.resolve() / "fer2013.csv")


def test_a_run_that_was_deleted_meanwhile_gives_a_sentence(
    bundle: Bundle, open_page: OpenPage, fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = str(fer_home / "runs" / "20260101-000000-abcd" / "bundle")
    monkeypatch.setattr("fer.ui.evaluation.choice.models_in_use_first", lambda: {gone: "gone"})
    page = open_page(EVALUATION)
    assert not page.exception
    assert "no longer exists. Choose another one." in texts(page)


def test_the_open_comparison_stays_when_another_model_is_put_to_use(
    bundle: Bundle, second: Bundle, open_page: OpenPage
) -> None:
    write_parity(second.path.parent)
    serving.use_run(second.path.parent.name)
    evaluated(load_bundle(second.path))
    page = open_page(EVALUATION)
    assert box(page, "Model A").value == str(second.path)
    shown = [(metric.label, metric.value) for metric in page.metric]
    assert shown and "gentle on the test split" in texts(page)
    serving.use_shipped()
    page.run()
    assert box(page, "Model A").value == str(second.path)
    assert [(metric.label, metric.value) for metric in page.metric] == shown


def test_an_imported_model_can_be_evaluated_before_it_is_used(
    bundle: Bundle, second: Bundle, open_page: OpenPage, fer_home: Path
) -> None:
    elsewhere = fer_home / "runs" / "imported"
    lab = make_bundle(elsewhere / "lab" / "bundle", sharpness=3.0)
    # Another model with the name of a run.
    namesake = make_bundle(elsewhere / "gentle" / "bundle", sharpness=2.0)
    evaluated(lab)
    page = open_page(EVALUATION)
    gentle = f"gentle ({second.path.parent.name})"
    assert box(page, "Model A").options == ["tiny, in use", "Shipped model", gentle, "gentle", "lab"]
    box(page, "Model A").set_value(str(namesake.path)).run()
    assert "Evaluate" in buttons(page) and not page.metric
    box(page, "Model A").set_value(str(lab.path)).run()
    assert not page.exception
    assert page.metric and "lab on the test split" in texts(page)


def test_comparing_models_keeps_the_one_in_use_loaded(tmp_path: Path, open_page: OpenPage) -> None:
    bundles = [make_bundle(tmp_path / str(number), sharpness=1.0 + number) for number in range(3)]
    loaded = [resources.classifier(bundle) for bundle in bundles]
    assert [resources.classifier(bundle) for bundle in bundles] == loaded


def test_the_menu_shows_how_much_is_stored(bundle: Bundle, open_page: OpenPage) -> None:
    words = " ".join(caption.value for caption in open_page(EVALUATION).sidebar.caption)
    assert "Live and Upload are not stored" in words
    assert "datasets and evaluated faces are stored until you delete them" in words


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [(FAILED, "The disk is full.", "The disk is full."), (STOPPED, None, "Stopped. Finished results are stored.")],
)
def test_a_failed_or_stopped_job_is_reported_and_can_be_tried_again(
    state: str, error: str | None, words: str, bundle: Bundle, open_page: OpenPage
) -> None:
    job = Job.of([bundle.hash], keys.choice_key(SOURCE))
    job.folder.mkdir(parents=True)
    write_json(job.folder / PROGRESS_FILE, {"state": state, "error": error})
    page = open_page(EVALUATION)
    assert words in texts(page)
    assert "Evaluate" in buttons(page)


def test_a_stored_result_is_shown_at_once(
    bundle: Bundle, open_page: OpenPage, offered_files: dict[str, Callable[[], bytes]]
) -> None:
    evaluated(bundle)
    page = open_page(EVALUATION)
    assert not page.exception and not page.error
    assert "Evaluate" not in buttons(page)
    assert "Stored result, evaluated" in texts(page)
    metrics = {metric.label: metric.value for metric in page.metric}
    known = store.load_result(bundle.hash, load_evaluation_set(SOURCE))
    assert known is not None
    low, high = known.metrics.accuracy_interval
    assert metrics["Accuracy"] == f"{100 * known.metrics.accuracy:.1f} % ({100 * low:.1f}–{100 * high:.1f})"
    assert metrics["Macro F1"] == f"{known.metrics.macro_f1:.3f}"
    assert "faces are synthetic" in texts(page)
    assert "140 faces" in texts(page)
    (matrix, *_) = page.dataframe
    assert matrix.value.to_numpy().tolist() == known.metrics.confusion.tolist()
    assert [item.label for item in page.get("download_button")] == ["HTML report", "JSON", "CSV"]  # type: ignore[union-attr]
    assert len(offered_files["CSV"]().decode().splitlines()) == 141


def test_choosing_robustness_offers_to_measure_it_and_keeps_the_rest(bundle: Bundle, open_page: OpenPage) -> None:
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


def test_two_models_are_shown_next_to_each_other(bundle: Bundle, second: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle, second)
    page = open_page(EVALUATION)
    box(page, "Model B").set_value(str(second.path)).run()
    assert not page.exception
    assert len([metric for metric in page.metric if metric.label == "Accuracy"]) == 2
    assert "McNemar" in texts(page)
    assert "**gentle**" in texts(page)
    assert len(page.dataframe) == 2
    assert box(page, "Predictions of").options == ["tiny", "gentle", "both, where they differ"]
    box(page, "Predictions of").set_value(-1).run()
    assert not page.exception


def gallery(page: AppTest) -> list[str]:
    return [text.value.strip("*") for text in page.markdown if text.value.startswith("**true ")]


def test_the_gallery_shows_the_most_confident_mistakes_or_the_chosen_cell(bundle: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle)
    page = open_page(EVALUATION)
    shown = gallery(page)
    confidences = [float(text.rsplit(", ", 1)[1]) for text in shown]
    assert len(shown) == 6
    assert confidences == sorted(confidences, reverse=True)
    assert all(text.split()[1].rstrip(",") != text.split()[3].rstrip(",") for text in shown)
    box(page, "True class").set_value("happy").run()
    assert gallery(page) and all(text.startswith("true happy, predicted ") for text in gallery(page))
    box(page, "Predicted class").set_value("happy").run()
    assert all(text.startswith("true happy, predicted happy, ") for text in gallery(page))


def test_a_cell_without_faces_says_so(bundle: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle)
    page = open_page(EVALUATION)
    box(page, "True class").set_value("happy").run()
    box(page, "Predicted class").set_value("angry").run()
    assert "No faces match" in texts(page)
    assert not page.exception


def test_a_cell_of_the_second_model_is_deselected_with_it(bundle: Bundle, second: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle, second)
    page = open_page(EVALUATION)
    box(page, "Model B").set_value(str(second.path)).run()
    box(page, "Predictions of").set_value(1).run()
    box(page, "Model B").set_value("").run()
    assert not page.exception
    assert gallery(page)


def test_votes_add_the_agreement_with_the_crowd(bundle: Bundle, open_page: OpenPage, fer_home: Path) -> None:
    faces = synthetic_faces(7, 7, 28)
    folder = fer_home / "data" / "mine"
    folder.mkdir(parents=True)
    write_lines(folder / "fer2013.csv", csv_lines(faces))
    write_lines(folder / "fer2013new.csv", votes_lines(faces))
    evaluated(bundle, source=Source(str(folder)))
    page = open_page(EVALUATION)
    box(page, "Data").set_value(str(folder)).run()
    assert not page.exception
    assert "Agreement with the FER+ votes" in texts(page)
    assert "On 28 faces the FER+ votes have one clear favourite." in texts(page)


@pytest.mark.parametrize("own", ["a table", "a dataset", "synthetic", "gone"])
def test_the_data_a_model_was_trained_on_are_offered_first(
    own: str, fer_home: Path, open_page: OpenPage, tmp_path: Path
) -> None:
    stored = import_path(write_lines(tmp_path / "faces.csv", csv_lines(synthetic_faces())), "stored")
    other = import_path(write_lines(tmp_path / "other.csv", csv_lines(synthetic_faces())[:-1]), "another")
    for name in ("first.csv", "mine.csv"):
        write_lines(fer_home / "data" / name, csv_lines(synthetic_faces()))
    about, offered = {
        "a table": ({"name": "mine.csv"}, str(fer_home / "data" / "mine.csv")),
        "a dataset": ({"name": "stored", "fingerprint": stored.fingerprint}, str(fer_home / "data" / "stored")),
        "synthetic": ({"name": "synthetic", "synthetic": True}, "synthetic"),
        "gone": ({"name": "elsewhere"}, str(fer_home / "data" / "another")),
    }[own]
    assert other.fingerprint != stored.fingerprint
    use_bundle(make_bundle(fer_home / "runs" / "a" / "bundle", data=about).path)
    page = open_page(EVALUATION)
    assert not page.exception
    assert box(page, "Data").value == offered


def test_a_path_can_be_typed(bundle: Bundle, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(EVALUATION)
    box(page, "Data").set_value("elsewhere").run()
    assert "Enter the path" in texts(page)
    page.text_input(key="evaluation_path").set_value(str(tmp_path / "nothing")).run()
    assert "doesn't exist" in texts(page)
    assert "Evaluate" not in buttons(page)
    table = write_lines(tmp_path / "fer2013.csv", csv_lines(synthetic_faces()))
    page.text_input(key="evaluation_path").set_value(str(table)).run()
    assert "Evaluate" in buttons(page)
    assert not page.error and not page.exception


def test_without_a_model_the_page_says_what_to_do(
    open_page: OpenPage, fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer.ui.model_choice.SHIPPED_BUNDLE", fer_home / "none")
    monkeypatch.setattr("fer.ui.model_choice.current_bundle_path", lambda: fer_home / "none")
    page = open_page(EVALUATION)
    assert "There is no model yet" in texts(page)
    assert not page.exception and not page.error


def test_stored_results_can_be_deleted(bundle: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle)
    page = open_page(EVALUATION)
    next(button for button in page.button if button.label == "Delete all").click().run()
    assert not page.exception
    assert store.disk_bytes() == 0
    assert "Evaluate" in buttons(page)


def test_home_shows_the_last_evaluation_of_the_model_in_use(
    bundle: Bundle, second: Bundle, open_page: OpenPage
) -> None:
    evaluated(second)
    assert "hasn't been evaluated here yet" in texts(open_page("app.py"))
    evaluated(bundle)
    page = open_page("app.py")
    assert any(metric.label == "Accuracy, test" for metric in page.metric)
    assert "faces of synthetic, " in texts(page)


def test_home_uses_the_same_model_name_as_the_page(second: Bundle, open_page: OpenPage) -> None:
    use_bundle(second.path)
    evaluation_set = load_evaluation_set(SOURCE)
    evaluate_once(EmotionClassifier(second), evaluation_set, name=display_name(second))
    assert "gentle on 140 faces" in texts(open_page("app.py"))


def test_each_face_has_the_map_of_its_own_crop_and_class(
    tiny_model: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = load_bundle(tiny_model)
    # A dark face on the left and a bright one on the right: this model tells classes apart by brightness.
    left, right = portrait_bgr() // 3, 255 - (255 - portrait_bgr()) // 3
    image_bgr = np.hstack([left, right])
    photo = Photo("two.png", encode_png(image_bgr), "two faces")
    analyzer = resources.analyzer(bundle, photo_detector_name())
    analysis = analyzer.analyze(image_bgr, photo.name)
    faces = analysis.faces
    assert len(faces) == 2 and faces[0].emotion != faces[1].emotion
    monkeypatch.setattr("fer.ui.explanation.st.toggle", lambda *_, **__: True)
    # Its cache belongs to a viewer's session, which doesn't exist here.
    monkeypatch.setattr(explanation, "_explained", explanation._explained.__wrapped__)  # type: ignore[attr-defined]
    draw = explanation.switch(bundle, photo_detector_name())
    assert draw is not None
    pictures = draw(photo, analysis)
    assert len(pictures) == 2
    for picture, face in zip(pictures, faces, strict=True):
        crop = crop_faces(image_bgr, [face.box_xywh], analyzer.detector.crop_scale)
        maps = analyzer.classifier.explain(crop)[1][0]
        expected = overlay(crop[0, ..., 0], evidence(maps, EMOTIONS.index(face.emotion)))
        assert np.array_equal(decode(picture)[..., ::-1], expected)


def test_upload_shows_maps_if_switched_on(tiny_model: Path, open_page: OpenPage) -> None:
    page = open_page("pages/2_Upload.py")
    page.segmented_control(key="upload_source").set_value("Try a sample").run()
    next(button for button in page.button if "sample" in button.label).click().run()
    before = len(page.get("image"))
    assert before == 2, "the photo and its face"
    page.toggle(key="upload_why").set_value(True).run()
    assert not page.exception
    assert len(page.get("image")) == before + 1
