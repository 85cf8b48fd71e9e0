"""Draw a summary as charts for a page, a report or a paper.

matplotlib is imported when a figure is drawn: it takes 31 MB.
"""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fer.emotions import EMOTION_COLORS, EMOTIONS, NOT_SURE
from fer.summary.statistics import GroupSummary, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# More groups than this can't be told apart.
MOST_GROUPS: Final = 8
# Okabe and Ito (2008), which colour-blind people can tell apart.
_GROUP_COLORS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#8C8C8C")
_NOT_SURE_COLOR: Final = "#B8B8B8"
_SIZE_INCHES: Final = (8.0, 3.6)
_DPI: Final = 200
_BAND: Final = 0.8


def shown_groups(summary: Summary) -> tuple[GroupSummary, ...]:
    """Return the groups that charts show: all, or the largest if there are many; all photos if there are none."""
    if not summary.groups:
        return (summary.total,)
    largest = sorted(summary.groups, key=lambda group: -group.n_faces)[:MOST_GROUPS]
    return tuple(group for group in summary.groups if group in largest)


def shares_figure(summary: Summary, *, dark: bool = False) -> "Figure":
    """Draw the share of each expression by group, with 95 % intervals; 'not sure' is a share of all faces."""
    with _style(dark):
        figure, axes = _figure()
        groups = shown_groups(summary)
        width = _BAND / len(groups)
        for place, group in enumerate(groups):
            parts = [*(group.expressions[name] for name in EMOTIONS), group.not_sure]
            share = np.array([part.share for part in parts])
            x = np.arange(len(parts)) + (place - (len(groups) - 1) / 2) * width
            ends = np.array([[part.share - part.low, part.high - part.share] for part in parts]).T.clip(min=0)
            colors = _colors(groups, place)
            axes.bar(x, share, width * 0.92, color=colors, label=_name(group))
            axes.errorbar(x, share, yerr=ends, fmt="none", ecolor=_ink(dark), elinewidth=1, capsize=min(4, 24 * width))
        axes.set_xticks(range(len(EMOTIONS) + 1), [*EMOTIONS, NOT_SURE])
        axes.axvline(len(EMOTIONS) - 0.5, color=_ink(dark), linewidth=0.6, linestyle=":")
        axes.set_ylim(0, 1)
        axes.set_ylabel("share of faces, 95 % interval")
        _legend(axes, groups)
        return figure


def probabilities_figure(summary: Summary, *, dark: bool = False) -> "Figure":
    """Draw how the probability of each expression is spread over the faces, by group: median, quartiles, 5 to 95 %."""
    with _style(dark):
        figure, axes = _figure()
        groups = shown_groups(summary)
        width = _BAND / len(groups)
        for place, group in enumerate(groups):
            faces = summary.faces if not summary.groups else summary.faces[summary.faces["group"] == group.name]
            if not len(faces):
                continue
            x = np.arange(len(EMOTIONS)) + (place - (len(groups) - 1) / 2) * width
            boxes = axes.boxplot(
                [faces[name].to_numpy(np.float64) for name in EMOTIONS],
                positions=x,
                widths=width * 0.8,
                whis=(5, 95),
                showfliers=False,
                patch_artist=True,
                manage_ticks=False,
                label=[_name(group), *[""] * (len(EMOTIONS) - 1)],
            )
            for box, color in zip(boxes["boxes"], _colors(groups, place), strict=False):
                box.set(facecolor=color, edgecolor=_ink(dark))
            for line in (*boxes["whiskers"], *boxes["caps"], *boxes["medians"]):
                line.set_color(_ink(dark))
        axes.set_xticks(range(len(EMOTIONS)), EMOTIONS)
        axes.set_ylim(0, 1)
        axes.set_ylabel("probability")
        _legend(axes, groups)
        return figure


# Title, name of the file, and how it is drawn.
FIGURES: Final = (
    ("Shares of the expressions", "shares", shares_figure),
    ("Probabilities: median, quartiles, and the range of 90 % of the faces", "probabilities", probabilities_figure),
)


def as_png(figure: "Figure") -> bytes:
    """Return a figure as PNG for print, 200 dots per inch."""
    return _saved(figure, "png")


def as_svg(figure: "Figure") -> bytes:
    """Return a figure as SVG; its letters are outlines, so it looks the same everywhere."""
    return _saved(figure, "svg")


def _saved(figure: "Figure", form: str) -> bytes:
    from matplotlib import rc_context

    stream = io.BytesIO()
    # Without the date and with constant ids, equal charts are equal files, whose address on a page stays the same.
    metadata = {"Date": None} if form == "svg" else None
    with rc_context({"svg.hashsalt": "fer"}):
        figure.savefig(stream, format=form, dpi=_DPI, metadata=metadata)
    return stream.getvalue()


def _figure() -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.grid(True, linewidth=0.5, alpha=0.4)
    axes.set_axisbelow(True)
    return figure, axes


def _colors(groups: Sequence[GroupSummary], place: int) -> list[str]:
    if len(groups) == 1:
        return [*(EMOTION_COLORS[name] for name in EMOTIONS), _NOT_SURE_COLOR]
    return [_GROUP_COLORS[place]] * (len(EMOTIONS) + 1)


def _name(group: GroupSummary) -> str:
    # matplotlib leaves out labels that begin with a line.
    return f"{' ' if group.name.startswith('_') else ''}{group.name} ({group.n_faces:,})"


def _legend(axes: "Axes", groups: Sequence[GroupSummary]) -> None:
    if len(groups) > 1:
        axes.legend(title="group (faces)", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def _ink(dark: bool) -> str:
    return "#E6E6E6" if dark else "#1F2430"


def _style(dark: bool) -> AbstractContextManager[Any]:
    """Return the style of a figure: on white for print, or without a ground for a dark page."""
    from matplotlib import rc_context

    ink = _ink(dark)
    ground = "none" if dark else "white"
    return rc_context(
        {
            **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), ink),
            **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), ground),
            "font.size": 10,
            # A group's name may have dollar signs.
            "text.parse_math": False,
        }
    )
