"""Decode one video file, frame by frame. Only the child process calls this."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Final

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fer.errors import VideoError
from fer.video.limits import (
    MAX_DAMAGED_IN_A_ROW,
    MAX_PIXELS,
    OPEN_OPTIONS,
    OPEN_SECONDS,
    READ_SECONDS,
)
from fer.video.picture import Pictures
from fer.video.timestamps import FrameClock
from fer.video.wire import DecodedFrame, Request, VideoInfo

_CONVERT: Final = "convert it to MP4 with H.264, for example with HandBrake"
# AVFieldOrder: progressive is 1, unknown 0.
_FIRST_INTERLACED: Final = 2
# A file whose frames end this much before its stated length is incomplete.
_MISSING_SECONDS: Final = 0.5
_MISSING_SHARE: Final = 0.02
_TAG_SECONDS: Final = re.compile(r"(\d{1,4}):(\d\d):(\d\d\.\d+)")
_DEFAULT_RATE: Final = Fraction(25)
_LOWEST_RATE, _HIGHEST_RATE = Fraction(1, 60), Fraction(1000)


class VideoDecoder:
    """One open video.

    Args:
        request: which file, and which of its frames.

    Raises:
        VideoError: the file isn't a video that can be read.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._container = open_strangers(request.path)
        self._stream = _video_stream(self._container)
        self._stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        # With one thread, damaged frames look the same every time.
        self._stream.codec_context.thread_count = 1
        self._time_base = self._stream.time_base or Fraction(1, 1000)
        step = round(1 / (_rate(self._stream) * self._time_base))
        # AVI stores when frames are decoded, so its first picture may be shown later than the stated start.
        start = None if self._container.format.name == "avi" else self._stream.start_time
        self._clock = FrameClock(self._time_base, start, step)
        interlaced = self._stream.codec_context.field_order >= _FIRST_INTERLACED
        self._pictures = Pictures(self._stream.sample_aspect_ratio, self._time_base, interlaced=interlaced)
        self._waiting: deque[DecodedFrame] = deque()
        self._next_s = 0.0
        self._n_frames = 0
        self._n_damaged = 0

    def info(self) -> VideoInfo:
        """Return what is known about the video, once the first frame is decoded."""
        assert self._pictures.size is not None
        sound = next(iter(self._container.streams.audio), None)
        length = self._container.duration
        seconds = self._stated_seconds() or (length / av.time_base if length else None)
        n_frames = self._stream.frames or (round(seconds * _rate(self._stream)) if seconds else 0)
        return VideoInfo(
            *self._pictures.size,
            self._time_base,
            seconds,
            n_frames or None,
            sound.codec_context.codec.canonical_name if sound else None,
        )

    def frames(self) -> Iterator[DecodedFrame]:
        """Yield all frames that can be decoded, in the order of presentation.

        Raises:
            VideoError: no frame can be decoded.
        """
        for frame in self._decoded():
            yield from self._shown(frame)
        yield from self._placed(self._pictures.flush())
        if not self._n_frames:
            raise VideoError(f"This video has no readable frames; {_CONVERT}.")

    def notes(self) -> list[str]:
        """Return sentences about what was wrong with the file, after the last frame."""
        notes = []
        expected, got = self._stated_seconds(), self._clock.end_s
        if expected and expected - got > max(_MISSING_SECONDS, _MISSING_SHARE * expected):
            notes.append(f"The file is incomplete or damaged: {got:.1f} of {expected:.1f} s could be read.")
        if self._n_damaged:
            notes.append(f"Damaged parts of the file were skipped ({self._n_damaged:,}).")
        if self._clock.n_estimated:
            notes.append(f"Frames without a usable timestamp have an estimated time ({self._clock.n_estimated:,}).")
        if self._pictures.distorted:
            notes.append("The stated shape of the pixels is implausible, so they were taken as square.")
        return notes

    def _decoded(self) -> Iterator[VideoFrame]:
        """Yield the frames of all packets, without those that are damaged."""
        in_a_row = 0
        packets = self._container.demux(self._stream)
        while in_a_row < MAX_DAMAGED_IN_A_ROW:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                for frame in packet.decode():
                    in_a_row = 0
                    if isinstance(frame, VideoFrame):
                        yield frame
            except av.error.ExitError:
                # A timeout.
                self._n_damaged += 1
                return
            except av.error.FFmpegError as error:
                if isinstance(error, av.error.ArgumentError) and not self._n_frames:
                    raise VideoError(_too_large(self._stream)) from error
                self._n_damaged += 1
                in_a_row += 1

    def _shown(self, frame: VideoFrame) -> Iterator[DecodedFrame]:
        pts = self._clock.next(frame.pts, frame.dts, frame.duration)
        time_s = self._clock.seconds(pts)
        number, analyse = self._n_frames, self._is_due(time_s)
        self._n_frames += 1
        self._waiting.append(DecodedFrame(number, pts, time_s, analyse, None))
        # A deinterlacer needs the neighbours of a frame.
        if self._wants_pixels(analyse) or self._pictures.interlaced or number == 0:
            yield from self._placed(self._pictures.push(frame))
        else:
            yield self._waiting.popleft()

    def _placed(self, pictures: Iterator[npt.NDArray[np.uint8]]) -> Iterator[DecodedFrame]:
        for picture in pictures:
            placed = self._waiting.popleft()
            yield replace(placed, image_bgr=picture) if self._wants_pixels(placed.analyse) else placed

    def _wants_pixels(self, analyse: bool) -> bool:
        return analyse or self._request.skipped_pixels

    def _is_due(self, time_s: float) -> bool:
        if self._request.fps is None:
            return self._n_frames % self._request.every == 0
        # A hair early, so that rounding doesn't lose the frame that is exactly due.
        if time_s < self._next_s - 1e-6:
            return False
        self._next_s = (int(time_s * self._request.fps + 1e-6) + 1) / self._request.fps
        return True

    def _stated_seconds(self) -> float | None:
        if self._stream.duration:
            return float(self._stream.duration * self._time_base)
        # Matroska has the length of a stream in a tag, such as 00:00:10.033000000.
        if tag := _TAG_SECONDS.fullmatch(self._stream.metadata.get("DURATION", "")):
            hours, minutes, seconds = (float(part) for part in tag.groups())
            return 3600 * hours + 60 * minutes + seconds
        # The container's length is that of its longest stream.
        if self._container.duration and not self._container.streams.audio:
            return self._container.duration / av.time_base
        return None


def open_strangers(path: str) -> InputContainer:
    """Open a stranger's file, which is only looked at as one of the allowed formats, and leads nowhere else.

    Raises:
        VideoError: it isn't a video that can be read.
    """
    try:
        return av.open(
            f"file:{path}", options=OPEN_OPTIONS, timeout=(OPEN_SECONDS, READ_SECONDS), metadata_errors="replace"
        )
    except av.error.FFmpegError as error:
        raise VideoError(f"This file isn't a readable video, or its end is missing; {_CONVERT}.") from error


def _video_stream(container: InputContainer) -> VideoStream:
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        sound = "only sound" if container.streams.audio else "no picture"
        raise VideoError(f"This file has {sound}, so there is nothing to analyse. Choose a video.")
    best = container.streams.best("video")
    chosen = best if best in streams and isinstance(best, VideoStream) else streams[0]
    if not chosen.codec_context:
        raise VideoError(f"This video is in a format that can't be decoded; {_CONVERT}.")
    return chosen


def _rate(stream: VideoStream) -> Fraction:
    rate = stream.average_rate or stream.guessed_rate or _DEFAULT_RATE
    return rate if _LOWEST_RATE <= rate <= _HIGHEST_RATE else _DEFAULT_RATE


def _too_large(stream: VideoStream) -> str:
    size = f"{stream.codec_context.width:,} x {stream.codec_context.height:,} pixels"
    return f"This video can't be decoded ({size}; {MAX_PIXELS:,} pixels are the most); {_CONVERT}."
