"""What the server takes from a browser's WebSocket: what pages send, and none of Streamlit's tools for developers.

Without this, whoever can reach the server could empty everyone's caches ('clear_cache') and read the names of files in
the program's folder ('load_git_info'), before login too.
"""

import logging
from typing import Final

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from starlette.types import Message, Receive, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.runtime_util import get_max_widget_state_size_bytes

_log = logging.getLogger(__name__)

_UNSUPPORTED_DATA: Final = 1003
# Draw the page, which is where the gate asks for a login; stay connected; stop drawing.
_BEFORE_LOGIN: Final = frozenset({"rerun_script", "app_heartbeat", "stop_script"})
# Where to upload a file, and make a download.
_AFTER_LOGIN: Final = _BEFORE_LOGIN | {"file_urls_request", "backend_operation_request"}


def expected_only(receive: Receive, send: Send, *, logged_in: bool) -> Receive:
    """Return what passes on a WebSocket's expected messages and drops the others.

    A text frame closes the connection: pages send none, and Streamlit would log a traceback.

    Args:
        receive: what the connection receives.
        send: what it sends.
        logged_in: whether it belongs to a person with a role; True if login is off.
    """
    expected = _AFTER_LOGIN if logged_in else _BEFORE_LOGIN

    async def receive_expected() -> Message:
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            frame = message.get("bytes")
            if frame is None:
                _log.warning("A connection was closed because it sent a text frame")
                await send({"type": "websocket.close", "code": _UNSUPPORTED_DATA, "reason": ""})
                return {"type": "websocket.disconnect", "code": _UNSUPPORTED_DATA}
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
