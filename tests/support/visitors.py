"""Somebody with an open page, without a browser: what Streamlit's page in a browser asks and sends."""

import socket
import ssl
import uuid
from pathlib import Path

import httpx
from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

from tests.support.tabs import Tab

_PATIENCE_SECONDS = 60
_XSRF = "_streamlit_xsrf"


class Visitor:
    """A visitor of the app on a port of this machine.

    Args:
        port: the port of the app, or of a proxy.
        host: what the visitor's browser calls the app, with its port.
        certificate: that of the proxy; None for an app without HTTPS.

    Attributes:
        status: what the page was answered with, after `open`.
    """

    status: int
    _tab: Tab

    def __init__(self, port: int, host: str, certificate: Path | None = None) -> None:
        self._port = port
        self._host = host
        self._certificate = certificate
        self._tls = None if certificate is None else ssl.create_default_context(cafile=str(certificate))
        self._web = httpx.Client(verify=self._tls or False, timeout=_PATIENCE_SECONDS)

    def open(self) -> "Visitor":
        """Open Home and wait until it is drawn; if the page is refused, only `status` tells it."""
        self.status = self._ask("GET", "/", {"Accept": "text/html"}).status_code
        if self.status == httpx.codes.OK:
            self._ask("GET", "/_stcore/health")
            self._tab = Tab(f"https://{self._host}", self._connect(), {})
            self.draw()
        return self

    def another_tab(self) -> "Visitor":
        """Open Home in another tab of the same browser, with the same cookies."""
        tab = Visitor(self._port, self._host, self._certificate)
        tab._web.cookies.update(self._web.cookies)
        return tab.open()

    @property
    def replica(self) -> str | None:
        """Return the proxy's name for the visitor's replica."""
        return self._cookie("fer_replica")

    @property
    def session(self) -> str:
        """Return the id of the session."""
        return self._tab.session

    def draw(self) -> None:
        """Ask for the page again, and wait until it is drawn.

        Raises:
            websockets.exceptions.ConnectionClosed: the app has ended.
        """
        self._tab.draw()

    def upload(self, port: int | None = None) -> int:
        """Upload a small file, to another port if one is given, and return the status: 204 if it was taken."""
        path = f"/_stcore/upload_file/{self.session}/{uuid.uuid4()}"
        headers = {"X-Xsrftoken": self._cookie(_XSRF) or ""}
        return self._ask("PUT", path, headers, port, {"file": ("a.txt", b"content")}).status_code

    def leave(self) -> None:
        """Close the page."""
        self._tab.socket.close()
        self._web.close()

    def _cookie(self, name: str) -> str | None:
        return next((cookie.value for cookie in self._web.cookies.jar if cookie.name == name), None)

    def _ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        port: int | None = None,
        files: dict[str, tuple[str, bytes]] | None = None,
    ) -> httpx.Response:
        plain = self._tls is None or port is not None
        url = f"{'http' if plain else 'https'}://127.0.0.1:{port or self._port}{path}"
        host = {} if port else {"Host": self._host}
        name = self._host.partition(":")[0]
        cookies = {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._web.cookies.jar)}
        return self._web.request(
            method, url, headers={**cookies, **host, **(headers or {})}, files=files, extensions={"sni_hostname": name}
        )

    def _connect(self) -> ClientConnection:
        raw = socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE_SECONDS)
        scheme = "" if self._tls is None else "s"
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._web.cookies.jar)
        return connect(
            f"ws{scheme}://{self._host}/_stcore/stream",
            sock=raw,
            ssl=self._tls,
            additional_headers={"Origin": f"http{scheme}://{self._host}", "Cookie": cookies},
            subprotocols=[Subprotocol("streamlit")],
            max_size=None,
            proxy=None,
            legacy=True,  # without a block that closes it
        )
