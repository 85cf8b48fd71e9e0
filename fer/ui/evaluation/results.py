"""Show the results of an evaluation: metrics, confusion matrix and downloads."""

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import pandas as pd
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
from fer.ui.evaluation.drawing import plot, side_by_side
from fer.ui.evaluation.work import Evaluation

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
    for column, one, name in side_by_side(evaluation):
        with column, st.container(border=True):
            if len(evaluation.results) > 1:
                st.markdown(f"**{name}**")
            _metrics(one)
    st.caption(f"{wording.about(evaluation.results)}. {wording.crops_and_weights(evaluation.results)}")
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
    columns = [column for column, _, _ in side_by_side(evaluation, least=2)]
    for place, (one, name) in enumerate(zip(evaluation.results, evaluation.names, strict=True)):
        with columns[place]:
            _confusion(one.metrics, name, shares == "Share of row", f"{place}_{evaluation.key}", place, on_cell)
        with columns[place if len(evaluation.results) > 1 else 1]:
            figure = charts.per_class_chart(one.metrics, f"Scores by class, {name}")
            plot(figure, f"by_class_{place}_{evaluation.key}", _scores_in_words(one.metrics))


def _confusion(
    metrics: Metrics, name: str, by_row: bool, key: str, place: int, on_cell: Callable[[int, int, int], None]
) -> None:
    counts = metrics.confusion
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    frame = pd.DataFrame(shares if by_row else counts, index=list(EMOTIONS), columns=list(EMOTIONS))
    cells = pd.DataFrame(
        [[_CELL.format(alpha=_STRONGEST * share) for share in row] for row in shares], frame.index, frame.columns
    )
    styled = frame.style.apply(lambda _: cells, axis=None).format("{:.0%}" if by_row else "{:d}")
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
        if one.support
    )
    return "; ".join(parts)


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
