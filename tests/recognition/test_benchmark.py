"""The exit code of `benchmarks.core` says whether a target was missed. The measurements are replaced here."""

import pytest
from click.testing import CliRunner

from benchmarks import core
from benchmarks.turns import Timing


@pytest.mark.parametrize(
    ("theirs_ms", "app", "code"),
    [
        (10, core.AppMeasurements(1, 1, 300, tensorflow=False), 0),
        (9, core.AppMeasurements(1, 1, 300, tensorflow=False), 1),
        (10, core.AppMeasurements(1, 1, 300, tensorflow=True), 1),
        (10, core.AppMeasurements(1, 1, 400, tensorflow=False), 1),
        (10, None, 0),
    ],
)
def test_a_missed_target_makes_the_exit_code_1(
    theirs_ms: float, app: core.AppMeasurements | None, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "compare", lambda *_: [Timing("one face", 1, theirs_ms, wanted=10)])
    monkeypatch.setattr(core, "compare_photos", lambda *_: [])
    monkeypatch.setattr(core, "compare_networks", lambda *_: [])
    monkeypatch.setattr(core, "measure_app", lambda: app)
    result = CliRunner().invoke(core.main, [] if app else ["--no-app"])
    assert result.exit_code == code
    assert ("MISSED" in result.output) is bool(code)
