"""Who may connect: the server answers under its own names and to its own pages, and to nothing else.

A web page from elsewhere can point its own name at 127.0.0.1 (DNS rebinding), or open a connection to it under its own
origin. Streamlit checks the names of `server.allowedHosts` for its WebSocket alone, so this layer checks every route.
"""

import asyncio
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fer.batch.store import sweep as sweep_batches
from fer.paths import keep_fonts_at_home
from fer.ui.access.gate import log_if_open
from fer.ui.closing import CLOSING
from fer.ui.draining import draining
from fer.ui.exposure import one_line_per_broken_frame
from fer.ui.in_memory import install, sweep_forever
from fer.ui.memory import keep_little
from fer.video.store import sweep as sweep_videos

_REFUSED: Final = 403
_FOREIGN_HOST: Final = (
    "This address isn't one of the app's. Open it as http://localhost, or add the name to server.allowedHosts: "
    "see docs/security.md.\n"
)
_FOREIGN_ORIGIN: Final = "Another web page asked for this. Open the app itself, or see docs/security.md.\n"
# The server listens a moment after its start-up is done.
_BROWSER_SECONDS: Final = 0.5


class OwnPagesOnly:
    """ASGI middleware that refuses a foreign Host or Origin on every route, HTTP and WebSocket.

    Args:
        app: what answers otherwise.
        hosts: names the app is known by, as in `server.allowedHosts`: 'localhost', '::1', '*.example.com', '*'.
            An empty list accepts every name, as Streamlit does.
        origins: other sites whose pages may use the app, as in `server.corsAllowedOrigins`.
    """

    def __init__(self, app: ASGIApp, hosts: list[str], origins: list[str]) -> None:
        self.app = app
        self.hosts = [name.strip().lower().strip("[]").rstrip(".") for name in hosts] or ["*"]
        self.origins = {origin.strip().rstrip("/") for origin in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with one sentence."""
        reason = self.refusal(Headers(scope=scope)) if scope["type"] in ("http", "websocket") else None
        if reason is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await PlainTextResponse(reason, _REFUSED)(scope, receive, send)
        else:
            # Closed before it was accepted: the server answers the handshake with 403.
            await send({"type": "websocket.close", "code": 1008, "reason": ""})

    def refusal(self, headers: Headers) -> str | None:
        """Return why a request is refused, or None."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_own_name(hosts[0]):
            return _FOREIGN_HOST
        # Programs that are no browser send none.
        if all(self._is_own_origin(origin, hosts[0]) for origin in headers.getlist("origin")):
            return None
        return _FOREIGN_ORIGIN

    def _is_own_name(self, host: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, _ = parts.hostname, parts.port
        except ValueError:  # a port that isn't a number, a bracket too many
            return False
        if not name or parts.netloc != host or "@" in host:
            return False
        name = name.rstrip(".")
        return any(
            pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))
            for pattern in self.hosts
        )

    def _is_own_origin(self, origin: str, host: str) -> bool:
        scheme, _, netloc = origin.partition("://")
        return origin.rstrip("/") in self.origins or (scheme in ("http", "https") and netloc.lower() == host.lower())


def own_pages_only() -> Middleware:
    """Return the middleware with the names and origins of Streamlit's settings."""
    return Middleware(
        OwnPagesOnly,
        hosts=st.get_option("server.allowedHosts"),
        origins=st.get_option("server.corsAllowedOrigins"),
    )


@asynccontextmanager
async def server_life(_: Any) -> AsyncIterator[None]:
    """Open the user's browser once the server is up, unless it is headless, and clean up when the server ends."""
    keep_fonts_at_home()
    install()
    keep_little()
    one_line_per_broken_frame()
    log_if_open()
    sweep_videos()
    sweep_batches()
    if not st.get_option("server.headless"):
        loop = asyncio.get_running_loop()
        address = st.get_option("browser.serverAddress")
        url = f"http://{address}:{st.get_option('server.port')}"
        loop.call_later(_BROWSER_SECONDS, lambda: loop.run_in_executor(None, webbrowser.open, url))
    sweeping = asyncio.create_task(sweep_forever())
    try:
        async with draining():
            yield
    finally:
        sweeping.cancel()
        CLOSING.close()
