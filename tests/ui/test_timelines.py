"""Charts of the Live page and their descriptions."""

import numpy as np
import pytest

from fer.emotions import EMOTION_COLORS, EMOTIONS, NOT_SURE
from fer.streams.record import OUTCOMES
from fer.streams.timeline import PersonLine, Timeline
from fer.ui.timelines import clock, describe_shares, describe_timeline, share_bars, timeline_chart


def line(person: int = 1, n_points: int = 5) -> PersonLine:
    probabilities = np.tile(np.linspace(0, 1, len(EMOTIONS), dtype=np.float32), (n_points, 1))
    return PersonLine(person, np.arange(n_points, dtype=np.float64), probabilities)


def shares(**values: float) -> np.ndarray:
    return np.array([values.get(name.replace(" ", "_"), 0.0) for name in OUTCOMES])


def test_each_class_has_a_line_in_its_colour() -> None:
    figure = timeline_chart(Timeline(0, 60, (line(),)), line())
    assert [trace.name for trace in figure.data] == list(EMOTIONS)
    assert [trace.line.color for trace in figure.data] == [EMOTION_COLORS[name] for name in EMOTIONS]
    assert np.asarray(figure.data[-1].y).tolist() == [1.0] * 5
    assert np.asarray(figure.data[0].y).tolist() == [0.0] * 5
    assert tuple(figure.layout.xaxis.range) == (0, 60)


def test_the_axis_continues_while_nobody_is_there() -> None:
    figure = timeline_chart(Timeline(30, 90, ()), None)
    assert tuple(figure.layout.xaxis.range) == (30, 90)
    assert figure.layout.xaxis.ticktext[:2] == ("0:30", "0:40")
    assert "Nobody" in describe_timeline(Timeline(30, 90, ()), None)


@pytest.mark.parametrize("last_s", [0.1, 5, 60, 1234, 7200, 50_000])
def test_the_axis_has_few_ticks_at_any_length(last_s: float) -> None:
    assert 1 <= len(timeline_chart(Timeline(0, last_s, ()), None).layout.xaxis.tickvals) <= 8


def test_the_description_of_the_timeline() -> None:
    words = describe_timeline(Timeline(5, 65, (line(3),)), line(3))
    assert "person 3" in words and "0:05 to 1:05" in words and "neutral is highest" in words


def test_shares_are_labelled_if_there_is_space() -> None:
    figure = share_bars({"": shares(happy=0.7, sad=0.27, fear=0.03)})
    by_name = {bar.name: bar for bar in figure.data}
    assert by_name["happy"].text == ("happy 70 %",)
    assert by_name["fear"].text == ("",)
    assert by_name["fear"].x == (0.03,)
    assert sum(bar.x[0] for bar in figure.data) == pytest.approx(1)


def test_the_label_on_a_bar_has_enough_contrast() -> None:
    bars = {bar.name: bar for bar in share_bars({"": shares(happy=1.0)}).data}
    assert bars["happy"].insidetextfont.color == "#000000"
    assert bars["sad"].insidetextfont.color == "#FFFFFF"
    # White has a contrast of 3.4 to 3.9 on these, black of 5.4 to 6.2.
    for name in ("angry", "disgust", "neutral"):
        assert bars[name].insidetextfont.color == "#000000", name


def test_not_sure_differs_from_neutral_by_more_than_a_grey() -> None:
    bars = {bar.name: bar for bar in share_bars({"": shares(neutral=0.5, not_sure=0.5)}).data}
    assert bars[NOT_SURE].marker.pattern.shape == "/"
    assert bars["neutral"].marker.pattern.shape == ""
    assert bars[NOT_SURE].marker.color != bars["neutral"].marker.color


def test_each_person_has_a_row() -> None:
    figure = share_bars({"everyone": shares(happy=1.0), "person 2": shares(sad=1.0)})
    assert figure.data[0].y == ("everyone", "person 2")
    assert figure.layout.yaxis.visible


def test_the_description_of_shares() -> None:
    assert describe_shares(shares(happy=0.7, not_sure=0.3)) == "Share of time: happy 70 %, not sure 30 %"
    assert describe_shares(shares()) == "Share of time: nobody seen"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (65.4, "1:05"), (3599.6, "1:00:00"), (3725, "1:02:05")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
