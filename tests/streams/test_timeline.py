"""A minute as lines with fewer points, broken while nobody was there."""

import numpy as np
import pytest

from fer.emotions import EMOTIONS
from fer.streams.record import SessionRecord
from fer.streams.timeline import Timeline, timeline_of
from tests.support.observations import STARTED, seen

HAPPY = EMOTIONS.index("happy")


def timeline(moments: list[tuple[float, int, str]], last_s: float = 60.0) -> Timeline:
    """From (seconds, person, emotion) in the order of time."""
    record = SessionRecord(STARTED)
    for frame, (seconds, person, emotion) in enumerate(moments):
        record.add(frame, seconds, 0.0, [seen(person, emotion)])
    return timeline_of(record.rows(), 0.0, last_s)


def test_a_minute_at_30_frames_is_240_points() -> None:
    (line,) = timeline([(index / 30, 1, "happy") for index in range(1800)]).lines
    assert len(line.seconds) == 240
    assert np.all(np.diff(line.seconds) > 0)
    np.testing.assert_allclose(line.probabilities[:, HAPPY], 0.7, atol=1e-6)


def test_a_step_shows_its_mean() -> None:
    (line,) = timeline([(1.00, 1, "happy"), (1.05, 1, "happy"), (1.10, 1, "happy"), (1.15, 1, "sad")]).lines
    assert line.seconds.tolist() == pytest.approx([1.075])
    assert line.probabilities[0, HAPPY] == pytest.approx((3 * 0.7 + 0.05) / 4)


def test_an_absence_breaks_the_line() -> None:
    moments = [(index / 10, 1, "happy") for index in (*range(20), *range(100, 120))]
    (line,) = timeline(moments).lines
    (gap,) = np.flatnonzero(np.isnan(line.probabilities).all(axis=1))
    assert line.seconds[gap - 1] < 2 <= 10 <= line.seconds[gap]


def test_a_record_that_keeps_few_frames_breaks_no_line() -> None:
    record = SessionRecord(STARTED, max_rows=40)
    # Two minutes at 15 frames per second, of which finally every 64th is recorded.
    for frame in range(1800):
        record.add(frame, frame / 15, 0.0, [seen(1, "happy")])
    assert record.every == 64
    (line,) = timeline_of(record.rows(60.0), 60.0, 120.0, spacing_s=record.every / 15).lines
    assert len(line.seconds) >= 14 and not np.isnan(line.probabilities).any()


def test_people_have_a_line_each() -> None:
    result = timeline([(0.0, 4, "happy"), (0.1, 2, "sad"), (1.0, 4, "happy")])
    assert [line.person for line in result.lines] == [2, 4]
    assert result.lines[1].seconds.tolist() == [0.0, 1.0]


def test_a_long_session_stays_short() -> None:
    (line,) = timeline([(index / 2, 1, "happy") for index in range(7200)], last_s=3600).lines
    assert 200 <= len(line.seconds) <= 241


def test_nothing_seen_gives_no_lines() -> None:
    assert timeline([]).lines == ()
