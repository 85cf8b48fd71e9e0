"""A viewer and the app in networks of their own; between them a machine with Caddy and coturn that routes nothing.

The addresses are those of deploy/compose.yaml and deploy/.env.example.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from fer.paths import CHECKOUT

VIEWER, RELAY, APP = "fer-viewer", "fer-relay", "fer-app"
APP_ADDRESS, PUBLIC_ADDRESS = "172.28.13.10", "203.0.113.7"
_NETWORKS = {VIEWER: "10.81.1", APP: APP_ADDRESS.rpartition(".")[0]}
_HOSTS = Path("/etc/netns")
_ASK = "import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=3)"


def within(namespace: str) -> list[str]:
    """Return the words that run a command in a namespace."""
    return ["ip", "netns", "exec", namespace]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def networks(public_name: str, app_name: str) -> Iterator[None]:
    """Make both networks. The machine between them has a public address that both reach; nothing goes through it.

    Args:
        public_name: the name of the machine between them.
        app_name: that of the app, for this machine only.
    """
    _remove()
    try:
        for name in (VIEWER, RELAY, APP):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
            # `ip netns exec` shows this file as /etc/hosts.
            (_HOSTS / name).mkdir(parents=True)
            inside = f"{APP_ADDRESS} {app_name}\n" if name == RELAY else ""
            (_HOSTS / name / "hosts").write_text(f"127.0.0.1 localhost\n{PUBLIC_ADDRESS} {public_name}\n{inside}")
        for number, (name, network) in enumerate(_NETWORKS.items()):
            cable = f"fer{number}"
            _ip("link", "add", cable, "netns", name, "type", "veth", "peer", cable, "netns", RELAY)
            _ip("-n", name, "addr", "add", f"{network}.10/24", "dev", cable)
            _ip("-n", RELAY, "addr", "add", f"{network}.1/24", "dev", cable)
            for end in (name, RELAY):
                _ip("-n", end, "link", "set", cable, "up")
            _ip("-n", name, "route", "add", "default", "via", f"{network}.1")
        _ip("-n", RELAY, "addr", "add", f"{PUBLIC_ADDRESS}/32", "dev", "lo")
        yield
    finally:
        _remove()


def _remove() -> None:
    for name in (VIEWER, RELAY, APP):
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        shutil.rmtree(_HOSTS / name, ignore_errors=True)


def reaches(namespace: str, url: str) -> bool:
    """Return whether a program in a namespace gets an answer."""
    command = [*within(namespace), sys.executable, "-c", _ASK, url]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def wait_until_reached(namespace: str, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a program in a namespace gets an answer from a process, for as long as that runs.

    Raises:
        RuntimeError: it ended, with its log.
    """
    while not reaches(namespace, url):
        if process.poll() is not None:
            raise RuntimeError(f"It ended with {process.returncode}:\n{log.read_text(errors='replace')[-5000:]}")
        time.sleep(0.5)


@contextmanager
def running(
    command: Sequence[str], log: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the block ends, then end it and what it started."""
    with log.open("wb") as sink:
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=sink, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
            for member in family:
                with suppress(psutil.NoSuchProcess):
                    member.terminate()
            for member in psutil.wait_procs(family, 20)[1]:
                member.kill()
            process.wait()
