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
from fer.evaluation.assessment import Assessment
from fer.evaluation.comparison import compare
from fer.evaluation.metrics import Metrics
from fer.evaluation.report import report
from fer.recognition.classifier import EmotionClassifier
from fer.text import counted
from fer.ui import resources
from fer.ui.downloads import made_download
from fer.ui.evaluation.work import Results

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


def headline(results: Results) -> None:
    """What comes first: accuracy and its interval, macro F1, calibration, speed; and which of two is better."""
    if results.material.faces.synthetic:
        st.info(wording.DRAWN, icon=":material/draw:")
    for column, one, name in _side_by_side(results):
        with column, st.container(border=True):
            if len(results.assessments) > 1:
                st.markdown(f"**{name}**")
            _metrics(one)
    st.caption(f"{wording.about(results.assessments)}. Single crop, as served.")
    if len(results.assessments) > 1:
        first, second = results.assessments
        st.markdown(wording.verdict(compare(first.predictions, second.predictions), *results.names))
    _left_out(results)


def _metrics(one: Assessment) -> None:
    figures = wording.key_figures(one)
    low, high = one.metrics.accuracy_interval
    with st.container(horizontal=True):
        for name in ("Accuracy", "Macro F1", "Calibration error", "Faces per second"):
            value = f"{figures[name]} ({low:.3f}–{high:.3f})" if name == "Accuracy" else figures[name]
            st.metric(name, value, help=_HELP[name], width="content")
    rest = ("Balanced accuracy", "Top-2 accuracy", "'Not sure' below", "Share answered", "Accuracy of those")
    st.caption(" · ".join(f"{name} {figures[name]}" for name in rest))


def _left_out(results: Results) -> None:
    left_out = results.material.left_out
    if left_out:
        with st.expander(f"{counted(len(left_out), 'image')} could not be used", icon=":material/report:"):
            frame = pd.DataFrame([(item.where, item.reason) for item in left_out], columns=["Image", "Reason"])
            st.dataframe(frame, hide_index=True, alt="Images that could not be used, with the reason of each")


def by_class(results: Results, on_cell: Callable[[int, int, int], None]) -> None:
    """Confusion matrix and scores by class.

    Args:
        results: of one or two models.
        on_cell: called with the model's place, the true and the given class when a cell is chosen.
    """
    st.subheader("Which expressions it takes for which", anchor=False)
    shares = st.segmented_control(
        "Cells show", ["Faces", "Share of the row"], default="Faces", required=True, key="evaluation_cells"
    )
    st.caption("Rows are true, columns given. Choose a cell, by mouse or keyboard, to see its faces in the gallery.")
    # With one model the scores stand beside the matrix, with two below it.
    columns = [column for column, _, _ in _side_by_side(results, least=2)]
    for place, (one, name) in enumerate(zip(results.assessments, results.names, strict=True)):
        with columns[place]:
            _confusion(one.metrics, name, shares == "Share of the row", f"{place}_{results.key}", place, on_cell)
        with columns[place if len(results.assessments) > 1 else 1]:
            figure = charts.per_class_chart(one.metrics, f"Scores by class, {name}")
            _plot(figure, f"by_class_{place}_{results.key}", _scores_in_words(one.metrics))


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
            row, given = selected[0]
            on_cell(place, row, EMOTIONS.index(given))

    st.dataframe(
        styled,
        on_select=chosen,
        selection_mode="single-cell",
        key=key,
        # Seven columns beside a second model's seven: the headings are cut to three letters.
        column_config={
            emotion: st.column_config.NumberColumn(emotion[:3], help=emotion, width=_CELL_PX) for emotion in EMOTIONS
        },
        alt=f"Confusion matrix of {name}: rows true, columns given",
    )


def _scores_in_words(metrics: Metrics) -> str:
    parts = (
        f"{name}: precision {one.precision:.2f}, recall {one.recall:.2f}, F1 {one.f1:.2f}"
        for name, one in metrics.per_class.items()
    )
    return "; ".join(parts)


def trust(results: Results) -> None:
    """Calibration, confidence, and what the 'not sure' threshold costs and gains."""
    st.subheader("Can its confidence be trusted?", anchor=False)
    drawn = list(_side_by_side(results, least=2))
    if len(results.assessments) == 1:
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
            _plot(figure, f"{kind}_{place}_{results.key}", words)
    figure = charts.coverage_chart(
        [one.predictions for one in results.assessments],
        results.names,
        [one.model.unsure_below for one in results.assessments],
        "Accuracy against coverage",
    )
    words = "; ".join(
        f"{name} answers {figures['Share answered']} of the faces; accuracy of those: {figures['Accuracy of those']}"
        for name, figures in zip(results.names, (wording.key_figures(one) for one in results.assessments), strict=True)
    )
    _plot(figure, f"coverage_{results.key}", words)
    st.caption(f"What saying 'not sure' costs and gains. {charts.DIAMOND}")


def robustness(results: Results) -> None:
    """Accuracy under each transform, of both models in one chart."""
    measured = [
        (one, name, color, one.robustness)
        for one, name, color in zip(results.assessments, results.names, charts.MODEL_COLORS, strict=False)
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
    _plot(figure, f"robustness_{results.key}_{len(measured)}", words)


def agreement(results: Results) -> None:
    """How the models go with the FER+ crowd, where there are votes."""
    found = [
        (one, name, one.agreement)
        for one, name in zip(results.assessments, results.names, strict=True)
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
    _plot(figure, f"agreement_{results.key}", " ".join(texts))
    st.caption(charts.LINES)


def downloads(results: Results) -> None:
    """The report, the figures and the answers as files, made when they are asked for."""
    st.subheader("Take it away", anchor=False)
    with_faces = st.toggle(
        "Show faces in the report",
        value=True,
        key="evaluation_report_faces",
        help="The surest mistakes with their maps. Leave them out where the faces may not be passed on, as FER-2013's "
        "may not.",
    )
    material, assessments = results.material, results.assessments
    loaded = classifiers(results) if with_faces else []
    forms = (
        (".html", "HTML report", "text/html", ":material/description:", "One file with all charts; opens offline."),
        (".json", "JSON", "application/json", ":material/data_object:", "All figures."),
        (".csv", "CSV", "text/csv", ":material/table:", "A row a face: true, given, seven probabilities."),
    )
    shown = "_".join([results.key, *(one.made for one in assessments), *results.names, str(with_faces)])
    with st.container(horizontal=True):
        for form, label, mime, icon, text in forms:
            made_download(
                label,
                partial(report, form, material, assessments, loaded),
                f"evaluation{form}",
                mime,
                key=f"evaluation{form}_{shown}",
                icon=icon,
                help=text,
            )


def classifiers(results: Results) -> list[EmotionClassifier]:
    """The models themselves, for their maps; [] where one is gone since it was evaluated."""
    try:
        return [resources.classifier(bundle) for bundle in results.choice.bundles]
    except BundleError:
        return []


def _side_by_side(results: Results, least: int = 1) -> Iterator[tuple[Any, Assessment, str]]:
    """A column a model; with `least` of 2, a single model comes twice."""
    shown = list(zip(results.assessments, results.names, strict=True))
    if len(shown) < least:
        shown *= least
    for column, (one, name) in zip(st.columns(len(shown), gap="medium"), shown, strict=True):
        yield column, one, name


def _plot(figure: go.Figure, key: str, words: str) -> None:
    st.plotly_chart(figure, config=_CONFIG, key=f"evaluation_{key}", alt=words)
