"""Limit how much one address may ask for: pages, sessions, uploads and logins.

The limits are above what a class behind one address needs, whose members log in at the same time and upload hundreds of
photos each. They end what a program does in a loop. What uploads hold is bounded by `fer.ui.received`.

A browser on the server's own machine has none. Behind a proxy, the proxy tells the address (X-Forwarded-For), which is
believed if it comes from this machine, or from what FER_PROXIES names.
"""

import ipaddress
import logging
import math
import os
import time
from collections import Counter, OrderedDict
from dataclasses import astuple, dataclass
from typing import Final, Self

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fer.ui.request_paths import STREAM, base_path, is_page, path_of, within

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Proxies = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

_log = logging.getLogger(__name__)

# Multiplies all limits, where very many people share one address.
_VARIABLE: Final = "FER_RATE_FACTOR"
_LARGEST_FACTOR: Final = 1e6
# Addresses and networks of proxies on other machines, separated by commas.
_PROXIES_VARIABLE: Final = "FER_PROXIES"
_WINDOW_SECONDS: Final = 60.0
# An address that is forgotten starts anew. 20,000 take about 5 MB.
_MOST_ADDRESSES: Final = 20_000
_TOO_MANY: Final = 429
# What one network of IPv6 has; a machine can use any address in it.
_NETWORK_BITS: Final = 64
_LOGIN, _SESSION, _UPLOAD, _PAGE = "logins", "connections", "uploads", "pages"
_PAGE_HTML: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Too many requests</title>'
    '<body style="font-family:sans-serif;max-width:36em;margin:4em auto;line-height:1.5">'
    "<h1>Too many requests</h1><p>Your address has asked for too many {kind} within a minute. Wait {seconds} seconds, "
    "then reload this page.</p></body></html>\n"
)


@dataclass(frozen=True)
class Rates:
    """How often one address may do something within a minute, and how many pages it may have open.

    Attributes:
        logins: requests; a login has two, before and after the provider's page.
        connections: of pages.
        uploads: files.
        pages: opened or reloaded.
        open_pages: connections at the same time.
    """

    logins: int = 120
    connections: int = 120
    uploads: int = 10_000
    pages: int = 240
    open_pages: int = 300

    def times(self, factor: float) -> Self:
        """Return so many times as much of each."""
        return type(self)(*(math.ceil(number * factor) for number in astuple(self)))


class RateLimits:
    """ASGI middleware that refuses what an address asks for too often, with 429 and when to try again.

    Args:
        app: what answers otherwise.
        rates: how much is too much.
        base: the path below which the app is served; '' for none.
        proxies: where proxies are that tell whose request it is, apart from this machine.
    """

    def __init__(self, app: ASGIApp, rates: Rates | None = None, base: str = "", proxies: Proxies = ()) -> None:
        self.app = app
        self.rates = rates or Rates()
        self.base = base
        self.proxies = proxies
        self._asked: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        kind = self._kind_of(scope) if scope["type"] in ("http", "websocket") else None
        address = address_of(scope, self.proxies) if kind is not None else None
        if kind is None or address is None:
            await self.app(scope, receive, send)
            return
        seconds = self._wait(kind, address)
        if seconds:
            await _refuse(kind, seconds, scope, receive, send)
        elif kind == _SESSION:
            await self._connect(address, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _connect(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._open[address] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]

    def _kind_of(self, scope: Scope) -> str | None:
        path = path_of(scope, self.base)
        if scope["type"] == "websocket":
            return _SESSION if path == STREAM else None
        if within(path, ("/auth/login", "/oauth2callback")):
            return _LOGIN
        if scope["method"] == "PUT" and within(path, ("/_stcore/upload_file",)):
            return _UPLOAD
        return _PAGE if is_page(scope, path) else None

    def _wait(self, kind: str, address: str) -> int:
        """Count a request, and return the seconds until there may be another; 0 if this one may be answered."""
        if kind == _SESSION and self._open[address] >= self.rates.open_pages:
            return int(_WINDOW_SECONDS)
        now, key = time.monotonic(), (kind, address)
        began, number = self._asked.get(key, (now, 0))
        if now - began >= _WINDOW_SECONDS:
            began, number = now, 0
            del self._asked[key]
        self._asked[key] = began, number + 1
        # The first has the oldest window.
        while len(self._asked) > _MOST_ADDRESSES:
            self._asked.popitem(last=False)
        limit: int = getattr(self.rates, kind)
        if number == limit:
            _log.warning("An address asked for more than %d %s within a minute", limit, kind)
        return 0 if number < limit else max(1, round(began + _WINDOW_SECONDS - now))


def address_of(scope: Scope, proxies: Proxies = ()) -> str | None:
    """Return whose request this is: an IPv4 address or an IPv6 network. None is this machine's own browser.

    Args:
        scope: the request's.
        proxies: where proxies are that are believed, apart from this machine.
    """
    client = scope.get("client")
    address = _parsed(client[0] if client else "")
    forwarded = [one for line in Headers(scope=scope).getlist("x-forwarded-for") for one in line.split(",")]
    if not forwarded and address is not None and address.is_loopback:
        return None
    # Each proxy adds at the end whose request it got; what comes before may have been sent by the visitor.
    while forwarded and _is_proxy(address, proxies) and (told := _parsed(forwarded.pop())) is not None:
        address = told
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))
    return str(address)


def _is_proxy(address: Address | None, proxies: Proxies) -> bool:
    return address is not None and (address.is_loopback or any(address in network for network in proxies))


def _parsed(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


async def _refuse(kind: str, seconds: int, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    text = _PAGE_HTML.format(kind=kind, seconds=seconds)
    answer = HTMLResponse(text, _TOO_MANY, {"Retry-After": str(seconds), "Cache-Control": "no-store"})
    await answer(scope, receive, send)


def rate_limits() -> Middleware:
    """Return the middleware with the settings of Streamlit."""
    return Middleware(
        RateLimits,
        rates=Rates().times(_factor(os.environ.get(_VARIABLE, ""))),
        base=base_path(),
        proxies=_proxies(os.environ.get(_PROXIES_VARIABLE, "")),
    )


def _proxies(text: str) -> Proxies:
    """Return a setting's addresses and networks. Anything else in it is named in the log, and left out."""
    found = []
    for name in filter(None, (part.strip() for part in text.split(","))):
        try:
            found.append(ipaddress.ip_network(name, strict=False))
        except ValueError:
            _log.error("%s: '%.50s' isn't an address or a network, so it is left out", _PROXIES_VARIABLE, name)
    return tuple(found)


def _factor(text: str) -> float:
    """Return a setting's factor; 1, with a line in the log, if it isn't a number above 0."""
    try:
        factor = float(text or 1)
    except ValueError:
        factor = 0.0
    if not 0 < factor < _LARGEST_FACTOR:
        _log.error("%s=%.50s isn't a number above 0, so the limits per address stay as they are", _VARIABLE, text)
        return 1.0
    return factor
