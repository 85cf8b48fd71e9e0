"""Processes that a test leaves behind, apart from those of tests before it in the same process."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def no_child_left(what: str = "") -> Iterator[None]:
    """Check that every process that was started inside has ended. Python's resource tracker may be there before."""
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before, what
