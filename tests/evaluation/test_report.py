"""Reports: complete, self-contained, and without faces if none are wanted."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer import __version__
from fer.datasets.doctor.crowd import EMOTION_COLUMNS
from fer.datasets.readings import Rejection
from fer.emotions import EMOTIONS
from fer.evaluation.comparison import compare
from fer.evaluation.evaluation_result import EvaluationResult, evaluate_model
from fer.evaluation.report import RUN_REPORT, report, write_run_report
from fer.evaluation.robustness import TRANSFORMS
from fer.evaluation.wording import about, key_metrics, verdict
from fer.provenance import PROVENANCE_COLUMNS
from fer.recognition.candidates import ClassSets
from tests.support.builders import make_bundle
from tests.support.evaluations import evaluation_set, grey_faces, tiny_classifier

WRONG = 7


def votes(n: int) -> np.ndarray:
    counts = np.zeros((n, 10), np.uint8)
    counts[np.arange(n), np.array(EMOTION_COLUMNS)[np.arange(n) % 7]] = 8
    counts[:, 8] = 2
    return counts


@pytest.fixture(scope="module")
def found():
    return evaluation_set(grey_faces(70, wrong=WRONG, votes=votes(70)))


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory):
    return tiny_classifier(tmp_path_factory.mktemp("model") / "tiny & <b>bold")


@pytest.fixture(scope="module")
def made(found, classifier) -> EvaluationResult:
    return evaluate_model(classifier, found, robustness=True)


def html(*arguments) -> str:
    return report(".html", *arguments).decode()


def body(page: str) -> str:
    return page[page.index("<body>") :]


def test_the_page_loads_nothing_from_elsewhere(found, classifier, made) -> None:
    page = html(found, [made], [classifier])
    assert not re.findall(r"<(?:script|img|link|iframe)[^>]+(?:src|href)\s*=\s*[\"'](?!data:)", body(page))
    assert "@import" not in page[: page.index("<script>")]
    assert "<link" not in page[: page.index("<script>")]


def test_the_page_has_every_part_once(found, classifier, made) -> None:
    text = body(html(found, [made], [classifier]))
    for heading in (
        *("Metrics", "Scores by class", "Confusion matrix", "Calibration", "Accuracy against coverage"),
        *("Robustness", "Agreement with the FER+ votes", "Method"),
    ):
        assert text.count(f"<h2>{heading}</h2>") == 1, heading
    assert text.count("Plotly.newPlot") == 7
    assert f"model_hash={made.model.hash}; detector=none" in text and f"version={__version__}" in text
    # The model predicts the most voted class of every face, and the label of 63 of 70.
    assert "agrees with the votes on 100.0 % of these faces and with the labels on 90.0 %" in text
    assert "<td>Accuracy</td><td>90.0 %</td>" in text


def test_names_are_escaped(found, classifier, made) -> None:
    text = html(found, [made], [classifier])
    assert "<b>" not in text[text.index("<body>") :]
    assert text.count("tiny &amp; &lt;b&gt;bold") >= 5


def test_origins_are_escaped(found, classifier, made) -> None:
    row = int(np.flatnonzero(~made.predictions.correct)[0])
    origins = list(found.origins)
    origins[row] = '<script>alert("1")</script>'
    text = body(html(replace(found, origins=tuple(origins)), [made], [classifier]))
    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;" in text
    assert "<script>alert" not in text


def test_the_gallery_shows_each_mistake_and_its_map(found, classifier, made) -> None:
    text = body(html(found, [made], [classifier]))
    assert text.count("<figure>") == WRONG
    assert text.count("data:image/jpeg") == 2 * WRONG


def test_without_the_models_it_shows_no_face(found, made) -> None:
    text = body(html(found, [made]))
    assert "data:image" not in text
    assert "<img" not in text
    assert "Metrics" in text


def test_synthetic_faces_are_labelled_as_synthetic(found, classifier, made) -> None:
    assert "faces are synthetic" not in html(found, [made])
    synthetic = evaluation_set(replace(grey_faces(14), synthetic=True))
    assert "faces are synthetic" in html(synthetic, [evaluate_model(classifier, synthetic)])


def test_two_models_are_compared(found, made, tmp_path: Path) -> None:
    other = evaluate_model(tiny_classifier(tmp_path / "other", sharpness=1.0), found)
    text = body(html(found, [made, other]))
    assert "McNemar" in text
    # Scores, matrix, calibration and confidence of each model; coverage, robustness and agreement of both.
    assert text.count("Plotly.newPlot") == 2 * 4 + 3
    values = json.loads(report(".json", found, [made, other]))
    assert [model["n"] for model in values["models"]] == [70, 70]
    assert values["comparison"]["both_right"] == 63
    assert values["comparison"]["mcnemar_p"] == 1.0


def test_each_corruption_says_how_many_faces_are_answered_and_how_well(found, made) -> None:
    rows = (replace(made.robustness[0], lost=-0.125, sure=0.25, sure_accuracy=0.75), *made.robustness[1:])
    none_sure = replace(rows[1], sure=0.0, sure_accuracy=None)
    page = body(html(found, [made.with_robustness((rows[0], none_sure, *rows[2:]))]))
    table = page[page.index("<h2>Robustness</h2>") : page.index("<h2>Agreement")]
    header, clean, first, second = (re.findall("<t[hd][^>]*>([^<]*)<", row) for row in table.split("<tr>")[1:5])
    assert header == ["faces", "accuracy", "change", "sure", "accuracy if sure"]
    assert clean == ["unchanged", "0.900", "+0.000", "1.000", "0.900"]
    assert first == [rows[0].label, f"{rows[0].accuracy:.3f}", "+0.125", "0.250", "0.750"]
    assert second[3:] == ["0.000", "none"]


def test_sets_of_classes_are_measured_by_class(found, made) -> None:
    assert "Sets of classes" not in body(html(found, [made]))
    with_sets = replace(made, model=replace(made.model, sets=ClassSets(0.9, 0.5)))
    page = body(html(found, [with_sets]))
    table = page[page.index("<h2>Sets of classes</h2>") : page.index("<h2>Robustness</h2>")]
    rows = [re.findall("<td[^>]*>([^<]*)<", row) for row in table.split("<tr>")[2:]]
    assert [row[0] for row in rows] == list(EMOTIONS)
    assert [row[3] for row in rows] == ["1.00"] * 7
    # Each of these sets has the predicted class alone, so it contains the right one as often as that is right.
    assert sum(int(row[1]) * float(row[2]) for row in rows) == pytest.approx(63, abs=0.1)


def test_a_model_keeps_its_colour_where_the_other_was_not_measured(found, made, tmp_path: Path) -> None:
    plain = evaluate_model(tiny_classifier(tmp_path / "other", sharpness=1.0), found)
    page = body(html(found, [plain, made]))
    table = page[page.index("<h2>Robustness</h2>") : page.index("<h2>Agreement")]
    assert set(re.findall("#0072B2|#D55E00", table)) == {"#D55E00"}


def test_each_models_calibration_has_its_colour(found, made, tmp_path: Path) -> None:
    other = evaluate_model(tiny_classifier(tmp_path / "other", sharpness=1.0), found)
    page = body(html(found, [made, other]))
    first, second = (page.index(f"Calibration of {name}") for name in ("tiny", "other"))
    drawn = page[page.index("<h2>Calibration</h2>") :]
    charts = drawn.split("Plotly.newPlot")[1:3]
    assert first < second
    assert [set(re.findall("#0072B2|#D55E00", chart)) for chart in charts] == [{"#0072B2"}, {"#D55E00"}]


def test_json_holds_every_result(found, made) -> None:
    values = json.loads(report(".json", found, [made]))
    assert values["comparison"] is None
    (one,) = values["models"]
    assert one["accuracy"] == 0.9
    assert one["accuracy_interval"][0] < 0.9 < one["accuracy_interval"][1]
    assert sum(part["n"] for part in one["calibration"]) == 70
    assert one["coverage"][-1] == {"coverage": 1.0, "accuracy": pytest.approx(0.9)}
    assert len(one["robustness"]) == len(TRANSFORMS) >= 13
    assert one["agreement"]["accuracy"] == 1.0
    assert one["not_sure"]["coverage"] == 1.0
    assert one["about"] == made.about.to_dict()


def test_csv_has_one_row_per_face(found, made) -> None:
    rows = list(csv.DictReader(io.StringIO(report(".csv", found, [made]).decode("utf-8-sig"))))
    assert len(rows) == 70
    assert sum(row["true"] == row["predicted"] for row in rows) == 63
    assert rows[0]["origin"].startswith("image ")
    assert sum(float(rows[0][name]) for name in EMOTIONS) == pytest.approx(1, abs=1e-5)
    assert rows[0]["sure"] == "true"
    made_by = made.about.columns()
    assert made_by["model_hash"] == made.model.hash and f"data_fingerprint={found.key}" in str(made_by["settings"])
    assert [rows[-1][name] for name in PROVENANCE_COLUMNS] == list(map(str, made_by.values()))


def test_csv_of_two_models_distinguishes_them(found, made) -> None:
    rows = list(csv.DictReader(io.StringIO(report(".csv", found, [made, made]).decode("utf-8-sig"))))
    assert rows[0]["predicted_a"] == rows[0]["predicted_b"]
    assert rows[0]["model_hash_a"] == rows[0]["model_hash_b"] == made.model.hash


def test_a_file_name_is_never_a_formula(made) -> None:
    found = evaluation_set(grey_faces(70, wrong=WRONG))
    bad = replace(found, origins=("=HYPERLINK(1)", *found.origins[1:]))
    rows = list(csv.reader(io.StringIO(report(".csv", bad, [made]).decode("utf-8-sig"))))
    assert rows[1][0] == "'=HYPERLINK(1)"


def test_a_runs_report_uses_the_best_split_and_shows_no_face(tmp_path: Path, fer_home: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    write_run_report(bundle, evaluation_set(grey_faces(14)), tmp_path)
    text = body((tmp_path / RUN_REPORT).read_text())
    assert "test split of greys: 14 faces" in text
    assert "data:image" not in text


def test_key_metrics_are_rounded_consistently(made) -> None:
    metrics = key_metrics(made)
    assert metrics["Accuracy"] == "90.0 %"
    assert metrics["Faces"] == "70"
    assert metrics["Coverage"] == "100.0 %"


def test_a_threshold_that_no_face_reaches_has_no_accuracy(made) -> None:
    strict = replace(made, model=replace(made.model, confidence_threshold=1.1))
    assert key_metrics(strict)["Accuracy when sure"] == "none"


@pytest.mark.parametrize(("n", "words"), [(1, "1 face, 1 image left out"), (14, "14 faces, 2 images left out")])
def test_counts_agree_with_their_noun(n: int, words: str, classifier) -> None:
    left_out = tuple(Rejection(f"{number}.png", "no face found") for number in range(1 if n == 1 else 2))
    found = replace(evaluation_set(grey_faces(n)), left_out=left_out)
    assert about([evaluate_model(classifier, found)]).endswith(f"test split of greys: {words}")


@pytest.mark.parametrize(
    ("wrong", "words"), [(0, "not statistically significant"), (40, "'first' is significantly better")]
)
def test_the_verdict_names_the_better_model_if_there_is_one(wrong: int, words: str, made, classifier) -> None:
    found = evaluation_set(grey_faces(70))
    one = evaluate_model(classifier, found).predictions
    probabilities = one.probabilities.copy()
    probabilities[:wrong] = np.roll(probabilities[:wrong], 1, axis=1)
    text = verdict(compare(one, replace(one, probabilities=probabilities)), "first", "second")
    assert words in text
    assert f"Only 'first' is right on {wrong} faces, only 'second' on 0." in text
