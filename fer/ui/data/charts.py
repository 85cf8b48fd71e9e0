"""Charts of the Data page."""

from collections.abc import Sequence
from typing import Any, Final

import plotly.graph_objects as go

from fer.datasets.doctor.crowd import CROWD_WORDS
from fer.datasets.faces import VOTE_COLUMNS
from fer.emotions import EMOTION_COLORS, EMOTIONS
from fer.ui.bars import Bar

_HEIGHT_PX: Final = 260
# Without a toolbar and without accidental zoom on a phone.
STATIC: Final[dict[str, Any]] = {"staticPlot": True}
# The colour of each column of votes that is one of the emotions.
_VOTE_COLORS: Final = {word: EMOTION_COLORS[emotion] for emotion, word in CROWD_WORDS.items()}
# Ten people voted on each face of FER+.
_USUAL_VOTES: Final = 10


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


def vote_bars(votes: Sequence[int]) -> list[Bar]:
    """Return the bars of the FER+ votes for one face, by `VOTE_COLUMNS`."""
    most = max(_USUAL_VOTES, *votes)
    return [
        Bar(
            name="no face" if column == "NF" else column,
            length=vote / most,
            text=str(vote) if vote else "",
            color=_VOTE_COLORS.get(column, EMOTION_COLORS["neutral"]),
        )
        for column, vote in zip(VOTE_COLUMNS, map(int, votes), strict=True)
    ]
