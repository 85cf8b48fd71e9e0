"""Results on the Evaluation page, and on Home."""

from collections.abc import Callable
from pathlib import Path

from fer.evaluation import store
from fer.evaluation.evaluation_set import Source, load_evaluation_set
from fer.evaluation.names import display_name
from fer.evaluation.once import evaluate_once
from fer.evaluation.robustness import TRANSFORMS
from fer.recognition.bundle import Bundle
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.current import use_bundle
from tests.support.builders import make_bundle
from tests.support.evaluation_page import EVALUATION, SOURCE, OpenPage, box, buttons, evaluated, texts
from tests.support.forms import csv_lines, synthetic_faces, votes_lines, write_lines


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


def test_the_menu_shows_how_much_is_stored(bundle: Bundle, open_page: OpenPage) -> None:
    words = " ".join(caption.value for caption in open_page(EVALUATION).sidebar.caption)
    assert "Live and Upload are not stored" in words
    assert "datasets and evaluated faces are stored until you delete them" in words


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
    known = store.load_result(bundle.hash, load_evaluation_set(SOURCE))
    assert known is not None
    table = next(item.value for item in page.dataframe if "Accuracy if sure" in item.value)
    assert table["Faces"].tolist() == [row.label for row in known.corruptions]
    assert table["Sure"].tolist() == [100 * row.sure for row in known.corruptions]
    assert table["Accuracy if sure"].tolist()[0] == 100 * (known.answered.accuracy or 0)


def test_the_robustness_of_a_model_that_is_never_sure_is_shown(
    tmp_path: Path, open_page: OpenPage, fer_home: Path
) -> None:
    timid = make_bundle(tmp_path / "timid", confidence_threshold=1.0)
    use_bundle(timid.path)
    evaluated(timid, robustness=True)
    page = open_page(EVALUATION)
    assert not page.exception
    table = next(item.value for item in page.dataframe if "Accuracy if sure" in item.value)
    assert table["Sure"].tolist() == [0] * (1 + len(TRANSFORMS)) and table["Accuracy if sure"].isna().all()


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
