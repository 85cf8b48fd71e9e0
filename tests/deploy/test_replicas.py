"""Two replicas behind Caddy, as deploy/Caddyfile sets it up: one is replaced, one is killed."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.caddy import NAME, running_caddy
from tests.support.serving import Server, free_port, running_app
from tests.support.visitors import Visitor

_ALLOWED = {"STREAMLIT_SERVER_ALLOWED_HOSTS": f"localhost 127.0.0.1 {NAME}", "FER_DRAIN_SECONDS": "120"}


@contextmanager
def replicas(folder: Path) -> Iterator[tuple[Server, Server, Callable[[], Visitor]]]:
    """Start two replicas behind Caddy; the last of the three opens the app as a new visitor."""
    with ExitStack() as stack:
        servers = [stack.enter_context(running_app(folder, folder / f"{n}.log", _ALLOWED)) for n in (1, 2)]
        addresses = [server.url.removeprefix("http://") for server in servers]
        proxy = stack.enter_context(running_caddy(folder, addresses, free_port()))
        yield servers[0], servers[1], lambda: Visitor(proxy.port, f"{NAME}:{proxy.port}", proxy.certificate).open()


def on_each(servers: tuple[Server, Server], opened: Callable[[], Visitor]) -> tuple[Visitor, Visitor]:
    """Return a visitor of each replica."""
    found: dict[int, Visitor] = {}
    for _ in range(40):
        visitor = opened()
        for number, server in enumerate(servers):
            if visitor.upload(port=int(server.url.rpartition(":")[2])) == httpx.codes.NO_CONTENT:
                found.setdefault(number, visitor)
        if len(found) == len(servers):
            return found[0], found[1]
        if visitor not in found.values():
            visitor.leave()
    raise AssertionError("all visitors came to one replica")


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def test_a_replica_that_is_replaced_serves_its_visitors_to_the_end(tmp_path: Path) -> None:
    with replicas(tmp_path) as (ending, staying, opened):
        mine, other = on_each((ending, staying), opened)
        assert mine.replica != other.replica
        os.kill(ending.pid, signal.SIGTERM)
        until(lambda: httpx.get(f"{ending.url}/ready").status_code == httpx.codes.SERVICE_UNAVAILABLE)
        assert httpx.get(f"{staying.url}/ready").status_code == httpx.codes.OK
        # Caddy asks once a second. Until it knows, it brings whoever has this replica's cookie back to it.
        until(lambda: mine.another_tab().status == httpx.codes.OK)
        new = [opened() for _ in range(8)] + [mine.another_tab()]
        assert {(visitor.status, visitor.replica) for visitor in new} == {(httpx.codes.OK, other.replica)}
        for visitor in (mine, other):
            visitor.draw()
            assert visitor.upload() == httpx.codes.NO_CONTENT
        assert psutil.pid_exists(ending.pid)
        mine.leave()
        until(lambda: psutil.Process(ending.pid).status() == psutil.STATUS_ZOMBIE)
        other.draw()
        assert other.upload() == httpx.codes.NO_CONTENT
        # A reload of the page that was open before.
        assert mine.replica != opened().replica


def test_a_replica_that_is_killed_takes_only_its_own_visitors_along(tmp_path: Path) -> None:
    with replicas(tmp_path) as (ending, staying, opened):
        mine, other = on_each((ending, staying), opened)
        session = other.session
        psutil.Process(ending.pid).kill()
        with pytest.raises(ConnectionClosed):
            mine.draw()
        # At once, without waiting for a health check: its own visitor with its cookie, and new ones.
        assert mine.open().status == httpx.codes.OK and mine.replica == other.replica
        assert [opened().status for _ in range(5)] == [httpx.codes.OK] * 5
        other.draw()
        assert other.session == session and other.upload() == httpx.codes.NO_CONTENT
        psutil.Process(staying.pid).kill()
        assert opened().status in (httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE)


@pytest.mark.parametrize(("seconds", "signals"), [("2", 1), ("600", 2)], ids=["its time is up", "told twice"])
def test_a_page_that_stays_open_does_not_keep_a_replica_for_ever(tmp_path: Path, seconds: str, signals: int) -> None:
    with running_app(tmp_path, tmp_path / "log", {**_ALLOWED, "FER_DRAIN_SECONDS": seconds}) as server:
        port = int(server.url.rpartition(":")[2])
        visitor = Visitor(port, f"localhost:{port}").open()
        for _ in range(signals):
            os.kill(server.pid, signal.SIGTERM)
            until(lambda: "Leaving, with open pages" in server.log.read_text())
        until(lambda: psutil.Process(server.pid).status() == psutil.STATUS_ZOMBIE)
        with pytest.raises(ConnectionClosed):
            visitor.draw()
