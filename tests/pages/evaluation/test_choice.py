"""What the Evaluation page offers to choose: models, data and paths."""

from pathlib import Path

import pytest

from fer.datasets.store.importing import import_path
from fer.recognition.bundle import Bundle, load_bundle
from fer.recognition.current import use_bundle
from fer.runs import serving
from fer.ui import resources
from tests.support.builders import make_bundle
from tests.support.evaluation_page import EVALUATION, OpenPage, box, buttons, evaluated, texts
from tests.support.forms import csv_lines, synthetic_faces, write_lines
from tests.support.run_folders import write_parity


def test_a_new_page_says_what_to_do(tiny_model: Path, open_page: OpenPage) -> None:
    page = open_page(EVALUATION)
    assert not page.exception and not page.error
    assert "Try the synthetic faces first" in texts(page)
    assert "Evaluate" in buttons(page)
    assert not page.metric and not page.get("download_button")


@pytest.mark.parametrize("path", ["~nosuchuser/x", "x" * 300])
def test_an_unusable_path_gives_a_sentence(path: str, bundle: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle)
    page = open_page(EVALUATION)
    box(page, "Data").set_value("elsewhere").run()
    page.text_input(key="evaluation_path").set_value(path).run()
    assert not page.exception
    assert page.error and "Evaluate" not in buttons(page)
    assert "Delete all" in buttons(page)


def test_the_open_comparison_stays_when_another_model_is_put_to_use(
    bundle: Bundle, second: Bundle, open_page: OpenPage
) -> None:
    write_parity(second.path.parent)
    serving.use_run(second.path.parent.name)
    evaluated(load_bundle(second.path))
    page = open_page(EVALUATION)
    assert box(page, "Model A").value == str(second.path)
    shown = [(metric.label, metric.value) for metric in page.metric]
    assert shown and "'gentle' on the test split" in texts(page)
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
    assert page.metric and "'lab' on the test split" in texts(page)


def test_comparing_models_keeps_the_one_in_use_loaded(tmp_path: Path, open_page: OpenPage) -> None:
    bundles = [make_bundle(tmp_path / str(number), sharpness=1.0 + number) for number in range(3)]
    loaded = [resources.classifier(bundle) for bundle in bundles]
    assert [resources.classifier(bundle) for bundle in bundles] == loaded


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
