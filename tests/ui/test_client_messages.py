"""How many messages a page's connection may send, before and after login."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.types import Message
from streamlit.proto.BackMsg_pb2 import BackMsg

from fer.ui import client_messages
from fer.ui.client_messages import Pace, expected_only


class Clock:
    """A clock that `asyncio.sleep` moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(client_messages.asyncio, "sleep", clock.sleep)
    monkeypatch.setattr(client_messages, "Pace", lambda at_once, per_second: Pace(at_once, per_second, clock))
    return clock


def taken(number: int, *, logged_in: bool) -> tuple[int, list[Message]]:
    """Send so many messages at once, and return how many are taken before the connection ends, and what is sent."""
    message = BackMsg()
    message.rerun_script.SetInParent()
    frames: Iterator[Message] = iter(
        [{"type": "websocket.receive", "bytes": message.SerializeToString()}] * number
        + [{"type": "websocket.disconnect", "code": 1000}]
    )
    sent: list[Message] = []

    async def receive() -> Message:
        return next(frames)

    async def send(message: Message) -> None:
        sent.append(message)

    async def count() -> int:
        passed = expected_only(receive, send, logged_in=logged_in)
        n_taken = 0
        while (await passed())["type"] == "websocket.receive":
            n_taken += 1
        return n_taken

    return asyncio.run(count()), sent


def test_a_pace_lets_some_through_at_once_and_the_others_one_by_one() -> None:
    clock = Clock()
    pace = Pace(3, 0.5, clock)
    assert [pace.wait_s() for _ in range(5)] == [0, 0, 0, 2, 4]
    clock.now_s += 4
    assert pace.wait_s() == 2, "what was put off is counted"
    clock.now_s += 1000
    assert [pace.wait_s() for _ in range(4)] == [0, 0, 0, 2], "the allowance doesn't grow without end"


def test_before_login_a_connection_that_sends_more_than_a_page_does_is_closed(clock: Clock) -> None:
    n_taken, sent = taken(1000, logged_in=False)
    assert n_taken == 20 and sent == [{"type": "websocket.close", "code": 1008, "reason": ""}]
    assert clock.now_s == 100, "a stranger's messages must not keep anything waiting"


def test_after_login_messages_wait_and_none_is_lost(clock: Clock) -> None:
    n_taken, sent = taken(1000, logged_in=True)
    assert n_taken == 1000 and sent == []
    assert clock.now_s - 100 == pytest.approx((1000 - 200) / 50)
