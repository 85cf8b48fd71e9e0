"""Charts of the Training page: metrics by epoch of one run or several, and the confusion matrix."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go
from pandas.io.formats.style import Styler

from fer.emotions import EMOTION_COLORS, EMOTIONS
from fer.runs.curves import BestEpoch
from fer.text import percent

# No tool bar; dragging zooms, a double click goes back.
CONFIG: Final[dict[str, Any]] = {"displayModeBar": False}
_TRAINING, _VALIDATION = "#8C8C8C", "#6366F1"
# Colours of compared runs: Okabe and Ito's palette without grey.
_RUN_COLORS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MOST_COMPARED: Final = len(_RUN_COLORS)
_CHART_PX: Final = 260
_CLASSES_PX: Final = 350
_LEGEND_ROW_PX: Final = 19
# The accent colour, weak enough to keep the numbers readable in the light and the dark theme.
_CELL: Final = "background-color: rgba(99, 102, 241, {alpha:.2f})"
_STRONGEST: Final = 0.65
# Up to this many epochs each has a marker, because a single epoch makes no line.
_FEW_EPOCHS: Final = 40
_FEWEST_TICKS: Final = 5


def loss_chart(metrics: pd.DataFrame, run_id: str, best_epoch: int) -> go.Figure:
    """Draw training and validation loss by epoch, with the best epoch marked."""
    pairs = (("training", "loss", _TRAINING), ("validation", "val_loss", _VALIDATION))
    return _figure([_line(metrics, *pair) for pair in pairs], run_id, best_epoch, title="Loss by epoch")


def accuracy_chart(metrics: pd.DataFrame, run_id: str, best_epoch: int) -> go.Figure:
    """Draw training and validation accuracy by epoch, with the best epoch marked."""
    pairs = (("training", "accuracy", _TRAINING), ("validation", "val_accuracy", _VALIDATION))
    figure = _figure([_line(metrics, *pair) for pair in pairs], run_id, best_epoch, title="Accuracy by epoch")
    return figure.update_yaxes(rangemode="tozero")


def class_chart(metrics: pd.DataFrame, run_id: str, best_epoch: int) -> go.Figure:
    """Draw the validation accuracy of each class by epoch."""
    lines = [_line(metrics, name, f"accuracy_{name}", EMOTION_COLORS[name]) for name in EMOTIONS]
    figure = _figure(lines, run_id, best_epoch, title="Accuracy by class and epoch, validation")
    figure.update_layout(height=_CLASSES_PX)
    return figure.update_yaxes(range=[0, 102])


def rate_chart(metrics: pd.DataFrame, run_id: str) -> go.Figure:
    """Draw the learning rate at the end of each epoch."""
    figure = _figure(
        [_line(metrics, "learning rate", "learning_rate", _TRAINING)], run_id, 0, title="Learning rate by epoch"
    )
    return figure.update_layout(showlegend=False, height=_CHART_PX * 3 // 4)


def confusion_table(best: BestEpoch) -> Styler:
    """Return the confusion matrix of the best epoch: counts, shaded by their share of the true class."""
    frame = pd.DataFrame(best.confusion, index=list(EMOTIONS), columns=list(EMOTIONS))
    shares = frame.div(frame.sum(axis=1).clip(lower=1), axis=0)
    cells = shares.map(lambda share: _CELL.format(alpha=_STRONGEST * share))
    return frame.style.apply(lambda _: cells, axis=None)


def comparison_chart(curves: Mapping[str, pd.DataFrame], column: str, title: str) -> go.Figure:
    """Draw one metric of several runs, with a line per run.

    Args:
        curves: metrics by the run's name, at most `MOST_COMPARED` runs.
        column: the metric's column.
        title: the chart's title.
    """
    lines = [
        _line(metrics, name, column, color) for (name, metrics), color in zip(curves.items(), _RUN_COLORS, strict=False)
    ]
    return _figure(lines, f"compare-{'-'.join(curves)}", 0, title=f"{title} by epoch")


def band_chart(curves: Mapping[str, pd.DataFrame], column: str, title: str, revision: str) -> go.Figure:
    """Draw one metric over seeds: a line of means per combination of values, in a band of one standard deviation.

    Args:
        curves: tables of `fer.sweeps.results.curve` by the combination's name, at most `MOST_COMPARED`.
        column: the metric's column.
        title: the chart's title.
        revision: what the zoom belongs to.
    """
    lines = []
    for (name, curve), color in zip(curves.items(), _RUN_COLORS, strict=False):
        table = curve.rename(columns={"mean": column})
        if curve["sd"].notna().any():
            lines.append(_band(curve, column, color))
        lines.append(_line(table, name, column, color))
    figure = _figure(lines, revision, 0, title=f"{title} by epoch")
    # Long names are below each other in the legend.
    return figure.update_layout(height=_CHART_PX + _LEGEND_ROW_PX * len(curves))


def _band(curve: pd.DataFrame, column: str, color: str) -> dict[str, Any]:
    factor = 100 if "accuracy" in column else 1
    low, high = (factor * (curve["mean"] + sign * curve["sd"]) for sign in (-1, 1))
    return {
        "type": "scatter",
        "x": [*curve["epoch"], *curve["epoch"][::-1]],
        "y": [*high, *low[::-1]],
        "fill": "toself",
        "fillcolor": f"rgba({', '.join(str(int(color[start : start + 2], 16)) for start in (1, 3, 5))}, 0.2)",
        "line": {"width": 0},
        "mode": "lines",
        "hoverinfo": "skip",
        "showlegend": False,
        "meta": {"rate": factor == 100},
    }


def describe(metrics: pd.DataFrame, best_epoch: int) -> str:
    """Describe the curves in words, for screen readers."""
    if metrics.empty:
        return "No completed epochs."
    last = metrics.iloc[-1]
    text = (
        f"After epoch {last['epoch']:.0f}: training loss {last['loss']:.3f}, validation loss {last['val_loss']:.3f}, "
        f"training accuracy {percent(last['accuracy'])}, validation accuracy {percent(last['val_accuracy'])}."
    )
    return f"{text} Best epoch: {best_epoch}." if best_epoch else text


def describe_classes(metrics: pd.DataFrame) -> str:
    """Describe the last accuracy of each class in words."""
    if metrics.empty:
        return "No completed epochs."
    last = metrics.iloc[-1]
    parts = [f"{name} {percent(last[f'accuracy_{name}'])}" for name in EMOTIONS if pd.notna(last[f"accuracy_{name}"])]
    return f"After epoch {last['epoch']:.0f}: " + ", ".join(parts)


def _line(metrics: pd.DataFrame, name: str, column: str, color: str) -> dict[str, Any]:
    rate = "accuracy" in column
    return {
        "type": "scatter",
        "x": metrics["epoch"].to_numpy(),
        "y": metrics[column].to_numpy() * (100 if rate else 1),
        "hovertemplate": "%{y:.1f} %" if rate else "%{y:.4g}",
        "meta": {"rate": rate},
        "name": name,
        "mode": "lines+markers" if len(metrics) <= _FEW_EPOCHS else "lines",
        "line": {"color": color, "width": 2},
        "marker": {"size": 5},
    }


def _figure(lines: Sequence[dict[str, Any]], run_id: str, best_epoch: int, *, title: str) -> go.Figure:
    last = max((int(max(line["x"])) for line in lines if len(line["x"])), default=0)
    whole = {"dtick": 1} if last <= 2 * _FEWEST_TICKS else {}
    layout = _layout(f"{title}-{run_id}", title) | {
        # A single epoch would be a dot at the edge, between ticks at 0.5 and 1.5. The range never changes, because a
        # change would undo the user's zoom.
        "xaxis": {"autorangeoptions": {"include": [1, _FEWEST_TICKS]}, "showgrid": False, **whole},
        "yaxis": {"automargin": True, "ticksuffix": " %" if lines and lines[0]["meta"]["rate"] else ""},
    }
    if best_epoch:
        layout["shapes"] = [
            {
                "type": "line",
                **{"x0": best_epoch, "x1": best_epoch, "y0": 0, "y1": 1, "yref": "paper"},
                "line": {"color": _VALIDATION, "width": 1, "dash": "dot"},
            }
        ]
        layout["annotations"] = [
            {
                **{"x": best_epoch, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False},
                "text": f"best: {best_epoch}",
                "font": {"size": 11},
            }
        ]
    return go.Figure({"data": list(lines), "layout": layout})


def _layout(revision: str, title: str) -> dict[str, Any]:
    return {
        "title": {"text": title, "font": {"size": 14}, "x": 0, "xanchor": "left", "y": 0.99, "yanchor": "top"},
        "height": _CHART_PX,
        "margin": {"l": 4, "r": 8, "t": 46, "b": 4},
        "hovermode": "x unified",
        "legend": {"orientation": "h", "yanchor": "top", "y": -0.16, "x": 0, "xanchor": "left"},
        # A zoom survives the next epoch while this stays the same.
        "uirevision": revision,
    }
