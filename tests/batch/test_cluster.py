"""Ctrl+C while workers start, as Dask doesn't close cleanly what has started halfway; where its dashboard is."""

import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from fer.batch.cluster import _dashboard, _interrupted_later

_IS_BLOCKED = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows has no signal mask")
def test_ctrl_c_is_put_off_until_the_block_ends_and_children_do_not_see_it() -> None:
    before, children = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt), _interrupted_later():
        os.kill(os.getpid(), signal.SIGINT)
        done = subprocess.run([sys.executable, "-c", _IS_BLOCKED], capture_output=True, text=True, check=True)
        children.append(done.stdout)
    assert children == ["True\n"]
    assert signal.getsignal(signal.SIGINT) == before
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


class _OnlyStatus(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/status" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_dashboard_is_named_only_if_it_answers() -> None:
    with HTTPServer(("127.0.0.1", 0), _OnlyStatus) as server:
        link = f"http://127.0.0.1:{server.server_port}/status"
        answering = threading.Thread(target=server.serve_forever)
        answering.start()
        # A scheduler that was started with --no-dashboard has a web server all the same.
        found = [_dashboard(SimpleNamespace(dashboard_link=one)) for one in (link, f"{link}-of-nothing")]
        server.shutdown()
        answering.join()
    assert found == [link, None]
    assert _dashboard(SimpleNamespace(dashboard_link=link)) is None, "nothing listens there any more"
    assert _dashboard(SimpleNamespace(dashboard_link=None)) is None
