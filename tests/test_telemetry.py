"""The onnxruntime wheel's telemetry is off in every process that imports fer, and in their children."""

import os
import subprocess
import sys

import pytest

from fer import paths

# The name is in double quotes, inside the single quotes of the child's code.
SHOW = """import subprocess, sys, fer; subprocess.run([sys.executable, '-c', 'import os; print(os.environ["%s"])'])"""


@pytest.mark.parametrize(("users", "expected"), [(None, "1"), ("0", "0")])
def test_children_inherit_the_switch_and_a_users_value_stays(users: str | None, expected: str) -> None:
    env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    if users is not None:
        env["ORT_DISABLE_TELEMETRY"] = users
    code = SHOW % "ORT_DISABLE_TELEMETRY"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=paths.CHECKOUT, env=env, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == expected


def test_a_classifier_writes_nothing_into_the_users_cache(tmp_path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    code = "from fer.recognition import load_analyzer; load_analyzer()"
    subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=paths.CHECKOUT,
        env={**env, "HOME": str(home), "TMPDIR": str(temporary)},
        check=True,
        timeout=120,
    )
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()] == []
