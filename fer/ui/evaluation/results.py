"""Show the results of an evaluation: metrics, charts and downloads."""

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
# The accent colour, weak enough that the numbers stay readable in light and dark themes.
_CELL: Final = "background-color: rgba(99, 102, 241, {alpha:.2f})"
_STRONGEST: Final = 0.65
_CELL_PX: Final = 42
_HELP: Final = {
    "Accuracy": "Share of correct predictions, with its 95 % Wilson interval.",
    "Macro F1": "Mean F1 over the classes. A rare class counts as much as a frequent one.",
    "Calibration error": "Mean difference between confidence and accuracy (ECE, 15 bins). 0 is perfect.",
    "Faces per second": "Speed on this machine while the evaluation ran.",
}


def headline(evaluation: Evaluation) -> None:
    """Show the main metrics, which of two models is better, and what was left out."""
    if evaluation.evaluation_set.faces.synthetic:
        st.info(wording.SYNTHETIC, icon=":material/info:")
    for column, one, name in _side_by_side(evaluation):
        with column, st.container(border=True):
            if len(evaluation.results) > 1:
                st.markdown(f"**{name}**")
            _metrics(one)
    st.caption(f"{wording.about(evaluation.results)}. One crop per face.")
    if len(evaluation.results) > 1:
        first, second = evaluation.results
        st.markdown(wording.verdict(compare(first.predictions, second.predictions), *evaluation.names))
    _left_out(evaluation)


def _metrics(one: EvaluationResult) -> None:
    values = wording.key_metrics(one)
    low, high = one.metrics.accuracy_interval
    with st.container(horizontal=True):
        for name in ("Accuracy", "Macro F1", "Calibration error", "Faces per second"):
            value = f"{values[name]} ({100 * low:.1f}–{100 * high:.1f})" if name == "Accuracy" else values[name]
            st.metric(name, value, help=_HELP[name], width="content")
    rest = ("Balanced accuracy", "Top-2 accuracy", "Confidence threshold", "Coverage", "Accuracy when sure")
    st.caption(" · ".join(f"{name} {values[name]}" for name in rest))
    if one.sets is not None:
        st.caption(wording.sets_in_words(one.sets))


def _left_out(evaluation: Evaluation) -> None:
    left_out = evaluation.evaluation_set.left_out
    if left_out:
        with st.expander(f"{counted(len(left_out), 'image')} could not be used", icon=":material/report:"):
            frame = pd.DataFrame([(item.where, item.reason) for item in left_out], columns=["Image", "Reason"])
            st.dataframe(frame, hide_index=True, alt="Images that could not be used, with the reasons")


def by_class(evaluation: Evaluation, on_cell: Callable[[int, int, int], None]) -> None:
    """Show the confusion matrix and the scores by class.

    Args:
        evaluation: the results of one or two models.
        on_cell: called with the index of the model, the true and the predicted class when a cell is selected.
    """
    st.subheader("Confusion matrix", anchor=False)
    shares = st.segmented_control(
        "Cells show", ["Faces", "Share of row"], default="Faces", required=True, key="evaluation_cells"
    )
    st.caption("Rows: true class. Columns: predicted class. Select a cell to see its faces in the gallery.")
    # With one model, the scores are next to the matrix; with two, below it.
    columns = [column for column, _, _ in _side_by_side(evaluation, least=2)]
    for place, (one, name) in enumerate(zip(evaluation.results, evaluation.names, strict=True)):
        with columns[place]:
            _confusion(one.metrics, name, shares == "Share of row", f"{place}_{evaluation.key}", place, on_cell)
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
        # Three letters, so that two matrices of seven columns fit next to each other.
        column_config={
            emotion: st.column_config.NumberColumn(emotion[:3], help=emotion, width=_CELL_PX) for emotion in EMOTIONS
        },
        alt=f"Confusion matrix of {name}. Rows: true class. Columns: predicted class.",
    )


def _scores_in_words(metrics: Metrics) -> str:
    parts = (
        f"{name}: precision {one.precision:.2f}, recall {one.recall:.2f}, F1 {one.f1:.2f}"
        for name, one in metrics.per_class.items()
    )
    return "; ".join(parts)


def trust(evaluation: Evaluation) -> None:
    """Show calibration, confidence and accuracy against coverage."""
    st.subheader("Calibration", anchor=False)
    st.caption("A well calibrated model is right in 90 % of the cases where its confidence is 0.9.")
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
                words = f"Histogram of the confidence of {name}, for right and wrong predictions"
            _plot(figure, f"{kind}_{place}_{evaluation.key}", words)
    _sets_by_class(evaluation)
    figure = charts.coverage_chart(
        [one.predictions for one in evaluation.results],
        evaluation.names,
        [one.model.confidence_threshold for one in evaluation.results],
        "Accuracy against coverage",
    )
    words = "; ".join(
        f"{name}: coverage {values['Coverage']}, accuracy when sure {values['Accuracy when sure']}"
        for name, values in zip(evaluation.names, (wording.key_metrics(one) for one in evaluation.results), strict=True)
    )
    _plot(figure, f"coverage_{evaluation.key}", words)
    st.caption(f"A higher threshold answers fewer faces, more of them correctly. {charts.DIAMOND}")


def _sets_by_class(evaluation: Evaluation) -> None:
    found = [
        (name, one.sets) for name, one in zip(evaluation.names, evaluation.results, strict=True) if one.sets is not None
    ]
    if not found:
        return
    with st.expander("Sets of classes", icon=":material/rule:"):
        for name, sets in found:
            rows = [(label, one.n, one.coverage, one.mean_size) for label, one in sets.per_class.items()]
            st.markdown(f"{name}: {wording.sets_in_words(sets)}")
            st.dataframe(
                pd.DataFrame(rows, columns=["True class", "Faces", "Set contains it", "Classes in the set"]).round(3),
                hide_index=True,
                alt=f"How often the sets of {name} contain the right class, and how large they are, by class",
            )


def robustness(evaluation: Evaluation) -> None:
    """Show the accuracy under each image corruption, of both models in one chart."""
    measured = [
        (one, name, color, one.robustness)
        for one, name, color in zip(evaluation.results, evaluation.names, charts.MODEL_COLORS, strict=False)
        if one.robustness is not None
    ]
    st.subheader("Robustness", anchor=False)
    if not measured:
        st.caption("Not measured yet. Turn on 'Measure robustness' above and press Evaluate.")
        return
    figure = charts.robustness_chart(
        [rows for *_, rows in measured],
        [name for _, name, *_ in measured],
        [one.metrics.accuracy for one, *_ in measured],
        "Accuracy under each image corruption",
        [color for _, _, color, _ in measured],
    )
    words = "; ".join(
        f"{name}: " + ", ".join(f"{row.label} {row.accuracy:.2f}" for row in rows) for _, name, _, rows in measured
    )
    _plot(figure, f"robustness_{evaluation.key}_{len(measured)}", words)


def agreement(evaluation: Evaluation) -> None:
    """Show how far the models agree with the FER+ votes, if there are any."""
    found = [
        (one, name, one.agreement)
        for one, name in zip(evaluation.results, evaluation.names, strict=True)
        if one.agreement is not None
    ]
    if not found:
        return
    st.subheader("Agreement with the FER+ votes", anchor=False)
    texts = [text for one, _, _ in found if (text := wording.crowd(one))]
    for text in texts:
        st.markdown(text)
    figure = charts.agreement_chart(
        [item for _, _, item in found], [name for _, name, _ in found], "Agreement by share of votes"
    )
    _plot(figure, f"agreement_{evaluation.key}", " ".join(texts))
    st.caption(charts.LINES)


def downloads(evaluation: Evaluation) -> None:
    """Offer the report, the results and the predictions as files, created on demand."""
    st.subheader("Download", anchor=False)
    with_faces = st.toggle(
        "Show faces in the report",
        value=True,
        key="evaluation_report_faces",
        help="Includes the most confident mistakes. Turn this off if you may not share the faces, as with FER-2013.",
    )
    evaluation_set, results = evaluation.evaluation_set, evaluation.results
    loaded = classifiers(evaluation) if with_faces else []
    forms = (
        (".html", "HTML report", "text/html", ":material/description:", "One file with all charts. Opens offline."),
        (".json", "JSON", "application/json", ":material/data_object:", "All results."),
        (
            ".csv",
            "CSV",
            "text/csv",
            ":material/table:",
            "One row per face: true and predicted class, seven probabilities.",
        ),
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
    """Load the models for their class activation maps. Return [] if one was deleted since it was evaluated."""
    try:
        return [resources.classifier(bundle) for bundle in evaluation.choice.bundles]
    except BundleError:
        return []


def _side_by_side(evaluation: Evaluation, least: int = 1) -> Iterator[tuple[Any, EvaluationResult, str]]:
    """Yield a column for each model. With `least` of 2, a single model is yielded twice."""
    shown = list(zip(evaluation.results, evaluation.names, strict=True))
    if len(shown) < least:
        shown *= least
    for column, (one, name) in zip(st.columns(len(shown), gap="medium"), shown, strict=True):
        yield column, one, name


def _plot(figure: go.Figure, key: str, words: str) -> None:
    st.plotly_chart(figure, config=_CONFIG, key=f"evaluation_{key}", alt=words)
