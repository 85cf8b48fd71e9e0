"""The program contacts nobody: it is used from end to end, offline and watched, and every address is checked.

A namespace closes the network if that is allowed (as root on Linux, with `ip`). strace, where it is there,
sees what libraries do below Python. Python's own hooks see the rest everywhere.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fer.paths import CHECKOUT
from tests.trust import watch

_SECONDS = 1800


def closing_network() -> list[str]:
    """Return the words that close a command's network, or none if this user may not."""
    words = ["unshare", "-n"]
    if shutil.which("ip") is None or shutil.which("unshare") is None:
        return []
    try_it = "ip link set lo up && ip link add a type veth peer name b"
    done = subprocess.run([*words, "sh", "-c", try_it], capture_output=True, check=False)
    return words if done.returncode == 0 else []


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Use the whole program once, watched, and return its folder."""
    folder = tmp_path_factory.mktemp("watched")
    closing = closing_network()
    done = subprocess.run(
        [*closing, sys.executable, "-m", "tests.trust.scenario", str(folder)],
        cwd=CHECKOUT,
        env=os.environ | {"WATCH_OFFLINE": "1" if closing else "0"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return folder


@pytest.fixture(scope="module")
def result(used: Path) -> dict[str, object]:
    return json.loads((used / "done.json").read_text())


@pytest.fixture(scope="module")
def seen(used: Path, result: dict) -> watch.Seen:
    """Return what all watched processes did, from every log."""
    parts = [watch.read_watch_log(used / "watch.jsonl")]
    parts += [watch.read_strace(log, CHECKOUT, result["own"]) for log in used.glob("strace.*")]
    assert len(parts) == (4 if result["strace"] else 1)
    return watch.Seen(
        frozenset().union(*(part.network for part in parts)),
        frozenset().union(*(part.files for part in parts)),
        parts[0].programs,
    )


pytestmark = [pytest.mark.e2e, pytest.mark.training, pytest.mark.timeout(_SECONDS)]


@pytest.fixture(autouse=True)
def _needs_browser() -> None:
    if os.environ.get("SKIP_BROWSER") == "1":
        pytest.skip("SKIP_BROWSER=1: no browser test was run")


def test_everything_was_used_and_watched(result: dict, seen: watch.Seen) -> None:
    assert set(result["done"]) >= {"app.py", "analysis", "camera", "training", "evaluation"}
    assert len(result["done"]) >= 10 and result["complaints"] == ""
    for program in ("streamlit run app.py", "fer train", "fer evaluate"):
        assert any(program in one for one in seen.programs), f"{program} was not watched"


def test_no_name_is_looked_up_and_no_machine_contacted(seen: watch.Seen) -> None:
    assert seen.network == frozenset()


def test_the_pages_contact_no_other_server(result: dict) -> None:
    assert result["asked"] == []


def test_nothing_is_written_outside_fer_home(seen: watch.Seen, used: Path) -> None:
    assert any(str(used / "home") in path for path in seen.files), "no file was seen at all"
    temporary = used / "tmp"
    assert watch.outside(seen.files, used / "home", temporary, used / "watch.jsonl") == []
    assert list(temporary.iterdir()) == [], "what is temporary goes when its work is done"
    assert list((used / "user").iterdir()) == []
