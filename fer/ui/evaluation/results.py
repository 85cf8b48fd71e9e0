"""The lower half of the Evaluation page: figures, charts, and what can be taken away."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fer.emotions import EMOTIONS
from fer.errors import BundleError
from fer.evaluation import charts, wording
from fer.evaluation.comparison import compare
from fer.evaluation.evaluation_result import EvaluationResult
from fer.evaluation.metrics import Metrics
from fer.evaluation.report import report
from fer.recognition.classifier import EmotionClassifier
from fer.text import counted
from fer.ui import resources
from fer.ui.downloads import made_download
from fer.ui.evaluation.work import Evaluation

_CONFIG: Final[dict[str, Any]] = {"displayModeBar": False}
# The accent's hue at a strength that leaves the number readable in light and dark.
_CELL: Final = "background-color: rgba(99, 102, 241, {alpha:.2f})"
_STRONGEST: Final = 0.65
_CELL_PX: Final = 44
_HELP: Final = {
    "Accuracy": "Share of right answers, with the 95 % interval (Wilson)",
    "Macro F1": "Mean F1 of the classes, each counting the same however rare it is",
    "Calibration error": "How far confidence and accuracy lie apart on average (ECE, 15 bins); 0 is perfect",
    "Top-2 accuracy": "How often the true class is among the two most probable",
    "Balanced accuracy": "Mean recall of the classes",
    "Faces per second": "Classified on this machine, while the evaluation ran",
}


def headline(evaluation: Evaluation) -> None:
    """What comes first: accuracy and its interval, macro F1, calibration, speed; and which of two is better."""
    if evaluation.evaluation_set.faces.synthetic:
        st.info(wording.DRAWN, icon=":material/draw:")
    for column, one, name in _side_by_side(evaluation):
        with column, st.container(border=True):
            if len(evaluation.results) > 1:
                st.markdown(f"**{name}**")
            _metrics(one)
    st.caption(f"{wording.about(evaluation.results)}. Single crop, as served.")
    if len(evaluation.results) > 1:
        first, second = evaluation.results
        st.markdown(wording.verdict(compare(first.predictions, second.predictions), *evaluation.names))
    _left_out(evaluation)


def _metrics(one: EvaluationResult) -> None:
    figures = wording.key_figures(one)
    low, high = one.metrics.accuracy_interval
    with st.container(horizontal=True):
        for name in ("Accuracy", "Macro F1", "Calibration error", "Faces per second"):
            value = f"{figures[name]} ({low:.3f}–{high:.3f})" if name == "Accuracy" else figures[name]
            st.metric(name, value, help=_HELP[name], width="content")
    rest = ("Balanced accuracy", "Top-2 accuracy", "'Not sure' below", "Share answered", "Accuracy of those")
    st.caption(" · ".join(f"{name} {figures[name]}" for name in rest))


def _left_out(evaluation: Evaluation) -> None:
    left_out = evaluation.evaluation_set.left_out
    if left_out:
        with st.expander(f"{counted(len(left_out), 'image')} could not be used", icon=":material/report:"):
            frame = pd.DataFrame([(item.where, item.reason) for item in left_out], columns=["Image", "Reason"])
            st.dataframe(frame, hide_index=True, alt="Images that could not be used, with the reason of each")


def by_class(evaluation: Evaluation, on_cell: Callable[[int, int, int], None]) -> None:
    """Confusion matrix and scores by class.

    Args:
        evaluation: the results of one or two models.
        on_cell: called with the model's place, the true and the predicted class when a cell is chosen.
    """
    st.subheader("Which expressions it takes for which", anchor=False)
    shares = st.segmented_control(
        "Cells show", ["Faces", "Share of the row"], default="Faces", required=True, key="evaluation_cells"
    )
    st.caption("Rows: true class. Columns: predicted class. Select a cell to see its faces in the gallery.")
    # With one model the scores stand beside the matrix, with two below it.
    columns = [column for column, _, _ in _side_by_side(evaluation, least=2)]
    for place, (one, name) in enumerate(zip(evaluation.results, evaluation.names, strict=True)):
        with columns[place]:
            _confusion(one.metrics, name, shares == "Share of the row", f"{place}_{evaluation.key}", place, on_cell)
        with columns[place if len(evaluation.results) > 1 else 1]:
            figure = charts.per_class_chart(one.metrics, f"Scores by class, {name}")
            _plot(figure, f"by_class_{place}_{evaluation.key}", _scores_in_words(one.metrics))


def _confusion(
    metrics: Metrics, name: str, by_row: bool, key: str, place: int, on_cell: Callable[[int, int, int], None]
) -> None:
    counts = metrics.confusion
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    frame = pd.DataFrame(shares if by_row else counts, index=list(EMOTIONS), columns=list(EMOTIONS))
    cells = pd.DataFrame(
        [[_CELL.format(alpha=_STRONGEST * share) for share in row] for row in shares], frame.index, frame.columns
    )
    styled = frame.style.apply(lambda _: cells, axis=None).format("{:.2f}" if by_row else "{:d}")
    key = f"evaluation_confusion_{key}_{by_row}"

    def chosen() -> None:
        selected = st.session_state[key].selection.cells
        if selected:
            row, predicted = selected[0]
            on_cell(place, row, EMOTIONS.index(predicted))

    st.dataframe(
        styled,
        on_select=chosen,
        selection_mode="single-cell",
        key=key,
        # Seven columns beside a second model's seven: the headings are cut to three letters.
        column_config={
            emotion: st.column_config.NumberColumn(emotion[:3], help=emotion, width=_CELL_PX) for emotion in EMOTIONS
        },
        alt=f"Confusion matrix of {name}: rows true, columns predicted",
    )


def _scores_in_words(metrics: Metrics) -> str:
    parts = (
        f"{name}: precision {one.precision:.2f}, recall {one.recall:.2f}, F1 {one.f1:.2f}"
        for name, one in metrics.per_class.items()
    )
    return "; ".join(parts)


def trust(evaluation: Evaluation) -> None:
    """Calibration, confidence, and what the 'not sure' threshold costs and gains."""
    st.subheader("Can its confidence be trusted?", anchor=False)
    drawn = list(_side_by_side(evaluation, least=2))
    if len(evaluation.results) == 1:
        (left, one, name), (right, _, _) = drawn
        pairs = [(left, one, name, 0, "calibration"), (right, one, name, 0, "confidence")]
    else:
        pairs = [
            (column, one, name, place, kind)
            for kind in ("calibration", "confidence")
            for place, (column, one, name) in enumerate(drawn)
        ]
    for column, one, name, place, kind in pairs:
        with column:
            if kind == "calibration":
                figure = charts.calibration_chart(one.predictions, charts.MODEL_COLORS[place], f"Calibration, {name}")
                words = f"Calibration curve of {name}; expected calibration error {one.metrics.ece:.3f}"
            else:
                figure = charts.confidence_chart(one.predictions, f"Confidence, {name}")
                words = f"How often {name} is how sure, where it is right and where it is wrong"
            _plot(figure, f"{kind}_{place}_{evaluation.key}", words)
    figure = charts.coverage_chart(
        [one.predictions for one in evaluation.results],
        evaluation.names,
        [one.model.confidence_threshold for one in evaluation.results],
        "Accuracy against coverage",
    )
    words = "; ".join(
        f"{name} answers {figures['Share answered']} of the faces; accuracy of those: {figures['Accuracy of those']}"
        for name, figures in zip(
            evaluation.names, (wording.key_figures(one) for one in evaluation.results), strict=True
        )
    )
    _plot(figure, f"coverage_{evaluation.key}", words)
    st.caption(f"What saying 'not sure' costs and gains. {charts.DIAMOND}")


def robustness(evaluation: Evaluation) -> None:
    """Accuracy under each transform, of both models in one chart."""
    measured = [
        (one, name, color, one.robustness)
        for one, name, color in zip(evaluation.results, evaluation.names, charts.MODEL_COLORS, strict=False)
        if one.robustness is not None
    ]
    st.subheader("In bad light, blurred, turned, covered", anchor=False)
    if not measured:
        st.caption("Not measured yet: switch on 'Measure robustness' above, and press Evaluate.")
        return
    figure = charts.robustness_chart(
        [rows for *_, rows in measured],
        [name for _, name, *_ in measured],
        [one.metrics.accuracy for one, *_ in measured],
        "Accuracy where every face is spoiled in one way",
        [color for _, _, color, _ in measured],
    )
    words = "; ".join(
        f"{name}: " + ", ".join(f"{row.label} {row.accuracy:.2f}" for row in rows) for _, name, _, rows in measured
    )
    _plot(figure, f"robustness_{evaluation.key}_{len(measured)}", words)


def agreement(evaluation: Evaluation) -> None:
    """How the models go with the FER+ crowd, where there are votes."""
    found = [
        (one, name, one.agreement)
        for one, name in zip(evaluation.results, evaluation.names, strict=True)
        if one.agreement is not None
    ]
    if not found:
        return
    st.subheader("Does it see what people see?", anchor=False)
    texts = [text for one, _, _ in found if (text := wording.crowd(one))]
    for text in texts:
        st.markdown(text)
    figure = charts.agreement_chart(
        [item for _, _, item in found], [name for _, name, _ in found], "By the crowd's certainty"
    )
    _plot(figure, f"agreement_{evaluation.key}", " ".join(texts))
    st.caption(charts.LINES)


def downloads(evaluation: Evaluation) -> None:
    """The report, the figures and the answers as files, made when they are asked for."""
    st.subheader("Take it away", anchor=False)
    with_faces = st.toggle(
        "Show faces in the report",
        value=True,
        key="evaluation_report_faces",
        help="The surest mistakes with their maps. Leave them out where the faces may not be passed on, as FER-2013's "
        "may not.",
    )
    evaluation_set, results = evaluation.evaluation_set, evaluation.results
    loaded = classifiers(evaluation) if with_faces else []
    forms = (
        (".html", "HTML report", "text/html", ":material/description:", "One file with all charts; opens offline."),
        (".json", "JSON", "application/json", ":material/data_object:", "All figures."),
        (".csv", "CSV", "text/csv", ":material/table:", "A row a face: true, predicted, seven probabilities."),
    )
    shown = "_".join([evaluation.key, *(one.made for one in results), *evaluation.names, str(with_faces)])
    with st.container(horizontal=True):
        for form, label, mime, icon, text in forms:
            made_download(
                label,
                partial(report, form, evaluation_set, results, loaded),
                f"evaluation{form}",
                mime,
                key=f"evaluation{form}_{shown}",
                icon=icon,
                help=text,
            )


def classifiers(evaluation: Evaluation) -> list[EmotionClassifier]:
    """The models themselves, for their maps; [] where one is gone since it was evaluated."""
    try:
        return [resources.classifier(bundle) for bundle in evaluation.choice.bundles]
    except BundleError:
        return []


def _side_by_side(evaluation: Evaluation, least: int = 1) -> Iterator[tuple[Any, EvaluationResult, str]]:
    """A column a model; with `least` of 2, a single model comes twice."""
    shown = list(zip(evaluation.results, evaluation.names, strict=True))
    if len(shown) < least:
        shown *= least
    for column, (one, name) in zip(st.columns(len(shown), gap="medium"), shown, strict=True):
        yield column, one, name


def _plot(figure: go.Figure, key: str, words: str) -> None:
    st.plotly_chart(figure, config=_CONFIG, key=f"evaluation_{key}", alt=words)
