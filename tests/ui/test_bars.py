"""Horizontal bars: their values, their HTML, and what it says to people who can't see them."""

from html.parser import HTMLParser

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer.emotions import EMOTION_COLORS, EMOTIONS, NOT_SURE
from fer.streams.record import OUTCOMES
from fer.ui.bars import Bar, describe_probabilities, describe_shares, probability_bars, share_parts
from fer.ui.data.charts import vote_bars

PROBABILITIES = [0.05, 0.01, 0.04, 0.7, 0.1, 0.06, 0.04]


def shares(**values: float) -> np.ndarray:
    return np.array([values.get(name.replace(" ", "_"), 0.0) for name in OUTCOMES])


class _Texts(HTMLParser):
    """Collects the texts of HTML, and the styles of elements that have no text of their own."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.attributes: list[dict[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


def shown(script: str) -> _Texts:
    """Return what a script of one drawing shows."""
    app = AppTest.from_string("from fer.ui.bars import *\n" + script).run()
    assert not app.exception
    (element,) = app.html
    return _Texts(str(element.value))


def test_bars_are_in_the_order_of_the_classes_with_their_colours() -> None:
    bars = probability_bars(PROBABILITIES)
    assert [bar.name for bar in bars] == list(EMOTIONS)
    assert [bar.length for bar in bars] == PROBABILITIES
    assert [bar.color for bar in bars] == [EMOTION_COLORS[name] for name in EMOTIONS]
    assert bars[EMOTIONS.index("happy")].text == "0.70"


def test_only_the_highest_bar_is_in_full_colour() -> None:
    assert [bar.name for bar in probability_bars(PROBABILITIES) if bar.strong] == ["happy"]


def test_the_description_of_bars_begins_with_the_highest() -> None:
    words = describe_probabilities(PROBABILITIES)
    assert words.startswith("Probabilities: happy 0.70, sad 0.10")
    assert all(name in words for name in EMOTIONS)


def test_the_drawn_bars_have_names_numbers_and_lengths() -> None:
    html = shown(f"show_probabilities({PROBABILITIES})")
    assert html.texts == [text for bar in probability_bars(PROBABILITIES) for text in (bar.name, bar.text)]
    assert html.attributes[0]["role"] == "img" and html.attributes[0]["aria-label"] == (
        describe_probabilities(PROBABILITIES)
    )
    drawn = [str(one["style"]) for one in html.attributes if "opacity" in str(one.get("style"))]
    assert "0.7000" in drawn[3] and "#E69F00" in drawn[3] and "opacity:1" in drawn[3]
    assert "0.0500" in drawn[0] and "opacity:0.55" in drawn[0]


def test_names_are_escaped() -> None:
    html = shown("""show_bars([Bar("<b>", 0.5, "1 < 2", "#000000")], 'a "bar"')""")
    assert html.texts == ["<b>", "1 < 2"] and html.attributes[0]["aria-label"] == 'a "bar"'


def test_votes_are_compared_with_the_usual_ten() -> None:
    votes = vote_bars([3, 7, 0, 0, 0, 0, 0, 0, 0, 0])
    assert votes[1] == Bar("happiness", 0.7, "7", EMOTION_COLORS["happy"])
    assert votes[2].text == "" and votes[-1].name == "no face"
    assert vote_bars([0, 20, *[0] * 8])[1].length == 1.0


def test_shares_add_up_and_leave_out_what_was_never_seen() -> None:
    parts = share_parts(shares(happy=0.7, sad=0.27, fear=0.03))
    assert [part.text for part in parts] == ["fear 3 %", "happy 70 %", "sad 27 %"]
    assert sum(part.length for part in parts) == pytest.approx(1)


def test_the_text_on_a_part_has_enough_contrast() -> None:
    inks = {name: share_parts(shares(**{name: 1.0}))[0].ink for name in ("happy", "sad", "angry", "disgust", "neutral")}
    # White has a contrast of 3.4 to 3.9 on the last three, black of 5.4 to 6.2.
    assert inks == {"happy": "#000000", "sad": "#FFFFFF"} | dict.fromkeys(("angry", "disgust", "neutral"), "#000000")


def test_not_sure_differs_from_neutral_by_more_than_a_grey() -> None:
    neutral, unsure = share_parts(shares(neutral=0.5, not_sure=0.5))
    assert unsure.text == f"{NOT_SURE} 50 %" and "gradient" in unsure.ground
    assert neutral.ground == EMOTION_COLORS["neutral"]


def test_each_person_has_a_row() -> None:
    rows = {"everyone": shares(happy=1.0).tolist(), "person 2": shares(sad=0.75, fear=0.25).tolist()}
    html = shown(f"show_shares({rows})")
    texts = ["everyone", "happy 100 %", "person 2", "fear 25 %", "sad 75 %"]
    assert html.texts == texts
    assert html.attributes[0]["aria-label"] == "Share of time: everyone: happy 100 %; person 2: fear 25 %, sad 75 %"
    # A name or a part that is cut off is told when it is pointed at.
    assert [one["title"] for one in html.attributes if "title" in one] == texts


def test_a_single_row_needs_no_name() -> None:
    html = shown(f"show_shares({{'': {shares(happy=1.0).tolist()}}})")
    assert html.texts == ["happy 100 %"] and "columns:minmax" in str(html.attributes[0]["style"])
    assert describe_shares({"": shares(happy=0.7, not_sure=0.3)}) == "Share of time: happy 70 %, not sure 30 %"
