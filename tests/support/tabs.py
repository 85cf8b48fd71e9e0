"""A tab without a browser: a program that speaks Streamlit's protocol, with any cookies it likes."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value, generate_xsrf_token_string
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.support.serving import Server

_USER, _XSRF = "_streamlit_user", "_streamlit_xsrf"


def login_cookie(claims: Mapping[str, object], origin: str, secret: str, signed_as: str = _USER) -> dict[str, str]:
    """Return the cookie that a login leaves, or one whose signature is for another name."""
    value = json.dumps({**claims, "origin": origin, "is_logged_in": True, "provider": "default"})
    return {_USER: create_signed_value(secret, signed_as, value).decode()}


@dataclass(frozen=True)
class Tab:
    """An open tab: its connection, the cookies with which it asks for files, and what was drawn on it."""

    url: str
    socket: ClientConnection
    cookies: Mapping[str, str]
    drawn: list[ForwardMsg] = field(default_factory=list)

    @property
    def session(self) -> str:
        return next(one.new_session.initialize.session_id for one in self.drawn if one.HasField("new_session"))

    def draw(self) -> None:
        """Ask for the page, anew if it was drawn before, and wait until it is drawn."""
        start = BackMsg()
        start.rerun_script.SetInParent()
        self.drawn.clear()
        self.send(start)
        self.receive_until("script_finished")

    def send(self, message: BackMsg) -> None:
        self.socket.send(message.SerializeToString())

    def receive_until(self, kind: str) -> ForwardMsg:
        """Return the next message of a kind, such as 'script_finished'."""
        while True:
            frame = self.socket.recv(timeout=60)
            assert isinstance(frame, bytes)
            message = ForwardMsg.FromString(frame)
            self.drawn.append(message)
            if message.WhichOneof("type") == kind:
                return message

    def pictures(self) -> list[str]:
        """Return the addresses of the pictures that were drawn."""
        elements = [one.delta.new_element for one in self.drawn if one.HasField("delta")]
        return [picture.url for element in elements for picture in element.imgs.imgs]

    def request(self, method: str, path: str, cookies: Mapping[str, str] | None = None) -> int:
        """Ask for a path and return the status; an upload has a token and a file, as a page's has."""
        cookies = self.cookies if cookies is None else cookies
        token = generate_xsrf_token_string()
        headers = {"Cookie": _cookie_header({**cookies, _XSRF: token}), "X-Xsrftoken": token}
        files = {"file": ("a.jpg", b"a photo", "image/jpeg")} if method == "PUT" else None
        return httpx.request(method, self.url + path, headers=headers, files=files, timeout=30).status_code


@contextmanager
def open_tab(server: Server, cookies: Mapping[str, str], session: str = "") -> Iterator[Tab]:
    """Open Home in a new tab, wait until it is drawn, and close it when the block ends.

    Args:
        server: the app.
        cookies: such as those of `login_cookie`.
        session: the id of a session to come back to.
    """
    token = generate_xsrf_token_string()
    with connect(
        f"ws://{server.url.removeprefix('http://')}/_stcore/stream",
        origin=Origin(server.url),
        additional_headers={"Cookie": _cookie_header({**cookies, _XSRF: token})},
        subprotocols=[Subprotocol(part) for part in ("streamlit", token, session) if part],
        max_size=None,
        proxy=None,
    ) as socket:
        tab = Tab(server.url, socket, cookies)
        tab.draw()
        yield tab


def _cookie_header(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())
