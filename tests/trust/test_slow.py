"""Clients that hang: what they hold is freed, whoever waits for what."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from tests.support.serving import Server, running_app

STREAM = "/_stcore/stream"
_PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the app with a page's patience of five seconds instead of thirty."""
    folder = tmp_path_factory.mktemp("server")
    with running_app(folder, folder / "server.log", {"STREAMLIT_SERVER_WEBSOCKET_PING_INTERVAL": "5"}) as server:
        yield server


def connected(server: Server) -> socket.socket:
    """Return a page's connection that has asked for Home many times, and reads nothing."""
    address = server.url.removeprefix("http://")
    host, port = address.split(":")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(_PATIENCE_SECONDS)
    raw.connect((host, int(port)))
    protocol = ClientProtocol(parse_uri(f"ws://{address}{STREAM}"), max_size=None)
    protocol.send_request(protocol.connect())
    raw.sendall(b"".join(protocol.data_to_send()))
    while protocol.state.name == "CONNECTING":
        received = raw.recv(1000)
        assert received, "the server refused the connection"
        protocol.receive_data(received)
    assert protocol.handshake_exc is None
    message = BackMsg()
    message.rerun_script.query_string = ""
    for _ in range(20):
        protocol.send_binary(message.SerializeToString())
    raw.sendall(b"".join(protocol.data_to_send()))
    return raw


def holds(server: Server, raw: socket.socket) -> bool:
    """Return whether the server has the other end of a connection open."""
    mine = raw.getsockname()[1]
    return any(one.raddr and one.raddr.port == mine for one in psutil.Process(server.pid).net_connections("tcp"))


def test_a_page_that_never_reads_is_disconnected(server: Server, tmp_path: Path) -> None:
    connections: list[socket.socket] = []
    try:
        for _ in range(5):
            connections.append(connected(server))
            assert holds(server, connections[-1])
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while any(holds(server, one) for one in connections):
            assert time.monotonic() < deadline, "the server still has it"
            time.sleep(0.2)
    finally:
        for one in connections:
            one.close()
    assert not server.complaints()
