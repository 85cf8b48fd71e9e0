"""What every route answers to someone who hasn't logged in: a table, so that a new route of Streamlit fails here."""

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from fer.paths import CHECKOUT
from fer.ui.request_paths import is_page
from tests.support.login import variables
from tests.support.serving import Server, running_app

LIST_ROUTES = "import app, json; print(json.dumps([route.path for route in app.app._build_starlette_app().routes]))"
STREAM = "/_stcore/stream"
# GET, PUT and DELETE of each route. 200 are files of Streamlit itself, the same for everyone;
# it answers every unknown path with its empty page.
ANSWERS = {
    "/_stcore/health": (200, 405, 405),
    "/_stcore/script-health-check": (200, 405, 405),
    "/_stcore/metrics": (404, 404, 404),
    "/_stcore/host-config": (200, 405, 405),
    "/media/{file_id:path}": (403, 403, 403),
    "/videos/{video_id}/{name}": (403, 403, 403),
    "/batches/{batch_id}/{name}": (403, 403, 403),
    "/_stcore/upload_file/{session_id}/{file_id}": (403, 403, 403),
    "/component/{path:path}": (404, 405, 405),
    "/_stcore/bidi-components/{path:path}": (404, 405, 405),
    "/_stcore/agent/interact": (404, 404, 404),
    "/_stcore/agent/openapi.json": (404, 404, 404),
    "/_stcore/agent/mcp": (404, 404, 404),
    "/auth/login": (302, 405, 405),
    "/auth/logout": (302, 405, 405),
    "/oauth2callback": (302, 405, 405),
    STREAM: (200, 405, 405),  # as a page, not as a WebSocket
    "": (200, 405, 405),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the app with a login whose provider nobody reaches."""
    folder = tmp_path_factory.mktemp("server")
    with running_app(folder, folder / "server.log", variables("http://localhost:1")) as server:
        yield server


@pytest.fixture(scope="module")
def routes() -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", LIST_ROUTES], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60
    )
    found: list[str] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def ask(server: Server, path: str, method: str) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


def test_the_table_has_every_route(routes: list[str]) -> None:
    assert set(routes) <= set(ANSWERS)
    assert len(routes) > 10


def path_of(route: str) -> str:
    return re.sub(r"\{\w+(:\w+)?\}", "x", route) or "/"


def test_a_download_does_not_count_as_a_page(routes: list[str]) -> None:
    """Pages are limited in number, and refused while the server waits for its last visitors."""
    scope = {"type": "http", "method": "GET", "headers": [(b"accept", b"text/html")]}
    assert [route for route in routes if is_page(scope, path_of(route))] == [""]


def test_what_each_route_answers_before_login(server: Server, routes: list[str]) -> None:
    def answers(route: str) -> tuple[int, ...]:
        return tuple(ask(server, path_of(route), method)[0] for method in ("GET", "PUT", "DELETE"))

    assert {route: answers(route) for route in routes} == {route: ANSWERS[route] for route in routes}


@pytest.mark.parametrize(
    "path", ["/", "/Training", "/_stcore/health", "/_stcore/metrics", "/media/x", "/videos/x/y", "/component/x"]
)
def test_every_answer_has_a_policy_and_no_traceback(server: Server, path: str) -> None:
    _, headers, text = ask(server, path, "GET")
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "Traceback" not in text and str(CHECKOUT) not in text


@pytest.mark.parametrize(
    "path",
    [
        "//media/x.jpg",
        "/./media/x.jpg",
        "/x/../media/x.jpg",
        "/%2e%2e/media/x.jpg",
        "/media%2fx.jpg",
        "/%6dedia/x.jpg",
        "/MEDIA/x.jpg",
        "/media/../_stcore/metrics",
        "/_stcore//metrics",
        "/_stcore/%6detrics",
        "/_stcore/metrics%00",
        "/_stcore/upload_file//x",
        "/videos/..%2f..%2fsecrets/rows.csv",
        "/videos/%2e%2e/audit.jsonl",
        "/component/../../../../etc/passwd",
        "/component/x/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/_stcore/bidi-components/..%2f..%2fapp.py",
        "/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/app/static/%2e%2e/app.py",
        "/.streamlit/secrets.toml",
        "/%5c%5cevil.example/x",
        "//evil.example/",
        "/%2f%2fevil.example/",
        "/%5cevil.example/",
        "/auth/login?next=https://evil.example",
        "/auth/login?provider=default",
        "/auth/logout?next=//evil.example",
        "/oauth2callback?code=x&state=y&next=//evil.example",
        "/oauth2callback?error=x&error_description=%0d%0aSet-Cookie:%20a=b",
    ],
)
def test_no_trick_with_a_path_leads_further(server: Server, path: str) -> None:
    start = ask(server, "/", "GET")[2]
    status, headers, text = ask(server, path, "GET")
    # Streamlit answers an unknown path with its empty page.
    assert status in (302, 307, 400, 403, 404) or (status == 200 and text == start), (status, text[:200])
    assert headers.get("location", "/").removeprefix(server.url).startswith("/"), headers
    assert "evil" not in headers.get("location", "") and "a=b" not in headers.get("set-cookie", "")


@pytest.mark.parametrize("frame", ["{}", b"\xff\xff\xff", b""])
def test_a_broken_frame_logs_no_traceback(server: Server, frame: str | bytes) -> None:
    start = server.log.stat().st_size
    with connect(
        f"ws://{server.url.removeprefix('http://')}{STREAM}", additional_headers={"Origin": server.url}
    ) as socket:
        socket.send(frame)
        if frame:
            with pytest.raises(ConnectionClosed):
                while True:
                    socket.recv(timeout=30)
    log = server.log.read_bytes()[start:].decode()
    assert "Traceback" not in log
    assert frame == b"" or len(log.strip().splitlines()) == 1, log


def test_a_stranger_cannot_let_the_server_hold_a_large_frame(server: Server) -> None:
    """The connection ends at the announcement of its size, before anything of it has to be kept."""
    with connect(
        f"ws://{server.url.removeprefix('http://')}{STREAM}", additional_headers={"Origin": server.url}
    ) as socket:
        mask = bytes(4)
        socket.socket.sendall(b"\x82\xff" + (31_000_000).to_bytes(8, "big") + mask)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                socket.recv(timeout=30)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009


def test_metrics_are_closed_without_login_too(tmp_path: Path) -> None:
    with running_app(tmp_path, tmp_path / "server.log") as server:
        assert ask(server, "/_stcore/metrics", "GET")[0] == 404
        assert ask(server, "/media/x", "GET")[0] == 404
        assert ask(server, "/videos/x/rows.csv", "GET")[0] == 404
