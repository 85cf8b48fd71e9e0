"""Draw the charts that several pages share. A class has the same colour everywhere."""

from collections.abc import Iterable
from typing import Any, Final

import plotly.graph_objects as go

from fer.emotions import EMOTION_COLORS, EMOTIONS

# Without a toolbar and without accidental zoom on a phone.
STATIC: Final[dict[str, Any]] = {"staticPlot": True}
_BAR_PX = 25


def probability_bars(probabilities: Iterable[float]) -> go.Figure:
    """Draw seven horizontal bars in the order of `EMOTIONS`, the highest in full colour.

    Args:
        probabilities: (7,) in 0..1.
    """
    values = [float(value) for value in probabilities]
    top = max(range(len(values)), key=values.__getitem__)
    figure = go.Figure(
        go.Bar(
            x=values,
            y=list(EMOTIONS),
            orientation="h",
            text=[f"{value:.2f}" for value in values],
            textposition="outside",
            cliponaxis=False,
            marker={
                "color": [EMOTION_COLORS[name] for name in EMOTIONS],
                "opacity": [1.0 if index == top else 0.55 for index in range(len(values))],
            },
        )
    )
    figure.update_layout(
        height=_BAR_PX * len(EMOTIONS) + 8,
        margin={"l": 4, "r": 4, "t": 4, "b": 4},
        bargap=0.3,
        showlegend=False,
        # Leave room on the right for the number next to a full bar.
        xaxis={"range": [0, 1.4], "visible": False, "fixedrange": True},
        yaxis={"autorange": "reversed", "automargin": True, "fixedrange": True, "ticks": "", "showgrid": False},
    )
    return figure


def describe_bars(probabilities: Iterable[float]) -> str:
    """Describe the bars for people who can't see them."""
    ordered = sorted(zip(EMOTIONS, probabilities, strict=True), key=lambda pair: -pair[1])
    return "Probabilities: " + ", ".join(f"{name} {float(value):.2f}" for name, value in ordered)
