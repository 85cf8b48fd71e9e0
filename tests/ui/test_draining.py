"""A server that is leaving sends new visitors away, keeps those it has, and ends when they have left."""

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from fer.ui import draining
from fer.ui.draining import Drain, Leaving, drain_seconds

BROWSER = {"accept": "text/html,application/xhtml+xml"}
STREAM = "/_stcore/stream"


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
