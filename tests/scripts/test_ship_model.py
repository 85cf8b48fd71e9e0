"""The texts about the shipped model follow its evaluation and contain neither faces nor local paths."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer.datasets.doctor.crowd import EMOTION_COLUMNS
from fer.evaluation.evaluation_result import EvaluationResult, evaluate_model
from fer.evaluation.metrics import measure, predict
from fer.paths import CHECKOUT, SHIPPED_BUNDLE
from fer.recognition.bundle import Bundle, load_bundle
from fer.recognition.int8_copy import INT8_FILE
from scripts import int8, ship_model, shipped_report
from tests.support.builders import make_bundle
from tests.support.evaluations import evaluation_set, grey_faces, tiny_classifier
from tests.support.forms import csv_lines, synthetic_faces, votes_lines, write_lines

ABOUT = {
    "network": {"name": "residual", "parameters": 1_200_000, "multiply_adds": 130_000_000},
    "data": {"trained_on": 60, "fingerprint": "abcd"},
}
CURVES = "epoch,accuracy,val_accuracy\n1,0.2,0.3\n2,0.4,0.5\n"


def votes(n: int) -> np.ndarray:
    counts = np.zeros((n, 10), np.uint8)
    counts[np.arange(n), np.array(EMOTION_COLUMNS)[np.arange(n) % 7]] = 10
    return counts


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> EvaluationResult:
    classifier = tiny_classifier(tmp_path_factory.mktemp("model") / "tiny")
    return evaluate_model(classifier, evaluation_set(grey_faces(70, wrong=7, votes=votes(70))), robustness=True)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    metrics = {"calibrated_on": "calibration", "calibration": {"n": 1149, "accuracy": 0.7, "ece": 0.03}}
    return make_bundle(tmp_path_factory.mktemp("model") / "tiny", metrics=metrics)


def test_the_report_has_every_part_and_no_images(made: EvaluationResult) -> None:
    text = shipped_report.report(made)
    for part in ("Metrics", "Scores by class", "Calibration", "Accuracy against coverage", "Robustness", "Agreement"):
        assert f"## {part}" in text
    assert "| Accuracy | 90.0 % |" in text
    # Where int8 is served, the command would give the numbers of the copy.
    assert "with `model.onnx`" in text and "\nFER_WEIGHTS=float32 python -m fer evaluate data/fer2013.csv " in text
    assert "| lower half covered |" in text
    assert "![" not in text and "<img" not in text and "data:" not in text
    assert "Faces per second" not in text


def test_the_paragraphs_contain_the_results(made: EvaluationResult, bundle: Bundle) -> None:
    first, second = (" ".join(part.split()) for part in shipped_report.findings(bundle, made).split("\n\n"))
    assert "the model's accuracy is 90.0 %" in first
    # One face of each class is labelled as its neighbour.
    assert "angry predicted as neutral (1 of 10)" in first
    assert "agrees with the votes on 100.0 % of these faces and with the labels on 90.0 %" in first
    assert "fitted on 1,149 images of train" in second
    assert "lower half covered" in second
    assert "no unbiased estimate yet" in second


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ({"calibrated_on": "test"}, "its calibration is optimistic as well"),
        ({"test": {"accuracy": 0.5}}, "On the test split its accuracy is 0.500."),
    ],
)
def test_the_role_of_each_split_is_stated(
    metrics: dict[str, object], words: str, made: EvaluationResult, bundle: Bundle
) -> None:
    text = shipped_report.findings(replace(bundle, metrics=metrics), made)
    assert words in " ".join(text.split())


def test_without_votes_and_transforms_the_paragraphs_leave_them_out(made: EvaluationResult, bundle: Bundle) -> None:
    text = shipped_report.findings(bundle, replace(made, agreement=None, robustness=None))
    assert "votes" not in text and "covered" not in text


def test_the_card_says_how_reliable_the_answers_are(made: EvaluationResult, tmp_path: Path) -> None:
    metrics = {"validation": made.metrics.to_dict(), "calibrated_on": "validation"}
    bundle = make_bundle(tmp_path / "tiny", metrics=metrics, **ABOUT)
    curves = pd.read_csv(io.StringIO(CURVES))
    text = ship_model.metrics_tables(bundle, curves, made)
    assert "Last trained for 2 epochs" in text
    # 63 of 70 are right, and the tiny model's confidence is above its threshold on each.
    assert "| validation | 70 | 0.9000 |" in text
    assert f"answers 100.0 % of the faces of the {made.data.split} split, with an accuracy of 90.0 %." in text
    assert "| 0.93 to 1.00 | 70 | 0.969 | 0.900 |" in text
    assert "| lower half covered |" in text
    assert "lower half covered" not in ship_model.metrics_tables(bundle, curves, replace(made, robustness=None))


@pytest.fixture
def checkout(tmp_path: Path, fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a checkout with a model folder, a card and the docs."""
    for name, file in (("model", "README.md"), ("docs", "evaluation.md")):
        (tmp_path / name).mkdir()
        text = f"before\n{ship_model.BEGIN}\nold metrics\n{ship_model.END}\nafter\n"
        (tmp_path / name / file).write_text(text)
    monkeypatch.setattr(ship_model, "SHIPPED_BUNDLE", tmp_path / "model")
    monkeypatch.setattr(ship_model, "CARD", tmp_path / "model" / "README.md")
    monkeypatch.setattr(ship_model, "REPORT", tmp_path / "docs" / "shipped-model.md")
    monkeypatch.setattr(ship_model, "FINDINGS", tmp_path / "docs" / "evaluation.md")
    return tmp_path


def finished_run(folder: Path) -> Path:
    faces = synthetic_faces(28, 14, 0)
    table = write_lines(folder / "fer2013.csv", csv_lines(faces))
    write_lines(folder / "fer2013new.csv", votes_lines(faces))
    run = folder / "run"
    metrics = {"validation": measure(predict(tiny_classifier(folder / "tiny"), faces.split("validation"))).to_dict()}
    make_bundle(run / "bundle", metrics={**metrics, "calibrated_on": "validation"}, **ABOUT)
    (run / "metrics.csv").write_text(CURVES)
    (folder / "before").mkdir()
    (folder / "before" / "notes.json").write_text('{"name": "the first"}')
    # As written by a version with a single initial model.
    config = {"data": str(table), "votes": None, "start_from": str(folder / "before" / "bundle"), "teacher": ["/m/b"]}
    (run / "config.json").write_text(json.dumps(config))
    return run


@pytest.mark.parametrize("kept", [True, False])
def test_shipping_a_run_renews_card_report_and_paragraphs(
    checkout: Path, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The accuracies of so small a model would decide by chance.
    monkeypatch.setattr(int8, "loses_little", lambda _: kept)
    run, copy = finished_run(checkout), checkout / "model" / INT8_FILE
    copy.write_bytes(b"of the model before")
    ship_model.main([str(run)])
    assert load_bundle(checkout / "model").hash == load_bundle(run / "bundle").hash
    settings = (checkout / "model" / "config.json").read_text("utf-8")
    assert json.loads(settings)["data"] == "data/fer2013.csv"
    assert json.loads(settings)["start_from"] == ["the first"]
    assert json.loads(settings)["teacher"] == ["b"]
    card, text, report = (
        (checkout / place).read_text("utf-8")
        for place in ("model/README.md", "docs/evaluation.md", "docs/shipped-model.md")
    )
    assert card.startswith("before") and card.endswith("after\n") and "old metrics" not in card
    assert "| validation | 14 |" in card and "| lower half covered |" in card
    assert ("| validation, int8 | 14 |" in card) == (f"The int8 copy `{INT8_FILE}`" in card) == kept
    assert (load_bundle(checkout / "model").int8 is not None) == copy.exists() == kept
    assert not kept or copy.read_bytes() != b"of the model before"
    assert text.startswith("before") and text.endswith("after\n") and "old metrics" not in text
    assert "On the 14 faces of the validation split of fer2013.csv" in " ".join(text.split())
    assert "## Agreement with the FER+ votes" in report
    assert str(checkout) not in card + text + report + settings


def test_the_report_alone_is_renewed_by_data_and_votes(checkout: Path) -> None:
    run = finished_run(checkout)
    for file in [*(run / "bundle").iterdir(), run / "metrics.csv"]:
        (checkout / "model" / file.name).write_bytes(file.read_bytes())
    ship_model.main(["--report", str(checkout / "fer2013.csv"), str(checkout / "fer2013new.csv")])
    assert "## Robustness" in (checkout / "docs" / "shipped-model.md").read_text("utf-8")


@pytest.mark.parametrize("arguments", [[], ["nowhere"], ["--report"], ["one", "two"]])
def test_the_expected_accuracy_is_stated(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="Expected the folder of one finished run"):
        ship_model.main(arguments)


def test_the_docs_are_of_the_model_that_is_shipped() -> None:
    text = (CHECKOUT / "docs" / "shipped-model.md").read_text("utf-8")
    assert f"`{load_bundle(SHIPPED_BUNDLE).hash}`" in text
    # The card's numbers come from the same evaluation as the report's.
    (row,) = (line for line in text.splitlines() if line.startswith("| lower half covered |"))
    assert row in (SHIPPED_BUNDLE / "README.md").read_text("utf-8")
