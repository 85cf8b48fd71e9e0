"""The exit code of `benchmarks.data` says whether a limit was exceeded. The measurements are replaced here."""

import pytest
from click.testing import CliRunner

from benchmarks import data


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize(("seconds", "mb", "code"), [(1, 1, 0), (15, 1, 1), (1, 600, 1)])
def test_an_exceeded_limit_makes_the_exit_code_1(
    options: list[str], seconds: float, mb: float, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "write_table", lambda path: None)
    monkeypatch.setattr(data, "store_synthetic", lambda name: None)
    monkeypatch.setattr(data, "write_forms", lambda table, folder: dict.fromkeys(("csv", "tar.gz", "parquet"), table))
    monkeypatch.setattr(data, "measure", lambda task, _: data.Measured(task.what, seconds, 15, mb, 600))
    monkeypatch.setenv("FER_HOME", "set by the benchmark and put back by the test")
    assert CliRunner().invoke(data.main, options).exit_code == code
