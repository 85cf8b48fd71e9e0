"""The pace of a batch is that of the last minute."""

import pytest

from fer.batch.progress import Pace


def test_the_pace_is_that_of_the_last_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    # What an earlier run has done doesn't count.
    pace = Pace(500)
    now = 1010.0
    assert pace.update(500) is None
    assert pace.update(600) == 10
    now = 1020.0
    # The same number of files after more time is a lower pace.
    assert pace.update(600) == 5
    for second in range(1030, 1201, 10):
        now = float(second)
        rate = pace.update(600 + 40 * (second - 1020))
    assert rate == pytest.approx(40)
