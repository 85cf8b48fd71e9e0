"""Processes as in another container: they see only each other, and their numbers start from 1."""

import functools
import subprocess
import sys

import pytest

# A user of its own lets it work without root, where the system allows that.
_WORDS = ("unshare", "--user", "--map-root-user", "--fork", "--pid", "--mount-proc", "--kill-child")


def elsewhere() -> list[str]:
    """Return the words that run a command in another container; skip the test where that isn't possible."""
    if not _possible():
        pytest.skip("this system can't make a namespace of processes")
    return list(_WORDS)


@functools.cache
def _possible() -> bool:
    if sys.platform != "linux":
        return False
    try:
        return subprocess.run([*_WORDS, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
