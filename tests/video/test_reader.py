"""The child process: its limits, and that it ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fer.errors import VideoError
from fer.storage.children import end_child, start_child
from fer.text import MB
from fer.video import reader as module
from fer.video.reader import VideoReader
from fer.video.wire import Request
from tests.support.clips import Clip, plain


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return Clip().write(tmp_path / "clip.mp4", plain(60, 640, 480))


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_the_child_ends_with_the_block_also_in_the_middle(clip: Path) -> None:
    with VideoReader(Request(str(clip))) as reader:
        pid = reader._process.pid
        assert next(reader.frames()).number == 0
        assert psutil.Process(pid).is_running()
    assert gone(pid)


def test_the_child_ends_after_an_exception(clip: Path) -> None:
    reader = VideoReader(Request(str(clip)))
    with pytest.raises(RuntimeError), reader:
        raise RuntimeError
    assert gone(reader._process.pid)


def test_a_child_that_takes_too_much_memory_is_stopped(clip: Path) -> None:
    reader = VideoReader(Request(str(clip)), max_memory=MB)
    with pytest.raises(VideoError, match="takes more than 1 MB of memory"), reader:
        while True:
            reader._check_memory()
    assert gone(reader._process.pid)


def test_the_memory_of_a_child_does_not_grow_with_the_video(tmp_path: Path) -> None:
    clip = Clip().write(tmp_path / "clip.mp4", plain(80, 1280, 720))
    memory = {}
    with VideoReader(Request(str(clip))) as reader:
        for frame in reader.frames():
            # It is at most some frames ahead.
            memory[frame.number] = reader._watched.memory_info().rss if frame.number in (25, 65) else 0
    # A frame in YUV has 1.4 MB.
    assert memory[65] - memory[25] < 10 * MB


def test_a_silent_child_is_stopped(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sleeping(module_name: str, argument: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    monkeypatch.setattr(module, "start_child", sleeping)
    reader = VideoReader(Request(str(clip)), silent_seconds=1)
    with pytest.raises(VideoError, match="a frame took more than 1 s"):
        reader.open()
    assert gone(reader._process.pid)


def test_a_child_that_talks_nonsense_is_a_damaged_file(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def babbling(module_name: str, argument: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", "print('x' * 100_000)"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    monkeypatch.setattr(module, "start_child", babbling)
    with pytest.raises(VideoError, match="stopped unexpectedly"):
        VideoReader(Request(str(clip))).open()


def test_frames_read_before_the_child_dies_are_kept(clip: Path) -> None:
    with VideoReader(Request(str(clip))) as reader:
        frames = []
        for frame in reader.frames():
            frames.append(frame)
            if frame.number == 3:
                reader._process.kill()
    assert 4 <= len(frames) < 60
    assert reader.notes[0].startswith(f"Only the first {len(frames)} frames were analysed.")


def test_the_child_ends_with_its_parent(clip: Path) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\n"
            "from fer.video.reader import VideoReader\nfrom fer.video.wire import Request\n"
            f"reader = VideoReader(Request({str(clip)!r}))\nreader.open()\n"
            "print(reader._process.pid, flush=True)\ntime.sleep(600)",
        ],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while not gone(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(child)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of the operating system")
def test_the_child_cannot_open_a_second_file_or_take_all_memory() -> None:
    program = (
        "import sys\nfrom fer.video import child\nchild.import_all()\nchild.restrict(n_files=1)\n"
        "first = open(sys.executable, 'rb')\n"
        "try:\n    open(sys.executable, 'rb')\nexcept OSError as error:\n    print(error.errno)\n"
        "try:\n    bytearray(3_000_000_000)\nexcept MemoryError:\n    print('memory')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["24", "memory"]


def test_a_child_that_is_already_gone_can_be_ended() -> None:
    process = start_child("fer.video.child", "no request")
    process.wait(60)
    end_child(process)
    assert process.returncode
    process.stdout.close()
