"""Charts of training: contents, colours, and that a zoom belongs to a run and a chart."""

import pandas as pd
import pytest

from fer.emotions import EMOTION_COLORS, EMOTIONS
from fer.runs.curves import METRICS_COLUMNS, BestEpoch
from fer.ui.training import charts


def metrics(epochs: int) -> pd.DataFrame:
    return pd.DataFrame(
        [[epoch] + [epoch / 10] * (len(METRICS_COLUMNS) - 1) for epoch in range(1, epochs + 1)], columns=METRICS_COLUMNS
    )


BUILDERS = [charts.loss_chart, charts.accuracy_chart, charts.class_chart]


@pytest.mark.parametrize("build", BUILDERS)
def test_new_epochs_keep_the_revision_and_another_run_or_chart_has_its_own(build):
    first, later = build(metrics(2), "a", 1), build(metrics(9), "a", 7)
    assert first.layout.uirevision == later.layout.uirevision
    others = {other(metrics(2), run, 1).layout.uirevision for other in BUILDERS for run in "ab"}
    assert len(others) == 6


def test_the_first_epochs_have_integer_ticks_and_a_fixed_range():
    first, tenth, later = (charts.loss_chart(metrics(n), "a", 0).layout.xaxis for n in (1, 10, 30))
    assert (first.dtick, tenth.dtick, later.dtick) == (1, 1, None)
    assert charts.loss_chart(metrics(0), "a", 0).layout.xaxis.dtick == 1
    for axis in (first, tenth, later):
        # Plotly keeps a zoom only while the program's own range stays as it was.
        assert axis.range is None
        assert tuple(axis.autorangeoptions.include) == (1, 5)


def test_the_losses_are_those_of_training_and_validation():
    table = metrics(3)
    table["val_loss"] = [5.0, 4.0, 3.0]
    figure = charts.loss_chart(table, "a", 0)
    assert {line.name: list(line.y) for line in figure.data} == {
        "training": [0.1, 0.2, 0.3],
        "validation": [5.0, 4.0, 3.0],
    }
    assert list(figure.data[0].x) == [1, 2, 3]
    assert not figure.layout.shapes


def test_each_class_has_its_line_and_its_colour():
    table = metrics(2)
    table["accuracy_fear"] = [0.25, 0.75]
    figure = charts.class_chart(table, "a", 2)
    assert {line.name: line.line.color for line in figure.data} == EMOTION_COLORS
    assert list(figure.data[EMOTIONS.index("fear")].y) == [25, 75]


def test_the_best_epoch_is_marked():
    figure = charts.accuracy_chart(metrics(9), "a", 7)
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (7, 7)
    assert figure.layout.annotations[0].text == "best: 7"


def test_the_confusion_matrix_is_shaded_by_the_row():
    confusion = [[0] * 7 for _ in range(7)]
    confusion[0] = [1, 3, 0, 0, 0, 0, 0]
    styled = charts.confusion_table(BestEpoch(1, 0.5, confusion))
    html = styled.to_html()
    assert styled.data.loc["angry", "disgust"] == 3  # type: ignore[attr-defined]
    assert "rgba(99, 102, 241, 0.49)" in html  # three quarters of the strongest


def test_compared_runs_have_colours_of_their_own():
    figure = charts.comparison_chart({"one": metrics(2), "two": metrics(5)}, "val_loss", "Validation loss")
    assert [line.name for line in figure.data] == ["one", "two"]
    assert len({line.line.color for line in figure.data}) == 2
    assert [len(line.x) for line in figure.data] == [2, 5]


def test_the_description_of_curves():
    assert charts.describe(metrics(0), 0) == charts.describe_classes(metrics(0)) == "No completed epochs."
    text = charts.describe(metrics(3), 2)
    assert "After epoch 3" in text
    assert "validation accuracy 30.0 %" in text
    assert text.endswith("Best epoch: 2.")
    table = metrics(3)
    table["accuracy_sad"] = float("nan")
    assert "happy 30.0 %" in charts.describe_classes(table)
    assert "sad" not in charts.describe_classes(table)


def test_means_over_seeds_are_lines_in_bands_of_one_standard_deviation():
    curve = pd.DataFrame({"epoch": [1, 2], "mean": [0.5, 0.6], "sd": [0.1, 0.05], "n": [3, 3]})
    alone = curve.assign(sd=float("nan"), n=1)
    band, line, other = charts.band_chart({"a": curve, "b": alone}, "val_accuracy", "Accuracy", "x").data
    assert list(band.x) == [1, 2, 2, 1] and list(band.y) == pytest.approx([60, 65, 55, 40])
    assert (band.showlegend, band.fillcolor) == (False, "rgba(0, 114, 178, 0.2)")
    assert (line.name, list(line.y), line.line.color) == ("a", [50, 60], "#0072B2")
    assert (other.name, list(other.y)) == ("b", [50, 60]), "one seed has no band"
