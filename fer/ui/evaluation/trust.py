"""Show how far a model's answers can be trusted: confidence, sets of classes, image corruptions, FER+ votes."""

from typing import Final

import pandas as pd
import streamlit as st

from fer.evaluation import charts, wording
from fer.evaluation.evaluation_result import EvaluationResult
from fer.ui.evaluation.drawing import plot, side_by_side
from fer.ui.evaluation.work import Evaluation

# Columns of the table of corruptions.
_SHARES: Final = ("Accuracy", "Change", "Sure", "Accuracy if sure")


def confidence(evaluation: Evaluation) -> None:
    """Show calibration, confidence and accuracy against coverage."""
    st.subheader("Calibration", anchor=False)
    st.caption("A well calibrated model is right in 90 % of the cases where its confidence is 0.9.")
    drawn = list(side_by_side(evaluation, least=2))
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
            plot(figure, f"{kind}_{place}_{evaluation.key}", words)
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
    plot(figure, f"coverage_{evaluation.key}", words)
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
    plot(figure, f"robustness_{evaluation.key}_{len(measured)}", words)
    st.caption("Sure: the share of faces that are answered. For the others the model says 'not sure'.")
    for column, (one, name, _, _) in zip(st.columns(len(measured), gap="medium"), measured, strict=True):
        with column:
            if len(measured) > 1:
                st.markdown(f"**{name}**")
            _corruptions(one, name)


def _corruptions(one: EvaluationResult, name: str) -> None:
    rows = [(row.label, row.accuracy, 0.0 - row.lost, row.sure, row.sure_accuracy) for row in one.corruptions]
    # As numbers, also where a model is never sure and the last column is empty.
    table = pd.DataFrame(rows, columns=["Faces", *_SHARES]).astype(dict.fromkeys(_SHARES, float))
    table[list(_SHARES)] *= 100
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        column_config={title: st.column_config.NumberColumn(format="%.1f %%") for title in _SHARES},
        alt=f"Accuracy, share of faces that are answered and accuracy of those, of {name} by image corruption",
    )


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
    plot(figure, f"agreement_{evaluation.key}", " ".join(texts))
    st.caption(charts.LINES)
