"""Draw the charts of people over time, live and in videos: the timeline and the shares of time.

Live draws them every second while frames are processed, so each figure is built at once from plain values and arrays.
Adding traces one by one takes five times as long.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from fer.emotions import EMOTION_COLORS, EMOTIONS, NOT_SURE, black_stands_out
from fer.streams.record import OUTCOMES
from fer.streams.timeline import PersonLine, Timeline
from fer.text import percent

# Without a toolbar and without accidental zoom on a phone, but with values on hover.
LIVE: Final[dict[str, Any]] = {"displayModeBar": False}
_MARGIN: Final = {"l": 4, "r": 4, "t": 4, "b": 4}
_UNSURE_COLOR: Final = "#A9A9B3"
_TIMELINE_PX: Final = 280
_SHARE_PX: Final = 44
_SMALLEST_WRITTEN: Final = 0.06
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


def share_bars(shares: Mapping[str, Iterable[float]]) -> go.Figure:
    """Draw one stacked bar per row with the share of time of each expression.

    Args:
        shares: by the name of the row, (8,) for each of `OUTCOMES`, summing to 1 or all 0. The first row is on top.
    """
    rows = {name: [float(value) for value in values] for name, values in shares.items()}
    bars = []
    for index, outcome in enumerate(OUTCOMES):
        values = [row[index] for row in rows.values()]
        color = EMOTION_COLORS.get(outcome, _UNSURE_COLOR)
        bars.append(
            {
                "type": "bar",
                "x": values,
                "y": list(rows),
                "orientation": "h",
                "name": outcome,
                "text": [f"{outcome} {percent(value, 0)}" if value >= _SMALLEST_WRITTEN else "" for value in values],
                "textposition": "inside",
                "insidetextanchor": "middle",
                "constraintext": "inside",
                "insidetextfont": {"color": _ink(color)},
                "hovertemplate": f"{outcome} %{{x:.0%}}<extra></extra>",
                "marker": {
                    "color": color,
                    "pattern": {"shape": "/" if outcome == NOT_SURE else "", "solidity": 0.2},
                    "line": {"width": 0},
                },
            }
        )
    layout = {
        "barmode": "stack",
        "bargap": 0.25,
        "height": _SHARE_PX * len(rows) + 8,
        "margin": _MARGIN,
        "showlegend": False,
        "xaxis": {"range": [0, 1], "visible": False, "fixedrange": True},
        "yaxis": {
            "visible": len(rows) > 1,
            "autorange": "reversed",
            "automargin": True,
            "fixedrange": True,
            "showgrid": False,
        },
    }
    return go.Figure({"data": bars, "layout": layout})


def describe_shares(shares: Iterable[float]) -> str:
    """Describe a row of `share_bars` in words."""
    parts = [f"{name} {percent(share, 0)}" for name, share in zip(OUTCOMES, shares, strict=True) if share >= 0.005]
    return "Share of time: " + (", ".join(parts) or "nobody seen")


def clock(seconds: float) -> str:
    """Return 65 seconds as '1:05', and an hour more as '1:01:05'."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _ink(color: str) -> str:
    """Return black or white, whichever is more readable on '#RRGGBB'."""
    return "#000000" if black_stands_out(*bytes.fromhex(color[1:])) else "#FFFFFF"


def _ticks(first_s: float, last_s: float) -> list[float]:
    span_s = last_s - first_s
    step = next((step for step in _TICK_STEPS_S if span_s / step <= _MAX_TICKS), max(1.0, span_s / _MAX_TICKS))
    return [float(tick) for tick in np.arange(np.ceil(first_s / step) * step, last_s + 1e-9, step)]
