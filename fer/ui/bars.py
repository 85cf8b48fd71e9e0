"""Draw horizontal bars as HTML, which changes in place when its values do and costs a page no Plotly chart.

A class has the same colour everywhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from fer.emotions import EMOTION_COLORS, EMOTIONS, NOT_SURE, black_stands_out
from fer.streams.record import OUTCOMES
from fer.templating import templates_of
from fer.text import percent

_TEMPLATES: Final = templates_of("fer.ui")
NOT_SURE_COLOR: Final = "#A9A9B3"
# Hatched, because two greys are hard to tell apart.
_NOT_SURE_GROUND: Final = f"repeating-linear-gradient(45deg, {NOT_SURE_COLOR} 0 6px, #8F8F99 6px 8px)"


@dataclass(frozen=True)
class Bar:
    """One bar of several below each other.

    Attributes:
        name: what stands in front of it.
        length: 0..1.
        text: what stands behind it.
        color: '#RRGGBB'.
        strong: False if it is faded.
    """

    name: str
    length: float
    text: str
    color: str
    strong: bool = True


@dataclass(frozen=True)
class Part:
    """One part of a stacked bar.

    Attributes:
        length: 0..1.
        text: what stands on it if there is room.
        ink: the text's colour in CSS.
        ground: the part's colour in CSS.
    """

    length: float
    text: str
    ink: str
    ground: str


def show_bars(bars: Sequence[Bar], alt: str) -> None:
    """Draw bars below each other.

    Args:
        bars: the first one is on top.
        alt: describes them for people who can't see them.
    """
    _show("bars.html", alt, bars=bars)


def show_probabilities(probabilities: Iterable[float]) -> None:
    """Draw a bar for each of the seven probabilities, (7,) in 0..1."""
    values = [float(value) for value in probabilities]
    show_bars(probability_bars(values), describe_probabilities(values))


def show_shares(shares: Mapping[str, Iterable[float]], *, what: str = "Share of time") -> None:
    """Draw a stacked bar per row with the share of each expression.

    Args:
        shares: by the name of the row, (8,) for each of `OUTCOMES`, summing to 1 or all 0. The first row is on top. The
            name of a single row may be empty.
        what: what the shares are of, for people who can't see them.
    """
    rows = {name: share_parts(row) for name, row in shares.items()}
    _show("shares.html", describe_shares(shares, what), rows=rows, named=any(shares))


def probability_bars(probabilities: Sequence[float]) -> list[Bar]:
    """Return the bars of seven probabilities in the order of `EMOTIONS`, the highest in full colour."""
    top = max(probabilities)
    return [
        Bar(name, value, f"{value:.2f}", EMOTION_COLORS[name], strong=value == top)
        for name, value in zip(EMOTIONS, probabilities, strict=True)
    ]


def share_parts(shares: Iterable[float]) -> list[Part]:
    """Return the parts of a stacked bar for (8,) shares of `OUTCOMES`, without those that are 0."""
    return [_part(outcome, float(share)) for outcome, share in zip(OUTCOMES, shares, strict=True) if share > 0]


def describe_probabilities(probabilities: Iterable[float]) -> str:
    """Describe seven probabilities in words, the highest first."""
    ordered = sorted(zip(EMOTIONS, probabilities, strict=True), key=lambda pair: -pair[1])
    return "Probabilities: " + ", ".join(f"{name} {value:.2f}" for name, value in ordered)


def describe_shares(shares: Mapping[str, Iterable[float]], what: str = "Share of time") -> str:
    """Describe the rows of `show_shares` in words."""
    rows = {
        name: ", ".join(
            f"{outcome} {percent(share, 0)}" for outcome, share in zip(OUTCOMES, row, strict=True) if share >= 0.005
        )
        for name, row in shares.items()
    }
    return f"{what}: " + "; ".join(f"{name}: {words}" if name else words for name, words in rows.items())


def _part(outcome: str, share: float) -> Part:
    color = EMOTION_COLORS.get(outcome, NOT_SURE_COLOR)
    ink = "#000000" if black_stands_out(*bytes.fromhex(color[1:])) else "#FFFFFF"
    return Part(share, f"{outcome} {percent(share, 0)}", ink, _NOT_SURE_GROUND if outcome == NOT_SURE else color)


def _show(template: str, alt: str, **values: object) -> None:
    st.html(_TEMPLATES.get_template(template).render(alt=alt, **values))
