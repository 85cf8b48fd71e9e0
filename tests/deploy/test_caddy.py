"""The app behind Caddy, as deploy/Caddyfile sets it up: HTTPS, cookies and limits."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import nullcontext

import httpx
import pytest
from websockets.sync.client import connect

from fer.ui.rates import Rates
from tests.support.caddy import NAME, Proxy, running_caddy
from tests.support.login import variables
from tests.support.serving import Server, free_port, running_app


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {**variables("http://localhost:1"), "STREAMLIT_SERVER_ALLOWED_HOSTS": f"localhost 127.0.0.1 {NAME}"}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("proxy")
    with (
        running_app(folder, folder / "server.log", environment) as server,
        running_caddy(folder, [address(server)], free_port()) as proxy,
    ):
        yield proxy


def address(server: Server) -> str:
    return server.url.removeprefix("http://")


def context(proxy: Proxy) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(proxy.certificate))


def ask(proxy: Proxy, path: str, client: httpx.Client | None = None, **headers: str) -> httpx.Response:
    """Return the answer to a request, on a connection of its own if no client is given."""
    with nullcontext(client) if client else httpx.Client(verify=context(proxy), timeout=30) as asking:
        return asking.get(
            f"https://127.0.0.1:{proxy.port}{path}",
            headers={"Host": f"{NAME}:{proxy.port}", **headers},
            extensions={"sni_hostname": NAME},
        )


def test_a_page_comes_over_https_with_all_headers(proxy: Proxy) -> None:
    headers = ask(proxy, "/").headers
    assert headers["strict-transport-security"].startswith("max-age=31536000")
    assert "frame-ancestors 'self'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/_stcore/metrics", 404), ("/_stcore/agent/mcp", 404), ("/media/x.jpg", 403), ("/_stcore/health", 200)],
)
def test_closed_doors_stay_closed(proxy: Proxy, path: str, status: int) -> None:
    assert ask(proxy, path).status_code == status


def test_all_cookies_are_secure(proxy: Proxy) -> None:
    cookies = [
        cookie
        for path in ("/", "/_stcore/host-config", "/_stcore/health")
        for cookie in ask(proxy, path).headers.get_list("set-cookie")
    ]
    assert {cookie.partition("=")[0] for cookie in cookies} == {"fer_replica", "_streamlit_xsrf"}
    assert [cookie for cookie in cookies if cookie.count("; Secure") != 1] == []


def test_a_websocket_of_the_apps_own_page_is_accepted_and_a_foreign_one_is_not(proxy: Proxy) -> None:
    def open_stream(origin: str) -> int:
        raw = socket.create_connection(("127.0.0.1", proxy.port), timeout=30)
        try:
            with connect(
                f"wss://{NAME}:{proxy.port}/_stcore/stream",
                sock=raw,
                ssl=context(proxy),
                additional_headers={"Origin": origin},
                proxy=None,
            ):
                return 101
        except Exception as error:
            return int(error.response.status_code)  # type: ignore[attr-defined]

    assert open_stream(f"https://{NAME}:{proxy.port}") == 101
    assert open_stream("https://evil.example") == 403


def test_a_client_that_sends_its_headers_slowly_is_cut_off(proxy: Proxy) -> None:
    with (
        socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as raw,
        context(proxy).wrap_socket(raw, server_hostname=NAME) as secured,
    ):
        secured.sendall(b"GET / HTTP/1.1\r\nHost: ")
        # Caddy waits 10 s. Without its limit, the socket's timeout would end this test.
        while secured.recv(1000):
            pass


def test_headers_that_are_too_large_are_refused(proxy: Proxy) -> None:
    assert ask(proxy, "/", **{"X-Large": "x" * 40_000}).status_code == 431


def test_a_visitor_who_asks_too_often_is_told_to_wait(proxy: Proxy) -> None:
    # A login has two requests: this one, and the one that leads to the provider.
    allowed = Rates().logins
    with httpx.Client(verify=context(proxy), timeout=30) as client:
        answers = [ask(proxy, "/oauth2callback", client, Accept="text/html") for _ in range(allowed + 1)]
    assert [answer.status_code for answer in answers[:allowed]].count(429) == 0
    assert answers[-1].status_code == 429 and "asked for too many logins" in answers[-1].text
    assert "frame-ancestors 'self'" in answers[-1].headers["content-security-policy"]
