"""The timeline and its description."""

import numpy as np
import pytest

from fer.emotions import EMOTION_COLORS, EMOTIONS
from fer.streams.timeline import PersonLine, Timeline
from fer.ui.timelines import clock, describe_timeline, timeline_chart


def line(person: int = 1, n_points: int = 5) -> PersonLine:
    probabilities = np.tile(np.linspace(0, 1, len(EMOTIONS), dtype=np.float32), (n_points, 1))
    return PersonLine(person, np.arange(n_points, dtype=np.float64), probabilities)


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


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (65.4, "1:05"), (3599.6, "1:00:00"), (3725, "1:02:05")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
