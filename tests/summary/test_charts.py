import io
import re
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fer.emotions import EMOTIONS, NOT_SURE
from fer.summary import charts
from fer.summary.content import Content
from fer.summary.wording import photos_content
from tests.summary.test_report import ABOUT
from tests.summary.test_statistics import face, photo

DRAW = (charts.shares_figure, charts.probabilities_figure)


def grouped(*names: str) -> Content:
    analyses = [
        photo(f"{name}{number}.jpg", face("happy"), *[face("sad", 0.4)] * number)
        for name in names
        for number in range(3)
    ]
    groups = {analysis.file: analysis.file[:-5] for analysis in analyses} if names[1:] else None
    return photos_content(analyses, groups, ABOUT)


def texts(figure) -> list[str]:
    (axes,) = figure.axes
    legend = axes.get_legend()
    return [label.get_text() for label in (*axes.get_xticklabels(), *(legend.get_texts() if legend else ()))]


def test_bars_are_the_shares_and_their_intervals() -> None:
    content = grouped("calm", "loud")
    axes: Any = charts.shares_figure(content).axes[0]
    heights = [bar.get_height() for bar in axes.patches]
    # Of each group, three of three sure faces look happy; three of six faces are not sure.
    happy, last = EMOTIONS.index("happy"), len(EMOTIONS)
    assert (
        heights[happy] == 1 and heights[last] == pytest.approx(0.5) and sum(heights[: last + 1]) == pytest.approx(1.5)
    )
    (segments,) = [one.get_segments() for one in axes.collections][:1]
    low, high = sorted(segments[last][:, 1])
    part = content.charted[0].parts[-1]
    assert (low, high) == (pytest.approx(part.low), pytest.approx(part.high))


def test_expressions_and_groups_are_named() -> None:
    assert texts(charts.shares_figure(grouped("calm", "loud"))) == [*EMOTIONS, NOT_SURE, "calm (6)", "loud (6)"]
    assert texts(charts.probabilities_figure(grouped("calm", "loud"))) == [*EMOTIONS, "calm (6)", "loud (6)"]
    assert texts(charts.shares_figure(grouped("all"))) == [*EMOTIONS, NOT_SURE]


def test_the_largest_groups_are_shown_in_their_order() -> None:
    content = grouped(*"abcdefghij")
    charted = [replace(group, n=number) for number, group in enumerate(content.charted)]
    shown = charts.shown_groups(replace(content, charted=tuple(charted)))
    assert [group.name for group in shown] == list("cdefghij")


def test_a_group_without_a_face_is_not_in_the_charts() -> None:
    content = grouped("a", "b", "c")
    empty = replace(content.charted[1], n=0)
    some = replace(content, charted=(content.charted[0], empty, content.charted[2]))
    assert [group.name for group in charts.shown_groups(some)] == ["a", "c"]
    assert charts.shown_groups(replace(content, charted=(empty,))) == (empty,), "an empty chart"


@pytest.mark.parametrize("draw", DRAW)
def test_odd_names_are_drawn_as_they_are(draw) -> None:
    names = ("$x^", "_line", "<b>&")
    figure = draw(grouped(*names))
    assert {text.strip() for text in texts(figure)[-3:]} == {f"{name} (6)" for name in names}
    assert charts.as_svg(figure, ABOUT)


@pytest.mark.parametrize("draw", DRAW)
def test_figures_are_files_for_print(draw) -> None:
    figure = draw(grouped("a", "b"))
    svg = charts.as_svg(figure, ABOUT)
    assert svg.startswith(b"<?xml") and svg == charts.as_svg(draw(grouped("a", "b")), ABOUT), (
        "equal charts are equal files"
    )
    assert not re.search(rb"<script|<dc:date", svg)
    image = Image.open(io.BytesIO(charts.as_png(figure, ABOUT)))
    assert image.info["Description"] == ABOUT.text
    assert f"<dc:description>{escape(ABOUT.text)}</dc:description>" in svg.decode()
    assert image.size == (1600, 720) and image.info["dpi"][0] == pytest.approx(200, abs=1)
    assert np.asarray(image.convert("RGB"))[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("draw", DRAW)
def test_a_dark_page_shows_through_and_letters_are_light(draw) -> None:
    image = np.asarray(Image.open(io.BytesIO(charts.as_png(draw(grouped("a", "b"), dark=True), ABOUT))).convert("RGBA"))
    assert image[0, 0, 3] == 0
    drawn = image[image[..., 3] > 250][:, :3].astype(int)
    assert (drawn.sum(axis=1) > 600).any() and not (drawn.sum(axis=1) < 100).any()


@pytest.mark.parametrize("draw", DRAW)
def test_nothing_can_be_drawn_as_well(draw) -> None:
    assert charts.as_png(draw(photos_content([], None, ABOUT)), ABOUT)
