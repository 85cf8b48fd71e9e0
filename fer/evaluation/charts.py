"""Draw the charts of an evaluation for the page and the report. A class has the same colour everywhere."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from fer.emotions import EMOTION_COLORS, EMOTIONS
from fer.evaluation.agreement import Agreement
from fer.evaluation.calibration import CoverageCurve, coverage_curve, reliability
from fer.evaluation.metrics import Metrics, Predictions
from fer.evaluation.robustness import CLEAN, RobustnessRow

DIAMOND: Final = (
    "The diamond marks the model's confidence threshold, below which it answers 'not sure'. It is missing if no face "
    "reaches the threshold."
)
LINES: Final = "Solid: share of faces on which the model agrees with the votes. Dotted: its mean confidence."
# Two models are told apart by light and dark as well as by hue (Okabe and Ito's blue and vermilion).
MODEL_COLORS: Final = ("#0072B2", "#D55E00")
RIGHT, WRONG = "#0072B2", "#D55E00"
_GUIDE: Final = {"color": "#8C8C8C", "dash": "dot", "width": 1}
# The legend goes between the title and the chart.
_TITLE_PLACE: Final = {"x": 0, "y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 8}}
_MARGIN: Final = {"l": 8, "r": 8, "t": 68, "b": 8}
# A curve with thousands of points looks the same with 200 and takes far less space.
_CURVE_POINTS: Final = 200
_CONFIDENCE_BINS: Final = 20


def confusion_chart(metrics: Metrics, title: str = "Confusion matrix") -> go.Figure:
    """Draw the confusion matrix: in each cell the share of its row, which the colour shows, and the count."""
    counts = metrics.confusion
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    text = [
        [f"{share:.0%}<br>{count:,}" for share, count in zip(*row, strict=True)]
        for row in zip(shares, counts, strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=list(EMOTIONS),
            y=list(EMOTIONS),
            text=text,
            texttemplate="%{text}",
            customdata=counts,
            hovertemplate="true %{y}, predicted %{x}: %{customdata} faces, %{z:.1%} of the row<extra></extra>",
            colorscale="Blues",
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    return _finished(figure, title, x="predicted", y="true", height=420).update_yaxes(autorange="reversed")


def per_class_chart(metrics: Metrics, title: str = "Precision, recall and F1 by class") -> go.Figure:
    """Draw precision, recall and F1 of each class as three markers, with F1 in words at the right.

    A class without faces has no markers.
    """
    figure = go.Figure()
    scores = [metrics.per_class[name] for name in EMOTIONS]
    names = [f"{name} ({one.support})" for name, one in zip(EMOTIONS, scores, strict=True)]
    for key, label, symbol in (
        ("precision", "precision", "triangle-right"),
        ("recall", "recall", "triangle-left"),
        ("f1", "F1", "circle"),
    ):
        figure.add_scatter(
            x=[getattr(one, key) if one.support else None for one in scores],
            y=names,
            mode="markers",
            showlegend=False,
            marker={"symbol": symbol, "size": 12, "color": [EMOTION_COLORS[name] for name in EMOTIONS]},
            hovertemplate=f"{label} of %{{y}}: %{{x:.1%}}<extra></extra>",
        )
        # A grey legend entry explains the shape without a class's colour.
        marker = {"symbol": symbol, "size": 10, "color": _GUIDE["color"]}
        figure.add_scatter(x=[None], y=[names[0]], mode="markers", name=label, marker=marker)
    figure.add_scatter(
        x=[1.03] * len(names),
        y=names,
        text=[f"F1 {one.f1:.0%}" if one.support else "no faces" for one in scores],
        mode="text",
        textposition="middle right",
        showlegend=False,
        hoverinfo="skip",
    )
    figure = _finished(figure, title, x="share", y=None, height=340)
    figure.update_xaxes(range=[-0.02, 1.22], tickvals=[0, 0.25, 0.5, 0.75, 1], tickformat=".0%")
    return figure.update_yaxes(autorange="reversed")


def calibration_chart(predictions: Predictions, color: str = MODEL_COLORS[0], title: str = "Calibration") -> go.Figure:
    """Draw accuracy against confidence. Below the diagonal, the model is overconfident."""
    bins = reliability(predictions.probabilities, predictions.labels)
    full = bins.counts > 0
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=_GUIDE, name="perfect", hoverinfo="skip")
    figure.add_scatter(
        x=bins.confidence[full],
        y=bins.accuracy[full],
        customdata=bins.counts[full],
        mode="lines+markers",
        name="model",
        line={"color": color},
        marker={"size": 5 + 15 * np.sqrt(bins.counts[full] / bins.counts.max())},
        hovertemplate="confidence %{x:.2f}: accuracy %{y:.2f} on %{customdata} faces<extra></extra>",
    )
    figure = _finished(figure, f"{title}, ECE {bins.ece:.3f}", x="confidence", y="accuracy", height=340)
    return figure.update_xaxes(range=[0, 1.02]).update_yaxes(range=[0, 1.02])


def confidence_chart(predictions: Predictions, title: str = "Confidence") -> go.Figure:
    """Draw a histogram of the confidence, split into right and wrong predictions."""
    figure = go.Figure()
    for label, chosen, color in (("right", predictions.correct, RIGHT), ("wrong", ~predictions.correct, WRONG)):
        counts, edges = np.histogram(predictions.confidence[chosen], _CONFIDENCE_BINS, (0, 1))
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=1 / _CONFIDENCE_BINS,
            name=label,
            marker={"color": color},
            hovertemplate=f"{label}, confidence %{{x:.2f}}: %{{y}} faces<extra></extra>",
        )
    figure.update_layout(barmode="stack", bargap=0)
    return _finished(figure, title, x="confidence", y="faces", height=340).update_xaxes(range=[0, 1])


def coverage_chart(
    predictions: Sequence[Predictions], names: Sequence[str], thresholds: Sequence[float], title: str
) -> go.Figure:
    """Draw the accuracy of the answered faces against their share, over all confidence thresholds."""
    figure = go.Figure()
    for one, name, threshold, color in zip(predictions, names, thresholds, MODEL_COLORS, strict=False):
        curve = coverage_curve(one.probabilities, one.labels)
        kept = _thinned(curve)
        figure.add_scatter(
            x=curve.coverage[kept],
            y=curve.accuracy[kept],
            customdata=curve.thresholds[kept],
            mode="lines",
            name=name,
            line={"color": color},
            hovertemplate="threshold %{customdata:.2f}: coverage %{x:.2f}, accuracy %{y:.3f}<extra>"
            + name
            + "</extra>",
        )
        answered = one.answered(threshold)
        if answered.accuracy is not None:
            figure.add_scatter(
                x=[answered.coverage],
                y=[answered.accuracy],
                mode="markers",
                showlegend=False,
                marker={"color": color, "size": 12, "symbol": "diamond"},
                hovertemplate=f"model's threshold {threshold:.2f}: coverage %{{x:.2f}}, accuracy %{{y:.3f}}"
                f"<extra>{name}</extra>",
            )
    figure = _finished(figure, title, x="coverage (share of faces answered)", y="accuracy of the answers", height=340)
    return figure.update_xaxes(range=[0, 1.02])


def _thinned(curve: CoverageCurve) -> Any:
    places = np.linspace(0, len(curve.coverage) - 1, min(_CURVE_POINTS, len(curve.coverage)))
    return np.unique(np.round(places).astype(int))


def robustness_chart(
    rows: Sequence[Sequence[RobustnessRow]],
    names: Sequence[str],
    clean: Sequence[float],
    title: str = "Robustness",
    colors: Sequence[str] = MODEL_COLORS,
) -> go.Figure:
    """Draw the accuracy under each corruption and on unchanged faces, by model, with 95 % intervals."""
    figure = go.Figure()
    for table, name, accuracy, color in zip(rows, names, clean, colors, strict=False):
        values = [accuracy, *(row.accuracy for row in table)]
        figure.add_bar(
            x=values,
            y=[CLEAN, *(row.label for row in table)],
            orientation="h",
            name=name,
            marker={"color": color, "opacity": [1.0, *([0.8] * len(table))]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [0, *(row.interval[1] - row.accuracy for row in table)],
                "arrayminus": [0, *(row.accuracy - row.interval[0] for row in table)],
                "thickness": 1,
                "color": _GUIDE["color"],
            },
            text=[f"{value:.2f}" for value in values],
            textposition="inside",
            insidetextanchor="start",
            # Otherwise Plotly shrinks the numbers with the bars until they are unreadable.
            constraintext="none",
            textfont={"size": 11, "color": "white"},
            hovertemplate="%{y}: %{x:.3f}<extra>" + name + "</extra>",
        )
    figure.update_layout(barmode="group", bargap=0.25)
    figure = _finished(
        figure, title, x="accuracy", y=None, height=90 + (26 + 14 * (len(rows) - 1)) * (len(rows[0]) + 1)
    )
    return figure.update_yaxes(autorange="reversed").update_xaxes(range=[0, 1])


def agreement_chart(
    agreements: Sequence[Agreement], names: Sequence[str], title: str, colors: Sequence[str] = MODEL_COLORS
) -> go.Figure:
    """Draw accuracy and mean confidence by the share of FER+ votes for the most voted class."""
    figure = go.Figure()
    for one, name, color in zip(agreements, names, colors, strict=False):
        labels = [item.label for item in one.bins]
        counts = [item.n for item in one.bins]
        for key, what, dash, symbol in (
            ("accuracy", "agreement", "solid", "circle"),
            ("confidence", "mean confidence", "dot", "diamond"),
        ):
            figure.add_scatter(
                x=labels,
                y=[getattr(item, key) for item in one.bins],
                customdata=counts,
                mode="lines+markers",
                name=name,
                # One legend entry per model; the caption `LINES` explains solid and dotted.
                showlegend=dash == "solid" and len(names) > 1,
                line={"color": color, "dash": dash},
                marker={"symbol": symbol, "size": 9},
                hovertemplate=f"%{{x}} votes: {what} %{{y:.2f}}, %{{customdata}} faces<extra>{name}</extra>",
            )
    figure = _finished(figure, title, x="votes for the most voted class", y="share", height=360)
    return figure.update_yaxes(range=[0, 1.02])


def _finished(figure: go.Figure, title: str, *, x: str | None, y: str | None, height: int) -> go.Figure:
    return figure.update_layout(
        title={"text": title, "font": {"size": 16}, **_TITLE_PLACE},
        height=height,
        margin=_MARGIN,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        xaxis={"title": x, "automargin": True, "fixedrange": True},
        yaxis={"title": y, "automargin": True, "fixedrange": True},
        hovermode="closest",
        # Seven times as fast as looking into each of them for what is there.
        overwrite=True,
    )
