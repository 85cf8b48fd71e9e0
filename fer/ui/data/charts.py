"""Charts of the Data page."""

from collections.abc import Sequence
from typing import Final

import plotly.graph_objects as go

from fer.datasets.doctor.crowd import CROWD_WORDS
from fer.datasets.faces import VOTE_COLUMNS
from fer.emotions import EMOTION_COLORS, EMOTIONS

_HEIGHT_PX: Final = 260
_BAR_PX: Final = 25
_GREY: Final = "#8C8C8C"
# The colour of each column of votes that is one of the emotions.
_COLUMN_COLORS: Final = {word: EMOTION_COLORS[emotion] for emotion, word in CROWD_WORDS.items()}


def class_counts(counts: Sequence[int]) -> go.Figure:
    """Draw the number of images of each class, in the order of `EMOTIONS`."""
    figure = go.Figure(
        go.Bar(
            x=list(EMOTIONS),
            y=list(counts),
            text=[f"{count:,}" for count in counts],
            textposition="outside",
            cliponaxis=False,
            marker={"color": [EMOTION_COLORS[name] for name in EMOTIONS]},
        )
    )
    figure.update_layout(
        height=_HEIGHT_PX,
        margin={"l": 4, "r": 4, "t": 24, "b": 4},
        bargap=0.25,
        xaxis={"fixedrange": True, "tickangle": -45},
        yaxis={"visible": False, "fixedrange": True, "rangemode": "tozero"},
    )
    return figure


def vote_bars(votes: Sequence[int]) -> go.Figure:
    """Draw the FER+ votes for one face, by `VOTE_COLUMNS`, as horizontal bars."""
    names = ["no face" if column == "NF" else column for column in VOTE_COLUMNS]
    colors = [_COLUMN_COLORS.get(name, _GREY) for name in VOTE_COLUMNS]
    figure = go.Figure(
        go.Bar(
            x=[int(vote) for vote in votes],
            y=names,
            orientation="h",
            text=[str(vote) if vote else "" for vote in votes],
            textposition="outside",
            cliponaxis=False,
            marker={"color": colors},
        )
    )
    figure.update_layout(
        height=_BAR_PX * len(VOTE_COLUMNS),
        margin={"l": 4, "r": 4, "t": 4, "b": 4},
        bargap=0.3,
        xaxis={"range": [0, max(11, *(int(vote) + 1 for vote in votes))], "visible": False, "fixedrange": True},
        yaxis={"autorange": "reversed", "automargin": True, "fixedrange": True, "ticks": "", "showgrid": False},
    )
    return figure
