"""The app as users start it: its own process, on a free port, with its own state folder."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from fer.paths import CHECKOUT

_START_SECONDS = 90
_EXCERPT = 5000
_COLOR_CODE = re.compile(r"\x1b\[[0-9;]*m")
# What Streamlit logs if a page's script raised or set a widget's value twice, whatever the page showed.
_PAGE_FAILED = re.compile(
    r"Traceback \(most recent call last\)|Uncaught app exception|was created with a default value but"
)


@dataclass(frozen=True)
class Server:
    """A running app: `url` without a slash at the end, its process id, its log and its FER_HOME."""

    url: str
    pid: int
    log: Path
    home: Path

    def complaints(self, start: int = 0) -> str:
        """Return the log's lines about the first exception after byte `start`, or ''."""
        # Streamlit's log is coloured, with escape codes between the words.
        text = _COLOR_CODE.sub("", self.log.read_bytes()[start:].decode(errors="replace"))
        found = _PAGE_FAILED.search(text)
        return text[found.start() :][:_EXCERPT] if found else ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_app(
    home: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
    *,
    health_host: str = "127.0.0.1",
    prefix: Sequence[str] = (),
) -> Iterator[Server]:
    """Start `app.py` with `home` as FER_HOME, wait until it answers, and end it (by its own pid) afterwards.

    Args:
        home: FER_HOME.
        log: gets the app's output.
        environment: further variables.
        health_host: a host name that the app accepts.
        prefix: words before the command, such as those of strace, whose process id is then returned.
    """
    port = free_port()
    command = [
        *prefix,
        *(sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true", f"--server.port={port}"),
        *("--server.address=127.0.0.1", "--browser.gatherUsageStats=false"),
    ]
    variables = {**os.environ, "FER_HOME": str(home), **(environment or {})}
    with running_command(command, CHECKOUT, variables, port, log, health_host) as pid:
        yield Server(f"http://127.0.0.1:{port}", pid, log, home)


@contextmanager
def running_command(
    command: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    port: int,
    log: Path,
    health_host: str = "127.0.0.1",
) -> Iterator[int]:
    """Start a command that serves the app on a port, yield its process id once it answers, and end it afterwards."""
    variables = {**variables, "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as sink:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=sink, stderr=subprocess.STDOUT)
    try:
        _wait_until_healthy(port, process, log, health_host)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(pid: int, port: int) -> bool:
    family = [(process := psutil.Process(pid)), *process.children(recursive=True)]
    return any(
        one.laddr.port == port for process in family for one in process.net_connections("tcp") if one.status == "LISTEN"
    )


def _wait_until_healthy(port: int, process: subprocess.Popen[bytes], log: Path, host: str) -> None:
    url = f"http://127.0.0.1:{port}/_stcore/health"
    request = urllib.request.Request(url, headers={"Host": host})
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The app ended with {process.returncode}:\n{log.read_text(errors='replace')}")
        try:
            with urllib.request.urlopen(request, timeout=2) as answer:
                # Another app may have got the same port at the same moment.
                if answer.status == 200 and _listens(process.pid, port):
                    return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"The app did not answer within {_START_SECONDS} s:\n{log.read_text(errors='replace')}")
