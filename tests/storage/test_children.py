"""Children that talk through pipes."""

import io
import os
import sys

import pytest

from fer.storage import children
from fer.storage.children import end_child, read_exactly, start_child


def test_a_module_of_this_package_runs_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    child = start_child("fer.vision.heif_child")
    assert child.poll() is None
    end_child(child)
    assert child.poll() is not None
    end_child(child)


def test_bytes_are_read_in_full_or_not_at_all() -> None:
    class Slow(io.RawIOBase):
        """A pipe that gives one byte at a time."""

        def __init__(self, data: bytes) -> None:
            self._rest = data

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            taken, self._rest = self._rest[:1], self._rest[1:]
            buffer[: len(taken)] = taken
            return len(taken)

    data = read_exactly(Slow(b"abcdef"), 4)  # type: ignore[arg-type]
    assert data is not None and data.tobytes() == b"abcd"
    assert read_exactly(Slow(b"abc"), 4) is None  # type: ignore[arg-type]


def test_on_windows_the_child_is_no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    """`sys.executable` of a virtual environment there starts another process, whose memory nobody would watch."""
    monkeypatch.setattr(sys, "executable", "venv/python.exe")
    monkeypatch.setattr(sys, "_base_executable", "base/python.exe", raising=False)
    assert children._interpreter() == ("venv/python.exe", {})
    monkeypatch.setattr(os, "name", "nt")
    assert children._interpreter() == ("base/python.exe", {"__PYVENV_LAUNCHER__": "venv/python.exe"})
    monkeypatch.setattr(sys, "_base_executable", "venv/python.exe")
    assert children._interpreter() == ("venv/python.exe", {})
