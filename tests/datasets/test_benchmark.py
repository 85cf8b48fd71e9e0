"""The benchmark of the data tells by its exit code whether a limit was missed; what it measures is not run here."""

import pytest
from click.testing import CliRunner

from benchmarks import data


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize(("seconds", "mb", "code"), [(1, 1, 0), (15, 1, 1), (1, 600, 1)])
def test_a_missed_limit_is_an_exit_code(
    options: list[str], seconds: float, mb: float, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "write_table", lambda path: None)
    monkeypatch.setattr(data, "store_synthetic", lambda name: None)
    monkeypatch.setattr(data, "measure", lambda task, _: data.Measured(task.what, seconds, 15, mb, 600))
    monkeypatch.setenv("FER_HOME", "set by the benchmark and put back by the test")
    assert CliRunner().invoke(data.main, options).exit_code == code
