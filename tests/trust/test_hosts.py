"""Who may connect: every route of the running app refuses a foreign Host and a foreign Origin."""

import http.client
import json
import re
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from starlette.datastructures import Headers

from fer.paths import CHECKOUT
from fer.ui import hosts
from fer.ui.hosts import OwnPagesOnly
from tests.support.serving import Server, running_app

STREAM = "/_stcore/stream"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
LIST_ROUTES = "import app, json; print(json.dumps([route.path for route in app.app._build_starlette_app().routes]))"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with running_app(folder, folder / "server.log") as server:
        yield server


@pytest.fixture(scope="module")
def routes() -> list[str]:
    """Return every route of the app's server, HTTP and WebSocket, with its parameters filled in."""
    done = subprocess.run(
        [sys.executable, "-c", LIST_ROUTES], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60
    )
    paths = json.loads(done.stdout.strip().splitlines()[-1])
    assert len(paths) > 10 and STREAM in paths and any("upload" in path for path in paths)
    # Streamlit's own files are a mount. It has no path and answers all other requests.
    return [*(re.sub(r"\{\w+(:\w+)?\}", "x", path) or "/" for path in paths), "/Upload", "/static/x.js"]


def status(server: Server, path: str, method: str = "GET", **headers: str) -> int:
    """Request a path as a browser or another program would, with the caller's `Host` and `Origin`."""
    address, _, port = server.url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(address, int(port), timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in (headers | (UPGRADE if path == STREAM else {})).items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


FOREIGN_HOSTS = ["evil.example", "localhost.evil.example", "evil.example:8501", "127.0.0.1.nip.io", "a@localhost", ""]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_no_route_answers_under_a_foreign_name(server: Server, routes: list[str], host: str) -> None:
    answers = {path: status(server, path, Host=host) for path in routes}
    assert set(answers.values()) <= {400, 403}, answers


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "POST", "DELETE"])
def test_no_route_answers_a_foreign_page(server: Server, routes: list[str], method: str) -> None:
    here = server.url.removeprefix("http://")
    for origin in ("https://evil.example", "null", f"http://{here}.evil.example", "http://127.0.0.1:1"):
        answers = {path: status(server, path, method, Host=here, Origin=origin) for path in routes if path != STREAM}
        assert set(answers.values()) == {403}, (origin, answers)
        assert status(server, STREAM, Host=here, Origin=origin) == 403


def test_dns_rebinding_is_refused(server: Server) -> None:
    """The page of evil.example, whose name now points at 127.0.0.1: Host and Origin agree, and both are foreign."""
    assert status(server, STREAM, Host="evil.example:8501", Origin="http://evil.example:8501") == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST.", "[::1]"])
def test_the_apps_own_names_are_answered(server: Server, name: str) -> None:
    host = f"{name}:{server.url.rpartition(':')[2]}"
    assert status(server, "/_stcore/health", Host=host) == 200
    assert status(server, "/Upload", Host=host, Origin=f"http://{host}") == 200
    assert status(server, STREAM, Host=host, Origin=f"http://{host}") == 101
    # A program that isn't a browser.
    assert status(server, STREAM, Host=host) == 101


def test_a_refusal_says_what_to_do(server: Server) -> None:
    address, _, port = server.url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(address, int(port), timeout=30)
    connection.request("GET", "/", headers={"Host": "box.example.org"})
    text = connection.getresponse().read().decode()
    connection.close()
    assert "server.allowedHosts" in text and "docs/security.md" in text
    assert (CHECKOUT / "docs" / "security.md").is_file()


def test_an_added_host_is_answered(tmp_path: Path) -> None:
    """Use the option as docs/security.md describes."""
    added = {
        "STREAMLIT_SERVER_ALLOWED_HOSTS": "localhost *.example.org",
        "STREAMLIT_SERVER_CORS_ALLOWED_ORIGINS": "https://front.example.net",
    }
    with running_app(tmp_path, tmp_path / "log", added, health_host="localhost") as server:
        assert status(server, STREAM, Host="box.example.org", Origin="https://box.example.org") == 101
        assert status(server, STREAM, Host="box.example.org", Origin="https://front.example.net") == 101
        assert status(server, STREAM, Host="example.org", Origin="https://example.org") == 403
        assert status(server, STREAM, Host="127.0.0.1") == 403


@pytest.mark.parametrize(
    ("hosts", "host", "own"),
    [
        (["localhost"], "localhost:1", True),
        (["::1"], "[::1]:8501", True),
        (["[::1]"], "[::1]", True),
        (["Box.Example.org."], "box.example.org", True),
        (["*.example.org"], "a.b.example.org", True),
        (["*.example.org"], "example.org", False),
        (["*.example.org"], "evilexample.org", False),
        (["*"], "anything", True),
        ([], "anything", True),
        (["localhost"], "localhost:99999", False),
        (["localhost"], "localhost/evil", False),
        (["localhost"], "[::1", False),
        (["localhost"], "evil@localhost", False),
    ],
)
def test_names(hosts: list[str], host: str, own: bool) -> None:
    guard = OwnPagesOnly(app=None, hosts=hosts, origins=[])  # type: ignore[arg-type]
    assert (guard.refusal(Headers({"host": host})) is None) == own


def test_two_host_headers_are_refused() -> None:
    guard = OwnPagesOnly(app=None, hosts=["*"], origins=[])  # type: ignore[arg-type]
    headers = Headers(raw=[(b"host", b"localhost"), (b"host", b"evil.example")])
    assert guard.refusal(headers) is not None


@pytest.mark.parametrize(
    ("headless", "address", "expected"),
    [
        (True, "127.0.0.1", []),
        (False, "127.0.0.1", ["http://127.0.0.1:8501"]),
        (False, "[::1]", ["http://[::1]:8501"]),
    ],
)
def test_the_browser_opens_unless_the_server_is_headless(
    headless: bool, address: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    options = {
        "server.headless": headless,
        "browser.serverAddress": address,
        "server.port": 8501,
        "secrets.files": [],
        "server.address": "127.0.0.1",
        "server.allowedHosts": ["127.0.0.1"],
    }
    opened: list[str] = []
    monkeypatch.setattr(st, "get_option", options.__getitem__)
    monkeypatch.setattr(hosts, "_BROWSER_SECONDS", 0)
    monkeypatch.setattr(webbrowser, "open", opened.append)

    async def start() -> None:
        async with hosts.server_life(None):
            await asyncio.sleep(0.1)
            await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(start())
    assert opened == expected
