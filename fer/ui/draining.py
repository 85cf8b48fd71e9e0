"""End a server without cutting off its visitors: it takes no new ones, and ends when the last one has left.

SIGTERM begins this if FER_DRAIN_SECONDS is set. Without it, at a second SIGTERM and at Ctrl-C, the server ends: uvicorn
closes its port, then sends what it is sending, for as long as a client takes to read it. `draining` bounds that time.
deploy/Caddyfile sends visitors to another replica as soon as this one answers that it is leaving.
"""

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fer.ui.closing import CLOSING
from fer.ui.request_paths import base_path, is_page, path_of

_log = logging.getLogger(__name__)

_READY: Final = "/ready"
_VARIABLE: Final = "FER_DRAIN_SECONDS"
# A page that was opened just before may still connect, and a connection that broke may come back.
_QUIET_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.2
# What is still being sent when the server ends has so much time; a client that reads nothing holds it no longer.
_SENDING_SECONDS: Final = 10.0
_UNAVAILABLE: Final = 503
# What a shell calls the exit status of a program that a signal ended, less the signal's number.
_BY_SIGNAL: Final = 128
# Tells a proxy apart from an error of the app.
_HEADER: Final = "X-Fer-Leaving"
_SENTENCE: Final = "This server is being replaced. Reload the page in a moment.\n"


class Drain:
    """Whether this server is leaving, and how many visitors it has.

    Attributes:
        connections: open pages.
        began: when it began to leave, on the monotonic clock; None before.
    """

    def __init__(self) -> None:
        self.connections = 0
        self.began: float | None = None

    @property
    def leaving(self) -> bool:
        """Return whether it takes no new visitors."""
        return self.began is not None

    @property
    def closed(self) -> bool:
        """Return whether pages that were opened before have had the time to connect."""
        return self.began is not None and time.monotonic() - self.began > _QUIET_SECONDS

    def begin(self) -> None:
        """Take no new visitors from now on."""
        self.began = time.monotonic()

    async def until_left(self, seconds: float) -> None:
        """Wait until no page has been open for a moment, at most for some seconds."""
        began = quiet = time.monotonic()
        while (now := time.monotonic()) - quiet < _QUIET_SECONDS and now - began < seconds:
            quiet = now if self.connections else quiet
            await asyncio.sleep(_LOOK_SECONDS)


DRAIN: Final = Drain()


class Leaving:
    """ASGI middleware that answers whether the server takes new visitors, and sends them away if it doesn't.

    Args:
        app: what answers otherwise.
        drain: whether the server is leaving.
        base: the path below which the app is served; '' for none.
    """

    def __init__(self, app: ASGIApp, drain: Drain = DRAIN, base: str = "") -> None:
        self.app = app
        self.drain = drain
        self.base = base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or send a new visitor away."""
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        elif scope["type"] == "http" and path_of(scope, self.base) == _READY:
            answer = self._sent_away() if self.drain.leaving else PlainTextResponse("ready\n")
            await answer(scope, receive, send)
        elif self.drain.leaving and is_page(scope, path_of(scope, self.base)):
            await self._sent_away()(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.drain.closed and not _comes_back(scope):
            await send({"type": "websocket.close", "code": 1001, "reason": ""})
            return
        self.drain.connections += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.drain.connections -= 1

    def _sent_away(self) -> PlainTextResponse:
        return PlainTextResponse(
            _SENTENCE, _UNAVAILABLE, {_HEADER: "1", "Retry-After": "5", "Cache-Control": "no-store"}
        )


def _comes_back(scope: Scope) -> bool:
    """Return whether a page connects again, which then names its session as the third protocol."""
    entries = Headers(scope=scope).get("sec-websocket-protocol", "").split(",")
    return len(entries) > 2 and bool(entries[2].strip())


@asynccontextmanager
async def draining() -> AsyncIterator[None]:
    """Let SIGTERM begin to drain this server, if FER_DRAIN_SECONDS says for how long at most, and bound its end."""
    # Signals can only be received in the main thread, where the server runs unless it is part of a test.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ending = _Ending(asyncio.get_running_loop(), drain_seconds(os.environ.get(_VARIABLE, "")))
    try:
        yield
    finally:
        ending.forget()


class _Ending:
    """What signals do to the server of a loop, which waits for its visitors for some seconds at most."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._seconds = seconds
        self._leaving: asyncio.Task[None] | None = None
        # uvicorn's own.
        self._before: dict[int, Any] = {
            number: signal.signal(number, self.on_signal) for number in (signal.SIGTERM, signal.SIGINT)
        }

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Begin to leave, or end if the server is leaving, or needn't wait."""
        if number == signal.SIGTERM and self._seconds and not DRAIN.leaving:
            DRAIN.begin()
            self._loop.call_soon_threadsafe(self._leave_soon)
        else:
            self._loop.call_soon_threadsafe(self._end, number)

    def forget(self) -> None:
        """Wait no longer for visitors, and leave signals to the server."""
        if self._leaving is not None:
            self._leaving.cancel()
        self._restore()

    def _leave_soon(self) -> None:
        self._leaving = self._loop.create_task(self._leave())

    async def _leave(self) -> None:
        _log.warning(
            "Leaving, with open pages: %d. Ends when they are closed, or after %g s", DRAIN.connections, self._seconds
        )
        await DRAIN.until_left(self._seconds)
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        # Not one of the loop, which ends before the threads of pages do.
        timer = threading.Timer(_SENDING_SECONDS, _end_at_once, [number])
        timer.daemon = True
        timer.start()
        self._restore()
        signal.raise_signal(number)

    def _restore(self) -> None:
        for number, action in self._before.items():
            signal.signal(number, action)


def _end_at_once(number: int) -> None:
    _log.warning("Ends with downloads that weren't read to their end, or pages that were busy")
    CLOSING.close()
    os._exit(_BY_SIGNAL + number)


def drain_seconds(text: str) -> float:
    """Return a setting's seconds; 0, with a line in the log, if it isn't a number of seconds."""
    try:
        seconds = float(text or 0)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        _log.error("%s=%.50s isn't a number of seconds, so the server won't wait for its visitors", _VARIABLE, text)
        return 0.0
    return seconds


def leaving() -> Middleware:
    """Return the middleware with the settings of Streamlit."""
    return Middleware(Leaving, base=base_path())
