"""Draw expressions over time, as shares of the faces of each day, month or year."""

from typing import Any, Final

import plotly.graph_objects as go
import streamlit as st

from fer.batch.found import Kind
from fer.emotions import EMOTION_COLORS
from fer.streams.record import OUTCOMES
from fer.text import counted, percent
from fer.ui.bars import NOT_SURE_COLOR

# As Plotly counts: milliseconds, or months.
_PERIODS: Final = {"hour": 3_600_000, "day": 86_400_000, "month": "M1", "year": "M12"}
_TICKS: Final = {"hour": "%H:%M\n%Y-%m-%d", "day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}
_HEIGHT_PX: Final = 320
_ABOVE: Final = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "xanchor": "left"}
_CONFIG: Final = {"displayModeBar": False}


def over_time(kind: Kind, *, key: str) -> None:
    """Draw the chart, and say which dates it has."""
    st.plotly_chart(times_chart(kind), config=_CONFIG, key=key, alt=describe_times(kind))
    words = f"A bar for each {kind.unit} with photos, by the clock of the camera (EXIF)."
    if kind.dated_by == "modified":
        words = (
            f"A bar for each {kind.unit} in which files were last changed (UTC). Copying a file may change its date."
        )
    undated = f" Without {counted(kind.n_undated, 'file')} that have no date." if kind.n_undated else ""
    st.caption(f"{words}{undated}")


def times_chart(kind: Kind) -> go.Figure:
    """Return a stacked bar per span of time, one colour per expression."""
    names = [row.name.replace("T", " ") + (":00" if kind.unit == "hour" else "") for row in kind.times]
    about = [f"{counted(row.n_rows, 'face')} in {counted(row.n_files, 'file')}" for row in kind.times]
    bars: list[dict[str, Any]] = [
        {
            "type": "bar",
            "name": outcome,
            "x": names,
            "xperiod": _PERIODS[kind.unit],
            "xperiodalignment": "middle",
            "y": [row.shares[index] for row in kind.times],
            "customdata": about,
            "marker": {"color": EMOTION_COLORS.get(outcome, NOT_SURE_COLOR)},
            "hovertemplate": f"%{{x}}<br>{outcome} %{{y:.0%}}<br>%{{customdata}}<extra></extra>",
        }
        for index, outcome in enumerate(OUTCOMES)
    ]
    layout = {
        "barmode": "stack",
        "height": _HEIGHT_PX,
        "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
        "legend": {**_ABOVE, "traceorder": "normal"},
        "xaxis": {
            "type": "date",
            "ticklabelmode": "period",
            "tickformat": _TICKS[kind.unit],
            "fixedrange": True,
            "automargin": True,
        },
        "yaxis": {"range": [0, 1], "tickformat": ".0%", "fixedrange": True, "automargin": True},
    }
    return go.Figure({"data": bars, "layout": layout})


def describe_times(kind: Kind) -> str:
    """Describe the chart for people who can't see it."""
    first, last = kind.times[0], kind.times[-1]
    ends = []
    for row in (first, last):
        share, outcome = max(zip(row.shares, OUTCOMES, strict=True))
        ends.append(f"{row.name}: {outcome} {percent(share, 0)}")
    return f"Share of faces of each expression by {kind.unit}. Most frequent at the ends: {'; '.join(ends)}."
