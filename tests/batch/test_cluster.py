"""Ctrl+C while workers start: Dask doesn't close cleanly what has started halfway."""

import os
import signal
import subprocess
import sys

import pytest

from fer.batch.cluster import _interrupted_later

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
