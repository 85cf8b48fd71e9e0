import pytest

from fer.ui.live.readings import person_line
from tests.support.live_session import AvertedDetector, Clock, FakeDetector, play, session


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("side", "the face is turned too far to the side"),
        ("up", "the face is turned too far up"),
        ("down", "the face is turned too far down"),
    ],
)
def test_live_says_of_a_face_turned_away_why_it_is_not_sure(way: str, reason: str) -> None:
    """The classifier is sure either way, so only the pose can speak against an answer."""
    shown, recorded = [], []
    for detector in (FakeDetector(), AvertedDetector(way)):
        clock = Clock()
        live = session(detector, clock=clock, confidence_threshold=0.5)
        play(live, clock, 4)
        (person,) = live.snapshot().people
        shown.append(person_line(person, named=False))
        recorded.append(live.record().to_frame().iloc[-1])
    assert shown[0] == "**looks happy** 0.88" and shown[1].startswith(f"Not sure: {reason}")
    assert [row["label"] for row in recorded] == ["happy", "not sure"]
    assert [reason in row["reasons"] for row in recorded] == [False, True]
