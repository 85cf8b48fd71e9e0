from fractions import Fraction

import pytest

from fer.video.timestamps import FrameClock

MS = Fraction(1, 1000)


def times(clock: FrameClock, frames: list[tuple[int | None, int | None, int]]) -> list[float]:
    return [clock.seconds(clock.next(*frame)) for frame in frames]


@pytest.mark.parametrize(
    ("frames", "expected", "n_estimated"),
    [
        ([(0, 0, 0), (33, 33, 0), (70, 70, 0)], [0, 0.033, 0.07], 0),
        # A missing one takes the packet's, or follows at the usual distance or the frame's own duration.
        ([(0, 0, 0), (None, 50, 0), (80, None, 0)], [0, 0.05, 0.08], 1),
        ([(0, None, 0), (None, None, 0), (None, None, 0)], [0, 0.04, 0.08], 2),
        ([(0, None, 20), (None, None, 0)], [0, 0.02], 1),
        ([(None, None, 0), (None, None, 0)], [0, 0.04], 2),
        # Never backward and never twice.
        ([(0, 0, 0), (100, 100, 0), (60, 60, 0), (100, 100, 0), (200, 200, 0)], [0, 0.1, 0.14, 0.18, 0.2], 2),
    ],
)
def test_times_are_those_of_the_file_or_estimated(
    frames: list[tuple[int | None, int | None, int]], expected: list[float], n_estimated: int
) -> None:
    clock = FrameClock(MS, 0, 40)
    assert times(clock, frames) == pytest.approx(expected)
    assert clock.n_estimated == n_estimated


@pytest.mark.parametrize(("start", "expected"), [(None, [0, 0.5]), (100, [0.9, 1.4]), (5000, [0, 0.5])])
def test_time_counts_from_the_streams_start_but_not_from_later_than_its_first_frame(
    start: int | None, expected: list[float]
) -> None:
    clock = FrameClock(MS, start, 40)
    assert times(clock, [(1000, None, 0), (1500, None, 0)]) == pytest.approx(expected)
    assert clock.end_s == pytest.approx(expected[1] + 0.04)
