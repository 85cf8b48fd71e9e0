"""Limit what the server exposes: close routes that Streamlit leaves open, and add security headers to each response.

Who may connect at all is in `fer.ui.hosts`.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from fer.errors import FerError
from fer.ui.access import gate
from fer.ui.access.settings import Role
from fer.ui.client_messages import expected_only
from fer.ui.in_memory import visitor_of
from fer.ui.request_paths import PRIVATE, base_path, path_of, within

_log = logging.getLogger(__name__)

# Numbers of sessions, and a programming interface to every session. No page needs them.
_CLOSED: Final = ("/_stcore/metrics", "/_stcore/agent")
# Those whose addresses name a tab.
_OF_A_TAB: Final = ("media", "upload_file")
_FRAME_LOG: Final = "streamlit.web.server.starlette.starlette_websocket"
# How long an upload may pause. Whoever needs longer than this for a few kilobytes holds memory for nothing.
_BODY_PAUSE_SECONDS: Final = 60.0
# How fast an upload must be after that time, on average. A telephone with a bad connection sends ten times as much.
_SLOWEST_BYTES_PER_S: Final = 1000
_POLICY: Final = {
    "default-src": "'self'",
    # Streamlit and its components have scripts in their pages, and plotly and Vega compile expressions.
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "frame-src": "'self' blob: data:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
}


class Exposure:
    """ASGI middleware that closes routes, adds security headers, and ends what hangs or breaks the protocol.

    Args:
        app: what answers otherwise.
        may_see: whether the cookies of a request let it use a private path, or any if the path is ''.
        embedding: origins of other sites whose pages may show the app in a frame.
        base: the path below which the app is served, such as '/fer'; '' for none.
    """

    def __init__(
        self,
        app: ASGIApp,
        may_see: Callable[[Mapping[str, str], str], bool],
        embedding: Iterable[str] = (),
        base: str = "",
    ) -> None:
        self.app = app
        self.may_see = may_see
        self.base = base.rstrip("/")
        policy = {**_POLICY, "frame-ancestors": " ".join(["'self'", *embedding])}
        self.headers = {
            **_HEADERS,
            "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "websocket":
            logged_in = self.may_see(cookie_parser(Headers(scope=scope).get("cookie", "")), "")
            await self.app(scope, expected_only(receive, send, logged_in=logged_in), send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Headers(scope=scope)
        encrypted = scope["scheme"] == "https" or request.get("x-forwarded-proto", "") == "https"

        body = _PatientBody(receive)

        async def send_with_headers(message: Message) -> None:
            if body.gave_up:
                return
            if message["type"] == "http.response.start":
                self._complete(MutableHeaders(scope=message), encrypted)
            await send(message)

        path = path_of(scope, self.base)
        if within(path, _CLOSED):
            await PlainTextResponse("Not found.\n", 404)(scope, receive, send_with_headers)
        elif within(path, PRIVATE) and not self.may_see(cookie_parser(request.get("cookie", "")), path):
            await PlainTextResponse("Log in first.\n", 403)(scope, receive, send_with_headers)
        else:
            try:
                await self.app(scope, body, send_with_headers)
            except ClientDisconnect:
                if not body.gave_up:
                    raise
            if body.gave_up:
                await PlainTextResponse("The upload paused for too long, or was too slow.\n", 408)(scope, receive, send)

    def _complete(self, headers: MutableHeaders, encrypted: bool) -> None:
        for name, value in self.headers.items():
            headers.setdefault(name, value)
        if encrypted:
            cookies = headers.getlist("set-cookie")
            del headers["set-cookie"]
            for cookie in cookies:
                secure = any(part.strip().lower() == "secure" for part in cookie.split(";"))
                headers.append("set-cookie", cookie if secure else f"{cookie}; Secure")


class _PatientBody:
    """Receive a request's body, and act as if the client had left if it pauses for too long, or hardly moves."""

    def __init__(self, receive: Receive) -> None:
        self.gave_up = False
        self._receive = receive
        self._complete = False
        self._until = time.monotonic() + _BODY_PAUSE_SECONDS

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            left = min(_BODY_PAUSE_SECONDS, self._until - time.monotonic())
            message = await asyncio.wait_for(self._receive(), max(0.0, left))
        except TimeoutError:
            self.gave_up = True
            return {"type": "http.disconnect"}
        self._until += len(message.get("body", b"")) / _SLOWEST_BYTES_PER_S
        self._complete = message["type"] != "http.request" or not message.get("more_body", False)
        return message


class _OneLine(logging.Filter):
    """Drop the traceback of a warning: a stranger's broken frame is one line in the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record, without its traceback."""
        if record.levelno == logging.WARNING:
            record.exc_info = record.exc_text = None
        return True


def one_line_per_broken_frame() -> None:
    """Shorten what Streamlit logs of frames that it can't read; once, before the server listens."""
    logging.getLogger(_FRAME_LOG).addFilter(_OneLine())


def person_of(cookies: Mapping[str, str]) -> gate.Person | None:
    """Return who sends a request with these cookies; None if it is nobody with a role."""
    try:
        who = gate.person_with(_claims(cookies))
    except FerError:
        return None
    return who if who is not None and who.role >= Role.VIEWER else None


def may_see(cookies: Mapping[str, str], path: str) -> bool:
    """Return whether cookies are those of a person with a role; True if login is off.

    Args:
        cookies: those of the request.
        path: what it asks for, below the app's own path. A picture and an upload are only for the person whose tab they
            belong to.
    """
    who = person_of(cookies)
    if who is None or not who.id:
        return who is not None
    kind, *names = path.strip("/").removeprefix("_stcore/").split("/")
    if kind not in _OF_A_TAB or not names:
        return True
    claims = visitor_of(picture=names[0]) if kind == "media" else visitor_of(session=names[0])
    return claims is not None and gate.is_same(who, claims)


def _claims(cookies: Mapping[str, str]) -> dict[str, Any]:
    """Return what Streamlit signed at login, or {} if there is nothing, or it was changed or has expired."""

    def signed(name: str) -> bytes | None:
        value = cookies.get(name)
        return None if value is None else decode_signed_value(get_cookie_secret(), name, value)

    value = get_cookie_with_chunks(signed, USER_COOKIE_NAME)
    try:
        claims = json.loads(value or b"{}")
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) and claims.get("is_logged_in") is True else {}


def exposure() -> Middleware:
    """Return the middleware with the settings of Streamlit."""
    return Middleware(
        Exposure,
        may_see=may_see,
        embedding=st.get_option("server.corsAllowedOrigins"),
        base=base_path(),
    )
