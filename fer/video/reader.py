"""Read the frames of a video from its own process, which is stopped when it takes too long or too much."""

import contextlib
import json
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import psutil

from fer.arrays import Image
from fer.errors import VideoError
from fer.storage.children import end_child, read_exactly, start_child
from fer.text import MB
from fer.video.limits import MAX_MEMORY, MAX_PIXELS, SILENT_SECONDS
from fer.video.wire import DONE, FAILED, FRAME, HEADER, INFO, DecodedFrame, Request, VideoInfo

# Frames that wait between the processes: enough to overlap, and at most 150 MB.
_MOST_WAITING: Final = 4
_POLL_SECONDS: Final = 0.25
# A message's JSON is some hundred bytes.
_MOST_JSON: Final = 1_000_000


class VideoReader:
    """Decode one file in a child process, from `open`, or the beginning of a with block, to `close`.

    Args:
        request: which file, and which of its frames.
        max_memory: bytes that the child may take.
        silent_seconds: seconds that the child may take for a frame.
    """

    def __init__(
        self, request: Request, *, max_memory: int = MAX_MEMORY, silent_seconds: float = SILENT_SECONDS
    ) -> None:
        self._request = request
        self._max_memory = max_memory
        self._silent_seconds = silent_seconds
        self._messages: queue.Queue[tuple[bytes, dict[str, Any], Image | None] | None] = queue.Queue(_MOST_WAITING)
        self._closing = threading.Event()
        self.info: VideoInfo
        self.notes: tuple[str, ...] = ()

    def open(self) -> None:
        """Start the child and wait for the first frame.

        Raises:
            VideoError: the file can't be found or read.
        """
        check_file(Path(self._request.path))
        self._process = start_child("fer.video.child", self._request.to_text())
        self._watched = psutil.Process(self._process.pid)
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()
        try:
            kind, values, _ = self._next()
            if kind != INFO:
                raise _crashed()
            self.info = VideoInfo.from_dict(values)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child and its thread. A second call does nothing."""
        self._closing.set()
        end_child(self._process)
        # The thread may be waiting for room.
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self._messages.get(timeout=_POLL_SECONDS)
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def frames(self) -> Iterator[DecodedFrame]:
        """Yield every decoded frame in the order of presentation. Afterwards, `notes` says what was wrong.

        A file whose rest can't be read ends early, with a note.

        Raises:
            VideoError: no frame could be read.
        """
        n_frames = 0
        while True:
            try:
                kind, values, picture = self._next()
            except VideoError as error:
                if n_frames == 0:
                    raise
                self.notes = (f"Only the first {n_frames:,} frames were analysed. {error}",)
                return
            if kind == DONE:
                self.notes = tuple(values["notes"])
                return
            yield DecodedFrame(values["number"], values["pts"], values["time_s"], values["analyse"], picture)
            n_frames += 1

    def _next(self) -> tuple[bytes, dict[str, Any], Image | None]:
        """Return the next message, or stop the child if it takes too long or too much memory."""
        began = time.monotonic()
        while True:
            try:
                message = self._messages.get(timeout=_POLL_SECONDS)
                break
            except queue.Empty:
                if time.monotonic() - began > self._silent_seconds:
                    raise VideoError(
                        f"The video was stopped because a frame took more than {self._silent_seconds:.0f} s to decode."
                    ) from None
            self._check_memory()
        if message is None:
            raise _crashed()
        if message[0] == FAILED:
            reason = message[1]["reason"]
            raise self._too_much() if reason == "memory" else VideoError(reason)
        return message

    def _check_memory(self) -> None:
        with contextlib.suppress(psutil.Error):
            if self._watched.memory_info().rss > self._max_memory:
                raise self._too_much()

    def _too_much(self) -> VideoError:
        return VideoError(
            f"The video was stopped because decoding it takes more than {self._max_memory // MB:,} MB of memory; "
            "make it smaller."
        )

    def _receive(self) -> None:
        """Pass messages on, until the child ends. Runs in its own thread."""
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            while not self._closing.is_set() and (message := _message(self._process.stdout)) is not None:
                self._put(message)
        self._put(None)

    def _put(self, message: tuple[bytes, dict[str, Any], Image | None] | None) -> None:
        while not self._closing.is_set():
            try:
                self._messages.put(message, timeout=_POLL_SECONDS)
                return
            except queue.Full:
                self._check_memory_quietly()

    def _check_memory_quietly(self) -> None:
        try:
            self._check_memory()
        except VideoError:
            self._process.kill()


def check_file(path: Path) -> None:
    """Refuse what isn't a file with something in it.

    Raises:
        VideoError: there is no such file, or it's empty, a folder or a device.
    """
    try:
        if not path.exists():
            raise VideoError(f"There is no file '{path}'; check the name.")
        if not path.is_file():
            raise VideoError(f"'{path}' isn't a file; choose a video file.")
        if path.stat().st_size == 0:
            raise VideoError("This file is empty; copy it again.")
    except (OSError, ValueError) as error:
        raise VideoError(f"'{path}' can't be opened ({error}); check the name and its permissions.") from error


def _message(stream: IO[bytes]) -> tuple[bytes, dict[str, Any], Image | None] | None:
    """Return the next message, or None at the end. Nothing is trusted, as the child handles a stranger's file."""
    header = read_exactly(stream, HEADER.size)
    if header is None:
        return None
    kind, n_json, n_pixels = HEADER.unpack(header.data)
    if n_json > _MOST_JSON:
        return None
    text = read_exactly(stream, n_json)
    values = json.loads(text.tobytes()) if text is not None else None
    if not isinstance(values, dict):
        return None
    if kind != FRAME or not n_pixels:
        return kind, values, None
    height, width = values["height"], values["width"]
    if n_pixels != 3 * height * width or n_pixels > 3 * MAX_PIXELS * 4:
        return None
    pixels = read_exactly(stream, n_pixels)
    return None if pixels is None else (kind, values, pixels.reshape(height, width, 3))


def _crashed() -> VideoError:
    return VideoError("This video couldn't be decoded: the decoder stopped unexpectedly. The file is probably damaged.")
