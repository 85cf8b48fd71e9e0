"""Charts show the right numbers."""

import numpy as np
import pytest

from fer.emotions import EMOTIONS, N_EMOTIONS
from fer.evaluation import charts
from fer.evaluation.agreement import Agreement, CertaintyBin
from fer.evaluation.metrics import Predictions, measure
from fer.evaluation.robustness import RobustnessRow


def answers(n_right: int = 6, n: int = 10, confidence: float = 0.6) -> Predictions:
    labels = np.where(np.arange(n) < n_right, 3, 0)
    probabilities = np.full((n, N_EMOTIONS), (1 - confidence) / 6, np.float32)
    probabilities[:, 3] = confidence
    return Predictions(labels, probabilities)


def test_confusion_shows_shares_and_counts() -> None:
    (cells,) = charts.confusion_chart(measure(answers())).data
    assert cells.text[0][3] == "100%<br>4" and cells.text[2][3] == "0%<br>0"
    assert cells.z[0][3] == 1.0 and cells.customdata[0][3] == 4
    assert cells.z[2].sum() == 0, "a class without faces is no division by zero"
    assert list(cells.y) == list(EMOTIONS)


def test_calibration_leaves_empty_bins_out_and_names_its_error() -> None:
    figure = charts.calibration_chart(answers(confidence=0.9), title="Calibration")
    curve = figure.data[1]
    assert list(curve.x) == pytest.approx([0.9])
    assert list(curve.y) == [0.6]
    assert list(curve.customdata) == [10]
    assert figure.layout.title.text == "Calibration, ECE 0.300"


def test_confidence_counts_right_and_wrong_separately() -> None:
    right, wrong = charts.confidence_chart(answers(confidence=0.62)).data
    assert (sum(right.y), sum(wrong.y)) == (6, 4)
    assert right.y[12] == 6 and wrong.y[12] == 4
    assert right.x[12] == pytest.approx(0.625)


def test_a_confidence_of_one_is_counted() -> None:
    right, _ = charts.confidence_chart(answers(confidence=1.0)).data
    assert right.y[-1] == 6


def test_the_diamond_marks_the_models_own_threshold() -> None:
    labels = np.array([3, 3, 0, 3])
    probabilities = np.full((4, N_EMOTIONS), 0.01, np.float32)
    probabilities[:, 3] = [0.9, 0.8, 0.7, 0.6]
    curve, diamond = charts.coverage_chart([Predictions(labels, probabilities)], ["one"], [0.65], "title").data
    assert list(curve.x) == [0.25, 0.5, 0.75, 1.0]
    assert (list(diamond.x), list(diamond.y)) == ([0.75], [pytest.approx(2 / 3)])


def test_a_threshold_that_no_face_reaches_has_no_diamond() -> None:
    assert len(charts.coverage_chart([answers()], ["one"], [0.99], "title").data) == 1


def test_a_long_curve_keeps_its_ends() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(N_EMOTIONS), 5000).astype(np.float32)
    curve = charts.coverage_chart([Predictions(rng.integers(0, 7, 5000), probabilities)], ["one"], [2.0], "t").data[0]
    assert len(curve.x) == 200
    assert (curve.x[0], curve.x[-1]) == (1 / 5000, 1.0)


def test_robustness_shows_unchanged_faces_first_and_both_models_side_by_side() -> None:
    rows = (RobustnessRow("dark", "darker", 0.5, (0.4, 0.65), 0.1, 0.7, 0.6),)
    one, other = charts.robustness_chart([rows, rows], ["a", "b"], [0.6, 0.7]).data
    assert list(one.y) == ["unchanged", "darker"]
    assert (list(one.x), list(other.x)) == ([0.6, 0.5], [0.7, 0.5])
    assert list(one.error_x.array) == [0, pytest.approx(0.15)]
    assert list(one.error_x.arrayminus) == [0, pytest.approx(0.1)]
    assert one.marker.color != other.marker.color


def test_scores_by_class_are_in_the_order_of_the_classes() -> None:
    figure = charts.per_class_chart(measure(answers()))
    shown = [trace for trace in figure.data if trace.showlegend is False]
    precision, recall, f1, words = shown
    assert words.text[3] == "F1 75%" and f1.x[3] == pytest.approx(0.75)
    assert precision.x[3] == pytest.approx(0.6) and recall.x[3] == 1.0
    assert precision.y[3] == "happy (6)"
    assert (precision.x[2], recall.x[2], f1.x[2], words.text[2]) == (None, None, None, "no faces")
    assert {trace.name for trace in figure.data if trace.showlegend is not False} == {"precision", "recall", "F1"}


def test_agreement_draws_accuracy_and_confidence_by_share_of_votes() -> None:
    found = Agreement(3, 0, 0.5, 0.5, 0.5, None, (CertaintyBin("5 of 10", 2, 0.5, 0.4), CertaintyBin("all", 1, 1, 0.9)))
    accuracy, confidence = charts.agreement_chart([found], ["one"], "title").data
    assert list(accuracy.x) == ["5 of 10", "all"]
    assert (list(accuracy.y), list(confidence.y)) == ([0.5, 1], [0.4, 0.9])
