"""Charts that more than one page shows. A class has the same colour everywhere."""

from collections.abc import Iterable
from typing import Any, Final

import plotly.graph_objects as go

from fer.emotions import EMOTION_COLORS, EMOTIONS

# Charts that are read, not explored: no tool bar, no zoom by accident on a telephone.
STATIC: Final[dict[str, Any]] = {"staticPlot": True}
_BAR_PX = 25


def probability_bars(probabilities: Iterable[float]) -> go.Figure:
    """Seven horizontal bars in the order of `EMOTIONS`, the highest in full colour.

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
        # Room on the right for the number beside a full bar.
        xaxis={"range": [0, 1.4], "visible": False, "fixedrange": True},
        yaxis={"autorange": "reversed", "automargin": True, "fixedrange": True, "ticks": "", "showgrid": False},
    )
    return figure


def describe_bars(probabilities: Iterable[float]) -> str:
    """The same bars in words, for those who cannot see them."""
    ordered = sorted(zip(EMOTIONS, probabilities, strict=True), key=lambda pair: -pair[1])
    return "Probabilities: " + ", ".join(f"{name} {float(value):.2f}" for name, value in ordered)
