"""The systemd units, as systemd's own checker sees them."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.support.compose import DEPLOY

_LARGEST_EXPOSURE = 4.0  # 10 is a unit without any restriction


def _analyze(*words: str) -> str:
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    unit = (DEPLOY / "systemd" / "fer.service").read_text(encoding="utf-8")
    # Its program isn't installed on this machine.
    (tmp_path / "fer.service").write_text(unit.replace("/opt/fer/.venv/bin/python", "/bin/true"))
    (tmp_path / "caddy.service.d").mkdir()
    shutil.copy("/lib/systemd/system/caddy.service", tmp_path)
    shutil.copy(DEPLOY / "systemd" / "caddy.conf", tmp_path / "caddy.service.d" / "fer.conf")
    for name in ("fer.service", "caddy.service"):
        complaints = _analyze("verify", "--man=no", str(tmp_path / name))
        assert str(tmp_path) not in complaints and "fer." not in complaints, complaints


def test_the_app_may_do_little() -> None:
    answer = _analyze("security", "--offline=true", "--no-pager", str(DEPLOY / "systemd" / "fer.service"))
    found = re.search(r"exposure level for fer\.service: ([\d.]+)", answer)
    assert found and float(found[1]) < _LARGEST_EXPOSURE, answer
