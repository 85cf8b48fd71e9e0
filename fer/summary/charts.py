"""Draw a summary as charts for a page, a report or a paper.

matplotlib is imported when a figure is drawn: it takes 31 MB.
"""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fer.emotions import EMOTION_COLORS, EMOTIONS
from fer.provenance import Provenance
from fer.results import LABELS
from fer.summary.content import ChartedGroup, Content

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


def shown_groups(content: Content) -> tuple[ChartedGroup, ...]:
    """Return the groups that charts show: all with something to show, or the largest of them if there are many."""
    filled = [group for group in content.charted if group.n] or list(content.charted)
    largest = sorted(filled, key=lambda group: -group.n)[:MOST_GROUPS]
    return tuple(group for group in filled if group in largest)


def shares_figure(content: Content, *, dark: bool = False) -> "Figure":
    """Draw the share of each expression and of 'not sure' by group, with 95 % intervals."""
    with _style(dark):
        figure, axes = _figure()
        groups = shown_groups(content)
        width = _BAND / len(groups)
        for place, group in enumerate(groups):
            share, low, high = np.array([(part.share, part.low, part.high) for part in group.parts]).T
            x = np.arange(len(LABELS)) + (place - (len(groups) - 1) / 2) * width
            ends = np.array([share - low, high - share]).clip(min=0)
            axes.bar(x, share, width * 0.92, color=_colors(groups, place), label=_name(group))
            axes.errorbar(x, share, yerr=ends, fmt="none", ecolor=_ink(dark), elinewidth=1, capsize=min(4, 24 * width))
        axes.set_xticks(range(len(LABELS)), LABELS)
        axes.axvline(len(EMOTIONS) - 0.5, color=_ink(dark), linewidth=0.6, linestyle=":")
        axes.set_ylim(0, 1)
        axes.set_ylabel(f"share of {content.share_of}, 95 % interval")
        _legend(axes, groups, content.unit)
        return figure


def probabilities_figure(content: Content, *, dark: bool = False) -> "Figure":
    """Draw how the probability of each expression is spread over the units: median, quartiles, 5 to 95 %."""
    with _style(dark):
        figure, axes = _figure()
        groups = shown_groups(content)
        width = _BAND / len(groups)
        for place, group in enumerate(groups):
            if not len(group.probabilities):
                continue
            x = np.arange(len(EMOTIONS)) + (place - (len(groups) - 1) / 2) * width
            boxes = axes.boxplot(
                [group.probabilities[name].to_numpy(np.float64) for name in EMOTIONS],
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
        axes.set_ylabel("probability" if content.unit == content.share_of else f"mean probability of {content.unit}")
        _legend(axes, groups, content.unit)
        return figure


# Title, in which {unit} stands for what is counted, name of the file, and how it is drawn.
CHARTS: Final = (
    ("Shares of the expressions", "shares", shares_figure),
    ("Probabilities: median, quartiles, and the range of 90 % of the {unit}", "probabilities", probabilities_figure),
)


def as_png(figure: "Figure", about: Provenance) -> bytes:
    """Return a figure as PNG for print, 200 dots per inch; its metadata say what made it."""
    return _saved(figure, "png", {"Description": about.text})


def as_svg(figure: "Figure", about: Provenance) -> bytes:
    """Return a figure as SVG; its metadata say what made it, and its letters are outlines, the same everywhere."""
    return _saved(figure, "svg", {"Description": about.text, "Date": None})


def _saved(figure: "Figure", form: str, metadata: dict[str, str | None]) -> bytes:
    from matplotlib import rc_context

    stream = io.BytesIO()
    # Without the date and with constant ids, equal charts are equal files, whose address on a page stays the same.
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


def _colors(groups: Sequence[ChartedGroup], place: int) -> list[str]:
    if len(groups) == 1:
        return [*(EMOTION_COLORS[name] for name in EMOTIONS), _NOT_SURE_COLOR]
    return [_GROUP_COLORS[place]] * (len(EMOTIONS) + 1)


def _name(group: ChartedGroup) -> str:
    # matplotlib leaves out labels that begin with a line.
    return f"{' ' if group.name.startswith('_') else ''}{group.name} ({group.n:,})"


def _legend(axes: "Axes", groups: Sequence[ChartedGroup], unit: str) -> None:
    if len(groups) > 1:
        axes.legend(title=f"group ({unit})", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


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
