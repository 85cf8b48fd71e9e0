"""What the server takes from a browser's WebSocket: what pages send, and none of Streamlit's tools for developers.

Without this, whoever can reach the server could empty everyone's caches ('clear_cache') and read the names of files in
the program's folder ('load_git_info'), before login too. And a program that asks a thousand times at once for its page
would keep the server from answering anyone else for seconds.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from starlette.types import Message, Receive, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.runtime_util import get_max_widget_state_size_bytes

_log = logging.getLogger(__name__)

_UNSUPPORTED_DATA: Final = 1003
_POLICY_VIOLATION: Final = 1008
# Draw the page, which is where the gate asks for a login; stay connected; stop drawing.
_BEFORE_LOGIN: Final = frozenset({"rerun_script", "app_heartbeat", "stop_script"})
# Where to upload a file, and make a download.
_AFTER_LOGIN: Final = _BEFORE_LOGIN | {"file_urls_request", "backend_operation_request"}


class Pace:
    """How fast messages are taken: some at once, and further ones at a steady rate.

    Args:
        at_once: how many needn't wait after a pause.
        per_second: how many follow, and how fast the allowance comes back.
        clock: returns monotonic seconds.
    """

    def __init__(self, at_once: int, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once, self._per_second, self._clock = at_once, per_second, clock
        self._left, self._counted_s = float(at_once), clock()

    def wait_s(self) -> float:
        """Count a message, and return the seconds until it may be taken."""
        now = self._clock()
        self._left = min(self._at_once, self._left + (now - self._counted_s) * self._per_second) - 1
        self._counted_s = now
        return max(0.0, -self._left / self._per_second)


def expected_only(receive: Receive, send: Send, *, logged_in: bool) -> Receive:
    """Return what passes on a WebSocket's expected messages, and drops the others.

    A text frame closes the connection: pages send none, and Streamlit would log a traceback. So do more messages before
    login than a page sends; after it, they wait.

    Args:
        receive: what the connection receives.
        send: what it sends.
        logged_in: whether it belongs to a person with a role; True if login is off.
    """
    # A page asks once to be drawn, and once for the button; later, for each uploaded photo, and while a slider moves.
    expected, pace = (_AFTER_LOGIN, Pace(200, 50)) if logged_in else (_BEFORE_LOGIN, Pace(20, 0.2))

    async def closed(code: int, why: str) -> Message:
        _log.warning("A connection was closed because it sent %s", why)
        await send({"type": "websocket.close", "code": code, "reason": ""})
        return {"type": "websocket.disconnect", "code": code}

    async def receive_expected() -> Message:
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            wait_s = pace.wait_s()
            if wait_s and not logged_in:
                return await closed(_POLICY_VIOLATION, "too many messages before login")
            # Meanwhile others are answered, and uvicorn reads nothing more from this connection.
            await asyncio.sleep(wait_s)
            frame = message.get("bytes")
            if frame is None:
                return await closed(_UNSUPPORTED_DATA, "a text frame")
            if _is_expected(frame, expected):
                return message

    return receive_expected


def _is_expected(frame: bytes, expected: frozenset[str]) -> bool:
    # Streamlit closes the connection on what is too large or can't be read.
    if len(frame) > get_max_widget_state_size_bytes():
        return True
    message = BackMsg()
    try:
        message.ParseFromString(frame)
    except DecodeError:
        return True
    return message.WhichOneof("type") in expected
