"""Where coturn, with deploy/turnserver.conf and the options of compose, sends what a viewer gives it."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fer.live.ice import turn_credentials
from fer.paths import CHECKOUT
from tests.support.caddy import NAME
from tests.support.deployment import TURN_SECRET, relay
from tests.support.network_namespaces import APP_ADDRESS, PUBLIC_ADDRESS, VIEWER, networks, within

_FORBIDDEN = 403
# Other machines inside, the relay itself, services of clouds, and special ranges.
_INSIDE = (
    "172.28.13.1",
    "10.0.0.5",
    "192.168.1.1",
    "127.0.0.1",
    "0.0.0.0",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.1",
    "198.18.0.1",
    "240.0.0.1",
    PUBLIC_ADDRESS,
)


def answers(username: str, password: str, *peers: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.support.relay_client", PUBLIC_ADDRESS, username, password, *peers]
    return subprocess.run(
        [*within(VIEWER), *command], cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=120
    )


def wait_until_answered(username: str, password: str) -> None:
    deadline = time.monotonic() + 240
    while answers(username, password, APP_ADDRESS).returncode != 0:
        assert time.monotonic() < deadline


def test_a_viewer_reaches_the_app_and_nothing_else_inside(tmp_path: Path) -> None:
    with networks(NAME, "app"), relay(tmp_path):
        viewer = turn_credentials(TURN_SECRET, time.time())
        wait_until_answered(*viewer)
        done = answers(*viewer, APP_ADDRESS, *_INSIDE)
        assert json.loads(done.stdout) == {APP_ADDRESS: 0, **dict.fromkeys(_INSIDE, _FORBIDDEN)}


@pytest.mark.parametrize(("secret", "age_s"), [("another secret", 0), (TURN_SECRET, 1_000_000)])
def test_wrong_and_expired_credentials_are_refused(tmp_path: Path, secret: str, age_s: int) -> None:
    with networks(NAME, "app"), relay(tmp_path):
        wait_until_answered(*turn_credentials(TURN_SECRET, time.time()))
        done = answers(*turn_credentials(secret, time.time() - age_s), APP_ADDRESS)
        assert done.returncode != 0 and "401" in done.stderr
