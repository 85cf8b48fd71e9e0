"""The benchmark of the core tells by its exit code whether a mark was missed; what it measures is not run here."""

import pytest
from click.testing import CliRunner

from benchmarks import core


@pytest.mark.parametrize(
    ("theirs_ms", "app", "code"),
    [
        (10, core.AppFigures(1, 1, 300, tensorflow=False), 0),
        (9, core.AppFigures(1, 1, 300, tensorflow=False), 1),
        (10, core.AppFigures(1, 1, 300, tensorflow=True), 1),
        (10, core.AppFigures(1, 1, 400, tensorflow=False), 1),
        (10, None, 0),
    ],
)
def test_whatever_misses_its_mark_is_an_exit_code(
    theirs_ms: float, app: core.AppFigures | None, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "compare", lambda *_: [core.Timing("one face", 1, theirs_ms, wanted=10)])
    monkeypatch.setattr(core, "compare_photos", lambda *_: [])
    monkeypatch.setattr(core, "compare_networks", lambda *_: [])
    monkeypatch.setattr(core, "measure_app", lambda: app)
    result = CliRunner().invoke(core.main, [] if app else ["--no-app"])
    assert result.exit_code == code
    assert ("MISSED" in result.output) is bool(code)
