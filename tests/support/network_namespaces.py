"""A viewer and the app in networks of their own; between them a machine with Caddy and coturn that routes nothing."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fer.paths import CHECKOUT
from tests.support.caddy import NAME

VIEWER, RELAY, APP = "fer-viewer", "fer-relay", "fer-app"
APP_ADDRESS, PUBLIC_ADDRESS = "10.82.1.2", "10.83.1.1"
APP_PORT = 8501
_ASK = "import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=3)"


def within(namespace: str) -> list[str]:
    """Return the words that run a command in a namespace."""
    return ["ip", "netns", "exec", namespace]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def networks() -> Iterator[None]:
    """Make both networks. The machine between them has a public address that both reach; nothing goes through it."""
    _remove()
    try:
        for name in (VIEWER, RELAY, APP):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        for number, name in ((81, VIEWER), (82, APP)):
            cable = f"fer{number}"
            _ip("link", "add", cable, "netns", name, "type", "veth", "peer", cable, "netns", RELAY)
            _ip("-n", name, "addr", "add", f"10.{number}.1.2/24", "dev", cable)
            _ip("-n", RELAY, "addr", "add", f"10.{number}.1.1/24", "dev", cable)
            for end in (name, RELAY):
                _ip("-n", end, "link", "set", cable, "up")
            _ip("-n", name, "route", "add", "default", "via", f"10.{number}.1.1")
        _ip("-n", RELAY, "addr", "add", f"{PUBLIC_ADDRESS}/32", "dev", "lo")
        yield
    finally:
        _remove()


def _remove() -> None:
    for name in (VIEWER, RELAY, APP):
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def reaches(namespace: str, url: str) -> bool:
    """Return whether a program in a namespace gets an answer."""
    return (
        subprocess.run(
            [*within(namespace), sys.executable, "-c", _ASK, url], check=False, capture_output=True
        ).returncode
        == 0
    )


@contextmanager
def running(command: list[str], log: Path, environment: dict[str, str] | None = None) -> Iterator[None]:
    """Run a command until the block ends."""
    with log.open("wb") as sink:
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=sink, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def running_relay(folder: Path, secret: str) -> Iterator[None]:
    """Run coturn with deploy/turnserver.conf, on the address that both networks reach."""
    settings = (CHECKOUT / "deploy" / "turnserver.conf").read_text(encoding="utf-8").splitlines()
    # In deploy/compose.yaml the app has another address.
    lines = [line for line in settings if not line.startswith("allowed-peer-ip")]
    lines += [f"allowed-peer-ip={APP_ADDRESS}", f"listening-ip={PUBLIC_ADDRESS}", f"relay-ip={PUBLIC_ADDRESS}"]
    file = folder / "turnserver.conf"
    file.write_text(
        "\n".join([*lines, f"realm={NAME}", f"static-auth-secret={secret}", "log-file=stdout", "simple-log"])
    )
    with running([*within(RELAY), "turnserver", "-c", str(file), "-v"], folder / "coturn.log"):
        yield


@contextmanager
def running_app_within(folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """Run the app in its network, and wait until it answers."""
    command = [
        *(*within(APP), sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"),
        *(f"--server.port={APP_PORT}", "--server.address=0.0.0.0"),
    ]
    with running(command, folder / "server.log", environment):
        for _ in range(120):
            if reaches(APP, f"http://127.0.0.1:{APP_PORT}/_stcore/health"):
                break
            time.sleep(0.5)
        else:
            raise RuntimeError((folder / "server.log").read_text(errors="replace"))
        yield
