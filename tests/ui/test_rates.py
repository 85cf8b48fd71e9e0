"""Limits per address, on a small app of its own."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from fer.ui import rates
from fer.ui.rates import RateLimits, Rates, address_of, rate_limits

STREAM = "/_stcore/stream"
FEW = Rates(logins=2, connections=3, uploads=4, pages=5, open_pages=2)


async def _any(request: Request) -> Response:
    return PlainTextResponse("here")


async def _wait(socket: WebSocket) -> None:
    await socket.accept()
    try:
        await socket.receive_bytes()
    except WebSocketDisconnect:
        return


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rates, "time", clock)
    return clock


@pytest.fixture
def limited(clock: Clock) -> RateLimits:
    routes = [WebSocketRoute(STREAM, _wait), Route("/{path:path}", _any, methods=["GET", "PUT", "DELETE"])]
    return RateLimits(Starlette(routes=routes), FEW)


@pytest.fixture
def visitor(limited: RateLimits) -> TestClient:
    return TestClient(limited, client=("203.0.113.5", 1), headers={"accept": "text/html"})


@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [
        ("GET", "/auth/login", 2),
        ("GET", "/oauth2callback", 2),
        ("PUT", "/_stcore/upload_file/a/b", 4),
        ("GET", "/", 5),
        ("GET", "/Upload", 5),
    ],
)
def test_after_the_limit_there_is_a_page_that_says_when_to_come_back(
    visitor: TestClient, clock: Clock, method: str, path: str, limit: int
) -> None:
    assert [visitor.request(method, path).status_code for _ in range(limit + 2)] == [200] * limit + [429] * 2
    clock.now += 20
    refused = visitor.request(method, path)
    assert refused.headers["retry-after"] == "40" and "Wait 40 seconds" in refused.text
    # Another address, and another kind of request, have their own limits.
    other = TestClient(visitor.app, client=("203.0.113.6", 1), headers={"accept": "text/html"})
    assert other.request(method, path).status_code == 200
    assert visitor.get("/_stcore/health").status_code == 200
    clock.now += 41
    assert visitor.request(method, path).status_code == 200


def test_a_class_can_log_in_and_upload_at_the_same_time(limited: RateLimits) -> None:
    limits = RateLimits(limited.app)
    school = TestClient(limits, client=("203.0.113.5", 1))
    logins = [school.get(path).status_code for _ in range(60) for path in ("/auth/login", "/oauth2callback")]
    assert logins == [200] * 120 and school.get("/auth/login").status_code == 429
    assert not any(limits._wait("uploads", "203.0.113.5") for _ in range(9000))


def test_pictures_and_files_are_not_counted(visitor: TestClient) -> None:
    paths = ("/media/a.jpg", "/static/x.js", "/_stcore/health", "/videos/1/rows.csv", "/batches/1/rows.csv")
    assert {visitor.get(path).status_code for path in paths for _ in range(10)} == {200}
    assert visitor.delete("/_stcore/upload_file/a/b").status_code == 200


def test_connections_are_limited_in_rate_and_number(visitor: TestClient, limited: RateLimits, clock: Clock) -> None:
    with visitor.websocket_connect(STREAM), visitor.websocket_connect(STREAM):
        # Too many open pages; it isn't one of the three of this minute.
        with pytest.raises(WebSocketDenialResponse) as refused, visitor.websocket_connect(STREAM):
            pass
        assert refused.value.status_code == 429
    with visitor.websocket_connect(STREAM):
        pass
    with pytest.raises(WebSocketDenialResponse), visitor.websocket_connect(STREAM):
        pass
    clock.now += 61
    with visitor.websocket_connect(STREAM):
        pass
    assert not limited._open


def test_what_is_remembered_is_bounded(limited: RateLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_MOST_ADDRESSES", 10)
    for number in range(50):
        TestClient(limited, client=(f"203.0.113.{number}", 1)).get("/", headers={"accept": "text/html"})
    assert len(limited._asked) == 10


@pytest.mark.parametrize(
    ("text", "logins"),
    [("", 120), ("10", 1200), ("0.001", 1), ("0", 120), ("ten", 120), ("nan", 120), ("inf", 120)],
)
def test_all_limits_can_be_multiplied(
    text: str, logins: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FER_RATE_FACTOR", text)
    found = rate_limits().kwargs["rates"]
    assert isinstance(found, Rates) and found.logins == logins
    assert ("FER_RATE_FACTOR" in caplog.text) == (text in ("0", "ten", "nan", "inf"))


PROXIES = rates._proxies("172.28.13.0/24, 2001:db8:7::1")


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("127.0.0.1", [], None),
        ("::1", [], None),
        ("192.168.1.7", [], "192.168.1.7"),
        ("203.0.113.5", [], "203.0.113.5"),
        ("::ffff:203.0.113.5", [], "203.0.113.5"),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        # A proxy on this machine, in another container, and elsewhere.
        ("127.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("::1", ["198.51.100.9"], "198.51.100.9"),
        ("172.28.13.4", ["198.51.100.9"], "198.51.100.9"),
        ("::ffff:172.28.13.4", ["198.51.100.9"], "198.51.100.9"),
        ("2001:db8:7::1", ["198.51.100.9"], "198.51.100.9"),
        # What the visitor made up comes first; only the last address is the proxy's.
        ("172.28.13.4", ["10.1.1.1, 198.51.100.9"], "198.51.100.9"),
        ("172.28.13.4", ["10.1.1.1", "198.51.100.9"], "198.51.100.9"),
        ("172.28.13.4", ["nonsense"], "172.28.13.4"),
        ("172.28.13.4", ["198.51.100.9, nonsense"], "172.28.13.4"),
        # Two proxies, one behind the other.
        ("127.0.0.1", ["10.1.1.1, 198.51.100.9, 172.28.13.5"], "198.51.100.9"),
        ("127.0.0.1", ["172.28.13.5"], "172.28.13.5"),
        # A stranger isn't a proxy, nor is a neighbour.
        ("8.8.8.8", ["198.51.100.9"], "8.8.8.8"),
        ("192.168.1.7", ["198.51.100.9"], "192.168.1.7"),
        ("172.28.14.4", ["198.51.100.9"], "172.28.14.4"),
        ("2001:db8:7::2", ["198.51.100.9"], "2001:db8:7::/64"),
    ],
)
def test_whose_request_it_is(client: str, forwarded: list[str], address: str | None) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope: dict[str, Any] = {"type": "http", "client": (client, 5), "headers": headers}
    assert address_of(scope, PROXIES) == address


def test_without_a_setting_only_this_machine_is_believed(
    limited: RateLimits, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def of_a_neighbour() -> int:
        """Return how many addresses are counted for a machine that makes up two of them."""
        limits = RateLimits(limited.app, **rate_limits().kwargs)
        for made_up in ("198.51.100.9", "198.51.100.10"):
            neighbour = TestClient(limits, client=("192.168.1.7", 1), headers={"x-forwarded-for": made_up})
            neighbour.get("/", headers={"accept": "text/html"})
        return len(limits._asked)

    monkeypatch.delenv("FER_PROXIES", raising=False)
    assert of_a_neighbour() == 1
    monkeypatch.setenv("FER_PROXIES", "192.168.1.0/33,, 192.168.1.7 ")
    assert of_a_neighbour() == 2
    assert "'192.168.1.0/33' isn't an address or a network" in caplog.text
