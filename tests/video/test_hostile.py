"""Hostile files: refused or read soon, without opening anything else, and without a process left."""

import ctypes
import json
import os
import random
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fer.errors import VideoError
from fer.video.reader import VideoReader
from fer.video.wire import Request
from tests.support.children import no_child_left
from tests.support.clips import Clip, moving_portrait
from tests.support.hostile_videos import bombs, containers, disguised, follows

# Seconds of processor time, which neighbours on the machine don't change. Half of it is the start of the child.
MOST_SECONDS = 2.0
SENTENCE_END = (".", "Choose a video.")


def read(path: Path) -> int:
    """Read a file and return the number of frames, 0 if it is refused. Check the time it takes and what it leaves."""
    before, n_frames = os.times(), 0
    with no_child_left(path.name):
        try:
            with VideoReader(Request(str(path))) as reader:
                n_frames = sum(1 for _ in reader.frames())
        except VideoError as error:
            assert str(error).endswith(SENTENCE_END), str(error)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    assert used < MOST_SECONDS, path.name
    return n_frames


class Opened:
    """Tells how often files of a folder were opened (Linux)."""

    _OPEN, _NONBLOCK = 0x20, 0o4000

    def __init__(self, folder: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._file = self._libc.inotify_init1(self._NONBLOCK)
        assert self._libc.inotify_add_watch(self._file, str(folder).encode(), self._OPEN) >= 0

    def count(self, name: str) -> int:
        """Return the number of times a file was opened since the last call."""
        try:
            data = os.read(self._file, 1 << 16)
        except BlockingIOError:
            return 0
        count = 0
        while data:
            length = struct.unpack_from("iIII", data)[3]
            count += data[16 : 16 + length].rstrip(b"\0").decode() == name
            data = data[16 + length :]
        return count


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def called(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="watches files with inotify")
def test_files_that_name_others_are_refused_and_open_nothing(tmp_path: Path) -> None:
    canary = Clip().write(tmp_path / "canary.mp4", moving_portrait(3))
    opened = Opened(tmp_path)
    with listening() as server:
        paths = list(disguised(tmp_path, canary, server.getsockname()[1]))
        opened.count(canary.name)
        for path in paths:
            assert read(path) == 0, path.name
            assert opened.count(canary.name) == 0, path.name
            assert not called(server), path.name
        # The check itself works: FFmpeg follows the list by default.
        follows(tmp_path / "ffconcat-safe.mov")
        assert opened.count(canary.name) > 0


def test_bombs_are_refused_or_read_as_far_as_they_go(tmp_path: Path) -> None:
    frames = {path.name: read(path) for path in bombs(tmp_path)}
    assert frames["jpeg.mkv"] == frames["png.mov"] == frames["raw.avi"] == 0
    assert max(frames.values()) <= 30


@pytest.mark.parametrize("suffix", [".mp4", "-fast.mp4", ".mkv", ".webm", ".avi"])
def test_truncation_at_every_tenth(tmp_path: Path, suffix: str) -> None:
    data = containers(tmp_path)[suffix]
    frames = []
    for tenth in range(1, 10):
        path = tmp_path / f"cut-{tenth}{suffix}"
        path.write_bytes(data[: len(data) * tenth // 10])
        frames.append(read(path))
    assert frames == sorted(frames) and frames[-1] <= 20
    if suffix != ".mp4":
        assert frames[4] > 0


_FLIPS = """
import json, sys, time
from pathlib import Path
from fer.errors import VideoError
from fer.video.child import import_all
from fer.video.decode import VideoDecoder
from fer.video.wire import Request
import_all()
for path in sys.argv[1:]:
    began, n_frames = time.process_time(), 0
    try:
        n_frames = sum(1 for _ in VideoDecoder(Request(path)).frames())
    except VideoError:
        pass
    print(json.dumps([n_frames, time.process_time() - began]), flush=True)
"""


def flipped(data: bytes, seed: int) -> bytes:
    """Return a file with one to eight bytes changed, half of them in the first kilobyte, where headers are."""
    chance = random.Random(seed)
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(min(1024, len(data)) if chance.random() < 0.5 else len(data))] = chance.randrange(256)
    return bytes(changed)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_1000_files_with_flipped_bytes(tmp_path: Path) -> None:
    """In one process for each container, so that the test takes a minute. A crash would end that process."""
    for number, (suffix, data) in enumerate(containers(tmp_path).items()):
        paths = []
        for index in range(200):
            path = tmp_path / f"flipped-{index}{suffix}"
            path.write_bytes(flipped(data, seed=1000 * number + index))
            paths.append(str(path))
        done = subprocess.run(
            [sys.executable, "-c", _FLIPS, *paths],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        results = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(results) == len(paths), (paths[len(results)], done.stderr[-500:])
        slowest = max(range(len(paths)), key=lambda index: results[index][1])
        assert results[slowest][1] < MOST_SECONDS, paths[slowest]
        assert sum(n_frames > 0 for n_frames, _ in results) > 50


def test_flipped_bytes_in_the_process_that_users_have(tmp_path: Path) -> None:
    data = containers(tmp_path)["-fast.mp4"]
    for seed in range(20):
        path = tmp_path / f"flipped-{seed}.mp4"
        path.write_bytes(flipped(data, seed))
        assert read(path) <= 20
