import numpy as np
import pytest

from fer.emotions import EMOTION_COLORS, EMOTIONS
from fer.ui.charts import describe_bars, probability_bars

PROBABILITIES = np.array([0.05, 0.01, 0.04, 0.7, 0.1, 0.06, 0.04], np.float32)


def test_bars_are_in_the_order_of_the_classes_with_their_colours() -> None:
    [bar] = probability_bars(PROBABILITIES).data
    assert list(bar.y) == list(EMOTIONS)
    assert list(bar.x) == pytest.approx(PROBABILITIES)
    assert list(bar.marker.color) == [EMOTION_COLORS[name] for name in EMOTIONS]
    assert list(bar.text)[EMOTIONS.index("happy")] == "0.70"


def test_only_the_highest_bar_is_highlighted() -> None:
    [bar] = probability_bars(PROBABILITIES).data
    strongest = [name for name, opacity in zip(EMOTIONS, bar.marker.opacity, strict=True) if opacity == 1]
    assert strongest == ["happy"]


def test_the_description_of_bars_begins_with_the_highest() -> None:
    words = describe_bars(PROBABILITIES)
    assert words.startswith("Probabilities: happy 0.70, sad 0.10")
    assert all(name in words for name in EMOTIONS)
