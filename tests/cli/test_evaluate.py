"""`fer evaluate`, as users type it."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from fer.cli import main
from fer.datasets.faces import FaceDataset
from fer.datasets.readers.orders import PRESETS
from fer.datasets.store.importing import import_path
from fer.emotions import EMOTIONS
from fer.evaluation.evaluation_set import Source, load_evaluation_set
from fer.evaluation.once import evaluate_once
from fer.recognition.bundle import load_bundle
from fer.recognition.candidates import ClassSets
from fer.recognition.classifier import EmotionClassifier
from fer.vision.samples import sample_portrait
from tests.support.builders import make_bundle
from tests.support.evaluations import count_classified, grey_faces
from tests.support.forms import csv_lines, image_files, synthetic_faces, write_files, write_lines

WRONG = 5
KEYS = [
    *("model", "data", "split", "n", "accuracy", "macro_f1", "ece"),
    *("per_class", "confusion_matrix", "faces_per_second"),
]


@pytest.fixture(autouse=True)
def _home(fer_home: Path) -> None:
    """Results are stored in an empty FER_HOME."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("models") / "greys", confidence_threshold=0.4).path


@pytest.fixture(scope="module")
def faces() -> FaceDataset:
    """70 test faces, five of them labelled wrong, and 7 of each other split."""
    test, others = grey_faces(70, wrong=WRONG), grey_faces(14, noise=5)
    return FaceDataset(
        "greys",
        np.concatenate([others.images, test.images]),
        np.concatenate([others.labels, test.labels]),
        np.concatenate([np.repeat([0, 1], 7), test.splits]).astype(np.uint8),
    )


@pytest.fixture(scope="module")
def table(faces: FaceDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Longer than a line of a terminal.
    return write_lines(tmp_path_factory.mktemp("table" * 20) / "fer2013.csv", csv_lines(faces))


def evaluate(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


def metrics(*arguments: object) -> dict[str, Any]:
    result = evaluate(*arguments, "--json", "-")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


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
        if key not in ("data", "faces_per_second"):
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


def test_without_json_a_table_names_the_split(table: Path, model: Path) -> None:
    result = evaluate(table, "--model", model)
    assert result.exit_code == 0
    assert "test split, 70 faces" in result.stdout
    assert "accuracy 0.9286" in result.stdout
    assert "surprise" in result.stdout


def test_json_to_a_file_leaves_the_table_on_standard_output(table: Path, model: Path, tmp_path: Path) -> None:
    result = evaluate(table, "--model", model, "--json", tmp_path / "metrics.json")
    assert "accuracy 0.9286" in result.stdout
    assert list(json.loads((tmp_path / "metrics.json").read_text())) == KEYS


def test_two_models_are_compared_and_reported(table: Path, model: Path, tmp_path: Path) -> None:
    other = make_bundle(tmp_path / "other", sharpness=2.0).path
    reports = [tmp_path / f"report{form}" for form in (".html", ".json", ".csv")]
    options = [option for report in reports for option in ("--report", report)]
    result = evaluate(table, "--model", model, "--against", other, *options)
    assert result.exit_code == 0, result.stderr
    assert "Only greys is right on 0 faces, only other on 0." in " ".join(result.stdout.split())
    assert "data:image/jpeg" in reports[0].read_text()
    assert [one["model"] for one in json.loads(reports[1].read_text())["models"]] == ["greys", "other"]
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
    page = (tmp_path / "r.html").read_text()
    assert "data:image" not in page[page.index("<body>") :]


def test_robustness_has_its_own_table(table: Path, model: Path) -> None:
    result = evaluate(table, "--model", model, "--robustness")
    assert "lower half covered" in result.stdout
    assert "JPEG quality 20" in result.stdout


def test_robustness_in_json_has_coverage_and_accuracy_of_sure_faces(table: Path, model: Path) -> None:
    found = metrics(table, "--model", model, "--robustness")
    assert list(found) == [*KEYS, "robustness"]
    rows = {row["name"]: row for row in found["robustness"]}  # type: ignore[attr-defined]
    assert len(rows) == 12
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
    assert metrics(table, "--model", model, "--mirror")["mirrored"] is True
    assert len(list((fer_home / "evaluations" / "results").iterdir())) == 1


@pytest.fixture
def classified(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record how many faces each call of the classifier gets."""
    return count_classified(monkeypatch)


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


def test_metrics_are_printed_even_if_they_cannot_be_stored(table: Path, model: Path, fer_home: Path) -> None:
    (fer_home / "evaluations").write_text("in the way")
    assert metrics(table, "--model", model)["n"] == 70
    assert "The result is not stored" in evaluate(table, "--model", model).stderr


def test_an_imported_dataset_is_found_by_its_name(table: Path, model: Path) -> None:
    import_path(table, "mine")
    found = metrics("mine", "--model", model)
    assert (found["data"], found["n"]) == ("mine", 70)


def test_numbered_folders_need_a_label_order(faces: FaceDataset, table: Path, model: Path, tmp_path: Path) -> None:
    numbers = {label: str(number) for number, label in PRESETS["affectnet"].labels.items()}
    root = write_files(tmp_path / "numbered", image_files(faces, [numbers[label] for label in range(7)]))
    refused = evaluate(root, "--model", model)
    assert refused.exit_code == 1 and "name their order by --labels affectnet" in refused.stderr
    right = metrics(root, "--model", model, "--labels", "affectnet")
    assert right["accuracy"] == metrics(table, "--model", model)["accuracy"]
    assert metrics(root, "--model", model, "--labels", "fer2013")["accuracy"] < right["accuracy"]


def test_data_that_are_not_there_are_one_line_that_names_the_datasets(table: Path, model: Path) -> None:
    import_path(table, "mine")
    result = evaluate("nowhere", "--model", model)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert "no dataset is called 'nowhere'; give a file or folder, a dataset (mine), or 'synthetic'" in line


def test_a_missing_validation_split_is_taken_from_train_and_reported(
    faces: FaceDataset, model: Path, tmp_path: Path
) -> None:
    folders = write_files(tmp_path / "folders", image_files(synthetic_faces(140, 0, 7)))
    assert metrics(folders, "--model", model, "--split", "validation")["n"] == 14
    words = " ".join(evaluate(folders, "--model", model, "--split", "validation").stdout.split())
    assert "validation split (the 10 % of train that training validates on)" in words


@pytest.mark.parametrize("option", ["--json", "--report"])
def test_a_file_that_cannot_be_written_is_refused_before_classifying(
    option: str, table: Path, model: Path, tmp_path: Path, classified: list[int]
) -> None:
    result = evaluate(table, "--model", model, option, tmp_path / "nowhere" / "r.json")
    assert result.exit_code == 1 and "cannot be written" in result.stderr
    (tmp_path / "folder.json").mkdir()
    assert "is a folder" in evaluate(table, "--model", model, option, tmp_path / "folder.json").stderr
    assert classified == []


@pytest.mark.parametrize("name", ["[bold]greys", "[b]x[nothing]"])
def test_a_name_with_brackets_is_printed_verbatim(name: str, faces: FaceDataset, tmp_path: Path) -> None:
    model = make_bundle(tmp_path / name / "bundle").path
    (tmp_path / "[red]").mkdir()
    table = write_lines(tmp_path / "[red]" / "f.csv", csv_lines(faces))
    other = make_bundle(tmp_path / "[other]").path
    result = evaluate(table, "--model", model, "--against", other)
    assert result.exit_code == 0, result.output
    words = result.stdout.replace("\n", "")
    assert f"{model.parent.name} on " in words and "[red]" in words and "[other]" in words


def rubbish(folder: Path) -> dict[str, list[object]]:
    (folder / "rubbish.csv").write_bytes(b"\x00\xff not a table")
    (folder / "empty").mkdir()
    (folder / "poem.txt").write_text("roses are red")
    (folder / "no_model").mkdir()
    return {
        "missing": [folder / "missing.csv"],
        "rubbish": [folder / "rubbish.csv"],
        "empty folder": [folder / "empty"],
        "text": [folder / "poem.txt"],
        "photos of nothing": [folder / "empty", "--photos"],
        "no such split": ["synthetic", "--split", "everything"],
        "no model": ["synthetic", "--model", folder / "no_model"],
        "report of no form": ["synthetic", "--report", folder / "report.pdf"],
        "nobody's home": ["~nosuchuser/faces"],
        "a long name": ["x" * 300],
        "unwritable": ["synthetic", "--json", folder / "nowhere" / "metrics.json"],
    }


@pytest.mark.parametrize(
    "what",
    [
        *("missing", "rubbish", "empty folder", "text", "photos of nothing", "no such split", "no model"),
        *("report of no form", "nobody's home", "a long name", "unwritable"),
    ],
)
def test_bad_input_gives_one_sentence(what: str, tmp_path: Path, model: Path) -> None:
    arguments = rubbish(tmp_path)[what]
    if "--model" not in arguments:
        arguments += ["--model", model]
    result = evaluate(*arguments)
    assert result.exit_code == 1
    (line,) = [line for line in result.stderr.splitlines() if line.strip()]
    assert line.startswith("Error: ") and line.endswith(".")
    assert "Traceback" not in result.output


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
