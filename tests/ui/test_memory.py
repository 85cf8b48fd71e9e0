"""Memory that is freed goes back to the operating system. In a process of its own, as glibc's bound can't be undone."""

import os
import subprocess
import sys

import pytest

from fer.ui import memory

# Blocks between which small ones stay, as an analysis leaves them: glibc can't shorten its heap then.
SCRIPT = """
import sys
import numpy as np
import psutil
from fer.ui.memory import give_back, keep_little

if sys.argv[1] == "bounded":
    keep_little()
memory = lambda: psutil.Process().memory_info().rss / 2**20
np.ones(31 * 2**20, np.uint8)  # from now on, glibc takes this for an ordinary size
before, small = memory(), []
large = []
for _ in range(8):
    large.append(np.ones(30 * 2**20, np.uint8))
    small.append(np.ones(100_000, np.uint8))
del large
after = memory() - before
loop = [np.ones(1000, np.uint8) for _ in range(50_000)]
loop.append(loop)
kept = loop[:50_000:500]
del loop
cycle = memory()
give_back()
print(after, cycle - memory())
"""


def measured(how: str) -> tuple[float, float]:
    # Dask sets glibc's bounds in the environment of a process that starts workers, which a test may have done here.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True, env=env)
    after, given_back = map(float, done.stdout.split())
    return after, given_back


@pytest.mark.skipif(memory._glibc() is None, reason="glibc only")
def test_large_blocks_go_back_at_once_and_the_rest_when_asked() -> None:
    after, given_back = measured("bounded")
    assert after < 20, "MB of 240 are left"
    assert given_back > 20, "MB of a list of 50 that refers to itself, of which every 500th is kept"
    assert measured("unbounded")[0] > 100, "this test would notice if the bound did nothing"
