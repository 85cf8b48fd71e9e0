"""The middleware that closes doors, on a small app of its own."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.web.server.starlette import starlette_websocket
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from fer.ui import client_messages, exposure
from fer.ui.access import gate
from fer.ui.access.settings import AccessSettings
from fer.ui.exposure import Exposure, may_see, one_line_per_broken_frame


async def _any(request: Request) -> Response:
    answer = PlainTextResponse((await request.body()).decode() or "here")
    answer.set_cookie("a", "1")
    answer.set_cookie("b", "2", secure=True)
    return answer


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        try:
            await socket.send_bytes(await socket.receive_bytes())
        except WebSocketDisconnect:
            return


def _is_ada(cookies: Mapping[str, str], path: str) -> bool:
    return cookies.get("user") == "ada" and "of-eve" not in path


def small_app(**settings: Any) -> Exposure:
    routes = [WebSocketRoute("/stream", _echo), Route("/{path:path}", _any, methods=["GET", "PUT", "POST"])]
    return Exposure(Starlette(routes=routes), **{"may_see": _is_ada, **settings})


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/Upload", 200),
        ("/_stcore/health", 200),
        ("/_stcore/metrics", 404),
        ("/_stcore/metrics/", 404),
        ("/%5Fstcore/metrics", 404),
        ("/_stcore/agent/interact", 404),
        ("/_stcore/agent/openapi.json", 404),
        ("/_stcore/agent/mcp", 404),
        ("/media/x.jpg", 403),
        ("/videos/x/rows.csv", 403),
        ("/_stcore/upload_file/session/file", 403),
        ("/_stcore/upload%5Ffile/session/file", 403),
        ("/mediation", 200),
    ],
)
@pytest.mark.parametrize("base", ["", "/fer"])
def test_doors(path: str, status: int, base: str) -> None:
    client = TestClient(small_app(base=base))
    for method in ("GET", "POST"):
        assert client.request(method, base + path).status_code == status


def test_a_picture_is_for_who_may_see_it() -> None:
    client = TestClient(small_app(base="/fer"), cookies={"user": "ada"})
    assert client.get("/fer/media/x.jpg").status_code == 200
    assert client.get("/fer/media/of-eve.jpg").status_code == 403
    client = TestClient(small_app(), cookies={"user": "eve"})
    assert client.get("/media/x.jpg").status_code == 403


@pytest.mark.parametrize("path", ["/", "/_stcore/metrics", "/media/x.jpg"])
def test_every_answer_has_the_headers(path: str) -> None:
    headers = TestClient(small_app(embedding=["https://front.example.org"])).get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'" and policy["object-src"] == "'none'"
    assert policy["frame-ancestors"] == "'self' https://front.example.org"
    assert not any("http:" in value or "*" in value for value in policy.values())
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["permissions-policy"].startswith("camera=(self), microphone=()")
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("scheme", "headers", "secure"),
    [("http", {}, False), ("https", {}, True), ("http", {"X-Forwarded-Proto": "https"}, True)],
)
def test_cookies_are_secure_behind_https(scheme: str, headers: dict[str, str], secure: bool) -> None:
    answer = TestClient(small_app(), base_url=f"{scheme}://testserver").get("/", headers=headers)
    first, second = answer.headers.get_list("set-cookie")
    assert first.startswith("a=1") and ("; Secure" in first) is secure
    assert second.startswith("b=2") and second.lower().count("secure") == 1


def test_a_text_frame_ends_the_connection_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with TestClient(small_app()).websocket_connect("/stream") as socket:
        socket.send_text("{}")
        assert socket.receive()["code"] == 1003
    assert [record.getMessage() for record in caplog.records if record.name == client_messages.__name__] == [
        "A connection was closed because it sent a text frame"
    ]


_PAGES = ("rerun_script", "app_heartbeat", "stop_script")
_UPLOADS = ("file_urls_request", "backend_operation_request")
_DEVELOPERS = ("clear_cache", "load_git_info", "set_run_on_save", "debug_shutdown_runtime")


@pytest.mark.parametrize(("user", "expected"), [("nobody", _PAGES), ("ada", (*_PAGES, *_UPLOADS))])
def test_a_page_is_heard_and_tools_for_developers_are_not(user: str, expected: tuple[str, ...]) -> None:
    with TestClient(small_app(), cookies={"user": user}).websocket_connect("/stream") as socket:
        for name in (*_DEVELOPERS, *_UPLOADS, *_PAGES):
            socket.send_bytes(_message(name))
        socket.send_bytes(b"\xff can't be read")
        heard = []
        while not (frame := socket.receive_bytes()).startswith(b"\xff"):
            heard.append(BackMsg.FromString(frame).WhichOneof("type"))
    assert set(heard) == set(expected) and len(heard) == len(expected)


def _message(name: str) -> bytes:
    message = BackMsg()
    field = getattr(message, name)
    if isinstance(field, bool):
        setattr(message, name, True)
    else:
        field.SetInParent()
    return message.SerializeToString()


def test_a_frame_that_cannot_be_read_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    one_line_per_broken_frame()
    logger = logging.getLogger(starlette_websocket.__name__)
    logger.propagate = True
    logger.warning("Error deserializing back message", exc_info=ValueError("in /a/path"))
    assert "Error deserializing" in caplog.text and "/a/path" not in caplog.text


def statuses_of_an_upload(parts: Iterator[bytes], seconds_between: float) -> list[int]:
    """Return what an upload is answered with that never ends after its pieces. Takes those that the app received."""
    scope = {
        "type": "http",
        "method": "PUT",
        "scheme": "http",
        "path": "/upload",
        "raw_path": b"/upload",
        "query_string": b"",
        "headers": [],
    }
    sent: list[Any] = []

    async def receive() -> Any:
        for part in parts:
            await asyncio.sleep(seconds_between)
            return {"type": "http.request", "body": part, "more_body": True}
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(small_app()(scope, receive, send))
    return [message["status"] for message in sent if "status" in message]


def test_an_upload_that_pauses_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposure, "_BODY_PAUSE_SECONDS", 0.05)
    assert statuses_of_an_upload(iter([b"some"]), 0.0) == [408]


def test_an_upload_that_hardly_moves_is_ended_although_it_never_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposure, "_BODY_PAUSE_SECONDS", 1.0)
    # A byte every 20 ms, for a minute if nothing ends it.
    parts = iter([b"x"] * 3000)
    assert statuses_of_an_upload(parts, 0.02) == [408]
    assert next(parts, None), "the pause after the last piece ended it"


def test_a_client_that_left_is_not_answered() -> None:
    async def gone(scope: Any, receive: Any, send: Any) -> None:
        raise ClientDisconnect

    with pytest.raises(ClientDisconnect):
        TestClient(Exposure(gone, lambda *_: True)).get("/")


def test_whole_bodies_arrive() -> None:
    assert TestClient(small_app()).put("/upload", content=b"x" * 300_000).text == "x" * 300_000


def _cookie(claims: str, secret: str = "s" * 32) -> Mapping[str, str]:
    return {"_streamlit_user": create_signed_value(secret, "_streamlit_user", claims).decode()}


@pytest.mark.parametrize(
    ("cookies", "expected"),
    [
        (_cookie('{"is_logged_in": true, "email": "ada@example.org"}'), True),
        (_cookie('{"is_logged_in": true, "email": "eve@example.com"}'), False),
        (_cookie('{"is_logged_in": false, "email": "ada@example.org"}'), False),
        (_cookie('{"is_logged_in": true, "email": "ada@example.org"}', "another secret"), False),
        (_cookie("[]"), False),
        (_cookie("{"), False),
        ({"_streamlit_user": "ada@example.org"}, False),
        ({}, False),
    ],
)
def test_whose_cookies_have_a_role(cookies: Mapping[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    _set_up_login(monkeypatch)
    assert may_see(cookies, "/videos/x/rows.csv") is expected


def _set_up_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposure, "get_cookie_secret", lambda: "s" * 32)
    monkeypatch.setattr(gate, "settings", lambda: AccessSettings(("default",), viewers=("*@example.org",)))


@pytest.mark.parametrize(
    ("path", "place"),
    [("/media/abc.jpg", {"picture": "abc.jpg"}), ("/_stcore/upload_file/tab/file", {"session": "tab"})],
)
@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ({"iss": "x", "sub": "1", "email": "old-address@example.org"}, True),
        ({"iss": "x", "sub": "2", "email": "ada@example.org"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_a_picture_and_an_upload_are_for_the_person_of_their_tab(
    path: str,
    place: dict[str, str],
    owner: dict[str, str] | None,
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _set_up_login(monkeypatch)
    asked = []
    monkeypatch.setattr(exposure, "visitor_of", lambda **place: asked.append(place) or owner)
    ada = _cookie('{"is_logged_in": true, "iss": "x", "sub": "1", "email": "ada@example.org"}')
    assert may_see(ada, path) is expected
    assert asked == [place]


def test_without_login_no_cookie_is_needed() -> None:
    assert may_see({}, "/media/abc.jpg")
