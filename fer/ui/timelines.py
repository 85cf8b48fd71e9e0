"""Draw the expressions of people over time, live and in videos.

Live draws them every second while frames are processed, so each figure is built at once from plain values and arrays.
Adding traces one by one takes five times as long.
"""

from typing import Final

import numpy as np
import plotly.graph_objects as go

from fer.emotions import EMOTION_COLORS, EMOTIONS
from fer.streams.timeline import PersonLine, Timeline

_MARGIN: Final = {"l": 4, "r": 4, "t": 4, "b": 4}
_TIMELINE_PX: Final = 280
_MAX_TICKS: Final = 7
_TICK_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


def timeline_chart(timeline: Timeline, line: PersonLine | None) -> go.Figure:
    """Draw one person's probabilities over time, one line per class.

    Args:
        timeline: sets the time axis, which may be longer than the person's line.
        line: the line of the chosen person; None draws empty axes.
    """
    ends = [timeline.first_s, max(timeline.last_s, timeline.first_s + 1)]
    ticks = _ticks(*ends)
    lines = [
        {
            "type": "scatter",
            "x": np.empty(0) if line is None else line.seconds.round(2),
            "y": np.empty(0) if line is None else line.probabilities[:, index].round(3),
            "name": name,
            "mode": "lines",
            "line": {"color": EMOTION_COLORS[name], "width": 2},
            "connectgaps": False,
            "hovertemplate": "%{y:.2f}",
        }
        for index, name in enumerate(EMOTIONS)
    ]
    layout = {
        "height": _TIMELINE_PX,
        "margin": _MARGIN,
        "hovermode": "x unified",
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "xanchor": "left"},
        # Constant, so that a line hidden in the legend stays hidden with the next second.
        "uirevision": "live",
        "xaxis": {
            "range": ends,
            "tickvals": ticks,
            "ticktext": [clock(tick) for tick in ticks],
            "hoverformat": ".0f",
            "ticksuffix": " s",
            "automargin": True,
            "fixedrange": True,
            "showgrid": False,
        },
        "yaxis": {
            "range": [0, 1.02],
            "tickvals": [0, 0.5, 1],
            "ticktext": ["0 %", "50 %", "100 %"],
            "automargin": True,
            "fixedrange": True,
        },
    }
    return go.Figure({"data": lines, "layout": layout})


def describe_timeline(timeline: Timeline, line: PersonLine | None) -> str:
    """Describe the chart for people who can't see it."""
    if line is None:
        return "Timeline of seven probabilities. Nobody was seen."
    highest = EMOTIONS[int(np.nanargmax(line.probabilities[-1]))]
    return (
        f"Timeline of seven probabilities of person {line.person}, from {clock(timeline.first_s)} to "
        f"{clock(timeline.last_s)}. At the end, {highest} is highest."
    )


def clock(seconds: float) -> str:
    """Return 65 seconds as '1:05', and an hour more as '1:01:05'."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _ticks(first_s: float, last_s: float) -> list[float]:
    span_s = last_s - first_s
    step = next((step for step in _TICK_STEPS_S if span_s / step <= _MAX_TICKS), max(1.0, span_s / _MAX_TICKS))
    return [float(tick) for tick in np.arange(np.ceil(first_s / step) * step, last_s + 1e-9, step)]
