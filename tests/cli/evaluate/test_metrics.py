"""`fer evaluate`, as users type it: its metrics, tables and reports."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from fer.datasets.faces import FaceDataset
from fer.datasets.store.importing import import_path
from fer.emotions import EMOTIONS
from fer.evaluation.evaluation_set import Source, load_evaluation_set
from fer.evaluation.once import evaluate_once
from fer.recognition.bundle import load_bundle
from fer.recognition.candidates import ClassSets
from fer.recognition.classifier import EmotionClassifier
from fer.vision.samples import sample_portrait
from tests.support.builders import make_bundle, make_int8_bundle
from tests.support.cli import evaluate, metrics
from tests.support.forms import csv_lines, image_files, synthetic_faces, write_files, write_lines

KEYS = [
    *("model", "data", "split", "n", "accuracy", "macro_f1", "ece"),
    *("per_class", "confusion_matrix", "faces_per_second", "about"),
]


def test_json_on_standard_output_is_a_single_object(table: Path, model: Path) -> None:
    found = metrics(table, "--model", model)
    assert list(found) == KEYS
    assert (found["model"], found["data"], found["split"], found["n"]) == ("greys", str(table), "test", 70)
    assert found["accuracy"] == 65 / 70
    matrix = np.array(found["confusion_matrix"])
    assert matrix.sum() == 70 and matrix.trace() == 65
    # The face of class 0 that is labelled 1. Rows are the true class, columns the predicted one.
    assert matrix[1, 0] == 1 and matrix[0, 1] == 0
    assert found["per_class"]["angry"]["support"] == matrix[0].sum()  # type: ignore[index]
    assert list(found["per_class"]) == list(EMOTIONS)  # type: ignore[call-overload]
    assert float(found["faces_per_second"]) > 0  # type: ignore[arg-type]


def test_csv_and_folders_give_the_same_metrics(faces: FaceDataset, table: Path, model: Path, tmp_path: Path) -> None:
    folders = write_files(tmp_path / "folders", image_files(faces))
    one, other = metrics(table, "--model", model), metrics(folders, "--model", model)
    for key in KEYS:
        if key not in ("data", "faces_per_second", "about"):
            assert one[key] == other[key], key


@pytest.mark.parametrize(("split", "n"), [("train", 7), ("validation", 7), ("test", 70)])
def test_a_split_by_name(split: str, n: int, table: Path, model: Path) -> None:
    found = metrics(table, "--model", model, "--split", split)
    assert (found["split"], found["n"]) == (split, n)


@pytest.mark.parametrize(("place", "name"), [(0, "train"), (1, "validation"), (2, "test")])
def test_a_file_with_a_single_split_is_fine(
    place: int, name: str, faces: FaceDataset, model: Path, tmp_path: Path
) -> None:
    single = faces.take(np.flatnonzero(faces.splits == place))
    found = metrics(write_lines(tmp_path / "one.csv", csv_lines(single)), "--model", model)
    assert (found["split"], found["n"]) == (name, len(single))


def test_a_class_without_faces_has_no_scores(faces: FaceDataset, model: Path, tmp_path: Path) -> None:
    single = faces.take(np.flatnonzero(faces.labels != EMOTIONS.index("fear")))
    result = evaluate(write_lines(tmp_path / "no-fear.csv", csv_lines(single)), "--model", model)
    [row] = [line.split() for line in result.stdout.splitlines() if "none" in line]
    assert [cell for cell in row if cell != "\u2502"] == ["fear", "none", "none", "none", "0"]


def test_without_json_a_table_names_the_split(table: Path, model: Path) -> None:
    result = evaluate(table, "--model", model)
    assert result.exit_code == 0
    assert f"on the test split of {table}: 70 faces" in result.stdout
    assert "accuracy 0.9286" in result.stdout
    assert "surprise" in result.stdout


@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_it_says_which_weights_were_measured(
    table: Path, tmp_path: Path, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_int8_bundle(tmp_path / "both").path
    monkeypatch.setenv("FER_WEIGHTS", weights)
    assert f"a single crop per face, {weights} weights" in evaluate(table, "--model", folder).stdout
    about = metrics(table, "--model", folder)["about"]
    assert about["weights"] == weights
    assert about["confidence_threshold"] == {"float32": 0.0, "int8": 0.3}[weights]


def test_json_to_a_file_leaves_the_table_on_standard_output(table: Path, model: Path, tmp_path: Path) -> None:
    result = evaluate(table, "--model", model, "--json", tmp_path / "metrics.json")
    assert "accuracy 0.9286" in result.stdout
    assert list(json.loads((tmp_path / "metrics.json").read_text("utf-8"))) == KEYS


def test_two_models_are_compared_and_reported(table: Path, model: Path, tmp_path: Path) -> None:
    other = make_bundle(tmp_path / "other", sharpness=2.0).path
    reports = [tmp_path / f"report{form}" for form in (".html", ".json", ".csv")]
    options = [option for report in reports for option in ("--report", report)]
    result = evaluate(table, "--model", model, "--against", other, *options)
    assert result.exit_code == 0, result.stderr
    assert "Only 'greys' is right on 0 faces, only 'other' on 0." in " ".join(result.stdout.split())
    assert "data:image/jpeg" in reports[0].read_text("utf-8")
    assert [one["model"] for one in json.loads(reports[1].read_text("utf-8"))["models"]] == ["greys", "other"]
    assert len(list(csv.reader(reports[2].read_text("utf-8-sig").splitlines()))) == 71


def test_json_of_two_models_has_both_and_their_comparison(table: Path, model: Path, tmp_path: Path) -> None:
    # To this model all classes are equally likely, so it predicts 'angry' for every face. Nine are labelled so.
    other = make_bundle(tmp_path / "other", sharpness=0.0).path
    found = metrics(table, "--model", model, "--against", other)
    assert list(found) == ["models", "comparison"]
    first, second = found["models"]
    assert list(first) == list(second) == KEYS
    assert [(one["model"], one["accuracy"]) for one in (first, second)] == [("greys", 65 / 70), ("other", 9 / 70)]
    counts = found["comparison"]
    assert counts["both_right"] + counts["only_first"] == 65  # type: ignore[index]
    assert counts["both_right"] + counts["only_second"] == 9  # type: ignore[index]


def test_a_report_without_faces(table: Path, model: Path, tmp_path: Path) -> None:
    result = evaluate(table, "--model", model, "--report", tmp_path / "r.html", "--no-gallery")
    assert result.exit_code == 0
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "data:image" not in page[page.index("<body>") :]


def test_robustness_has_its_own_table(table: Path, model: Path) -> None:
    result = evaluate(table, "--model", model, "--robustness")
    assert "lower half covered" in result.stdout
    assert "JPEG quality 20" in result.stdout


def test_robustness_in_json_has_coverage_and_accuracy_of_sure_faces(table: Path, model: Path) -> None:
    found = metrics(table, "--model", model, "--robustness")
    assert list(found) == [*KEYS, "robustness"]
    rows = {row["name"]: row for row in found["robustness"]}  # type: ignore[attr-defined]
    assert len(rows) == 13
    # Brighter faces have other greys, and the tiny model is equally confident of them.
    assert rows["jpeg"]["sure"] == 1.0 and rows["jpeg"]["sure_accuracy"] == rows["jpeg"]["accuracy"] == 65 / 70
    assert rows["bright"]["sure_accuracy"] < 0.8


def test_sets_of_classes_are_measured_if_the_model_has_them(table: Path, tmp_path: Path) -> None:
    with_sets = make_bundle(tmp_path / "sets", sets=ClassSets(0.9, 0.01))
    found = metrics(table, "--model", with_sets.path)["sets"]
    assert found["target"] == 0.9 and found["coverage"] > 65 / 70  # type: ignore[index]
    assert found["mean_size"] > 1.5 and set(found["per_class"]) == set(EMOTIONS)  # type: ignore[index]
    assert "Sets of classes contain the right one" in evaluate(table, "--model", with_sets.path).stdout


def test_mirrored_evaluation_is_reported_and_not_stored(table: Path, model: Path, fer_home: Path) -> None:
    result = evaluate(table, "--model", model, "--mirror")
    assert "the mean of each face and its mirror image" in result.stdout
    assert "a single crop per face" in evaluate(table, "--model", model).stdout
    assert metrics(table, "--model", model, "--mirror")["about"]["settings"]["mirrored"] is True  # type: ignore[index]
    assert len(list((fer_home / "evaluations" / "results").iterdir())) == 1


def test_nothing_is_classified_twice_and_no_face_is_stored(
    table: Path, model: Path, classified: list[int], fer_home: Path
) -> None:
    first = metrics(table, "--model", model)
    assert sum(classified) >= 70
    classified.clear()
    assert metrics(table, "--model", model) == first
    assert classified == []
    assert not (fer_home / "evaluations" / "faces").exists()
    evaluate(table, "--model", model, "--fresh")
    assert sum(classified) >= 70


def test_the_model_keeps_its_name_whatever_the_page_calls_it(table: Path, model: Path) -> None:
    evaluation_set = load_evaluation_set(Source(str(table)))
    evaluate_once(EmotionClassifier(load_bundle(model)), evaluation_set, name="Shipped model")
    assert metrics(table, "--model", model)["model"] == "greys"


def test_an_imported_dataset_is_found_by_its_name(table: Path, model: Path) -> None:
    import_path(table, "mine")
    found = metrics("mine", "--model", model)
    assert (found["data"], found["n"]) == ("mine", 70)


def test_a_missing_validation_split_is_taken_from_train_and_reported(
    faces: FaceDataset, model: Path, tmp_path: Path
) -> None:
    folders = write_files(tmp_path / "folders", image_files(synthetic_faces(140, 0, 7)))
    assert metrics(folders, "--model", model, "--split", "validation")["n"] == 14
    words = " ".join(evaluate(folders, "--model", model, "--split", "validation").stdout.split())
    assert "validation split (the 10 % of train that training validates on)" in words


def test_data_without_splits_is_not_called_a_train_split(model: Path, tmp_path: Path) -> None:
    files = {path.removeprefix("train/"): data for path, data in image_files(synthetic_faces(14, 0, 0)).items()}
    folders = write_files(tmp_path / "plain", files)
    for _ in ("computed", "stored"):
        words = " ".join(evaluate(folders, "--model", model).stdout.split())
        assert f"on all of {folders} (no validation or test split): 14 faces" in words and "train" not in words


def test_a_folder_of_whole_photos_is_recognised_and_reported(model: Path, tmp_path: Path) -> None:
    (tmp_path / "photos" / "happy").mkdir(parents=True)
    (tmp_path / "photos" / "happy" / "me.png").write_bytes(sample_portrait())
    words = " ".join(evaluate(tmp_path / "photos", "--model", model).stdout.split())
    assert "whole photos, so their faces were detected first. Use --faces if they are cropped faces." in words
    assert "whole photos" not in evaluate(tmp_path / "photos", "--model", model, "--faces").stdout


def test_help_shows_the_defaults() -> None:
    text = " ".join(evaluate("--help").stdout.split())
    assert "default: the best available: test, validation, train" in text
    assert "default: shipped" in text
    assert "With --against: 'models' and 'comparison'" in text
