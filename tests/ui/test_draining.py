"""A server that is leaving sends new visitors away, keeps those it has, and ends when they have left."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from fer.paths import CHECKOUT
from fer.ui import draining
from fer.ui.draining import Drain, Leaving, drain_seconds

PATIENCE_SECONDS = 60
BROWSER = {"accept": "text/html,application/xhtml+xml"}
STREAM = "/_stcore/stream"
# Sends without end, or for a second. What it sends when it ends has as many seconds as the second argument says.
SENDING = """
import asyncio, sys
from contextlib import asynccontextmanager
from pathlib import Path
import uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route
from fer.ui import draining
from fer.ui.closing import CLOSING

draining._SENDING_SECONDS = float(sys.argv[2])
CLOSING.callback(Path(sys.argv[1]).touch)

async def endless(request):
    async def pieces():
        while True:
            yield b"x" * 100_000
    return StreamingResponse(pieces())

async def slow(request):
    async def pieces():
        for _ in range(10):
            yield b"x"
            await asyncio.sleep(0.1)
    return StreamingResponse(pieces())

@asynccontextmanager
async def life(app):
    async with draining.draining():
        yield

class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)

app = Starlette(routes=[Route("/endless", endless), Route("/slow", slow)], lifespan=life)
Server(uvicorn.Config(app, port=0, log_level="warning")).run()
"""


async def _any(request: Request) -> Response:
    return PlainTextResponse("here")


async def _echo(socket: WebSocket) -> None:
    await socket.accept(subprotocol="streamlit")
    while True:
        try:
            await socket.send_bytes(await socket.receive_bytes())
        except WebSocketDisconnect:
            return


@pytest.fixture
def drain() -> Drain:
    return Drain()


def client(drain: Drain, base: str = "") -> TestClient:
    routes = [WebSocketRoute(f"{base}{STREAM}", _echo), Route("/{path:path}", _any, methods=["GET", "PUT"])]
    return TestClient(Leaving(Starlette(routes=routes), drain, base))


@pytest.mark.parametrize("base", ["", "/fer"])
def test_only_new_visitors_are_sent_away(drain: Drain, base: str) -> None:
    visitor = client(drain, base)
    assert visitor.get(f"{base}/ready").text == "ready\n"
    assert visitor.get(f"{base}/Upload", headers=BROWSER).status_code == 200
    drain.begin()
    for path in ("/ready", "/", "/Upload"):
        answer = visitor.get(base + path, headers=BROWSER)
        assert (answer.status_code, answer.headers["x-fer-leaving"]) == (503, "1")
    kept = (
        "/_stcore/health",
        "/media/a.jpg",
        "/videos/1/report.html",
        "/batches/1/rows.csv",
        "/static/x.js",
        "/oauth2callback",
        "/auth/login",
    )
    for path in kept:
        assert visitor.get(base + path, headers=BROWSER).status_code == 200
    assert visitor.put(f"{base}/_stcore/upload_file/1/2", headers=BROWSER).status_code == 200


def test_a_connection_that_comes_back_is_accepted_and_a_new_one_is_not(
    drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "_QUIET_SECONDS", 60.0)
    visitor = client(drain)
    drain.begin()
    with visitor.websocket_connect(STREAM, ["streamlit"]) as opened_before:
        opened_before.send_bytes(b"1")
        assert opened_before.receive_bytes() == b"1" and drain.connections == 1
        monkeypatch.setattr(draining, "_QUIET_SECONDS", -1.0)
        with pytest.raises(WebSocketDisconnect), visitor.websocket_connect(STREAM, ["streamlit"]):
            pass
        with visitor.websocket_connect(STREAM, ["streamlit", "token", "a-session"]) as back:
            back.send_bytes(b"2")
            assert back.receive_bytes() == b"2" and drain.connections == 2
        opened_before.send_bytes(b"3")
        assert opened_before.receive_bytes() == b"3"
    assert drain.connections == 0


def test_it_waits_for_the_last_visitor_and_no_longer_than_it_may(drain: Drain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "_QUIET_SECONDS", 0.05)
    monkeypatch.setattr(draining, "_LOOK_SECONDS", 0.01)

    async def visit() -> list[Any]:
        drain.connections = 1
        waiting = asyncio.create_task(drain.until_left(60))
        await asyncio.sleep(0.2)
        early = waiting.done()
        drain.connections = 0
        await asyncio.wait_for(waiting, 30)
        drain.connections = 1
        await asyncio.wait_for(drain.until_left(0.1), 30)
        return [early]

    assert asyncio.run(visit()) == [False]


@pytest.mark.parametrize(("text", "seconds"), [("", 0), ("0", 0), ("600", 600), ("ten", 0), ("-1", 0), ("inf", 0)])
def test_a_setting_that_is_no_number_of_seconds_is_said(
    text: str, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    assert drain_seconds(text) == seconds
    assert bool(caplog.text) == (text in ("ten", "-1", "inf"))


@contextmanager
def sending(
    closed: Path, path: str, drain: str, seconds: float
) -> Iterator[tuple[subprocess.Popen[str], socket.socket]]:
    """Yield a server and a connection that has received the beginning of what it asked for."""
    with (
        subprocess.Popen(
            [sys.executable, "-c", SENDING, str(closed), str(seconds)],
            cwd=CHECKOUT,
            env={**os.environ, "FER_DRAIN_SECONDS": drain},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as server,
        socket.socket() as client,
    ):
        try:
            assert server.stdout is not None
            client.settimeout(PATIENCE_SECONDS)
            client.connect(("127.0.0.1", int(server.stdout.readline())))
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert client.recv(12) == b"HTTP/1.1 200"
            yield server, client
        finally:
            server.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without a signal")
@pytest.mark.parametrize(
    ("drain", "signals"),
    [
        ("", [signal.SIGTERM]),
        ("", [signal.SIGINT]),
        ("600", [signal.SIGTERM, signal.SIGTERM]),
        ("0.1", [signal.SIGTERM]),
    ],
    ids=["at once", "Ctrl-C", "told twice", "its time is up"],
)
def test_a_client_that_reads_nothing_does_not_keep_the_server(
    tmp_path: Path, drain: str, signals: list[signal.Signals]
) -> None:
    with sending(tmp_path / "closed", "/endless", drain, 0.5) as (server, _):
        server.send_signal(signals[0])
        for number in signals[1:]:
            assert server.stderr is not None and "Leaving, with open pages" in server.stderr.readline()
            server.send_signal(number)
        assert server.wait(PATIENCE_SECONDS) == 128 + signals[-1]
    assert (tmp_path / "closed").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without a signal")
def test_what_a_client_reads_is_sent_to_its_end(tmp_path: Path) -> None:
    with sending(tmp_path / "closed", "/slow", "", PATIENCE_SECONDS) as (server, client):
        server.send_signal(signal.SIGTERM)
        assert b"".join(iter(lambda: client.recv(1000), b"")).endswith(b"1\r\nx\r\n0\r\n\r\n")
        assert server.wait(PATIENCE_SECONDS) == -signal.SIGTERM
