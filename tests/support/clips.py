"""Small videos, made with PyAV from the public-domain portrait or plain colours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from tests.support.builders import portrait_bgr

WIDTH, HEIGHT = 192, 144
_PORTRAIT = 128


def portrait_frame(left: int = 20, width: int = WIDTH, height: int = HEIGHT, side: int = _PORTRAIT) -> np.ndarray:
    """A grey frame, (H, W, 3) uint8 BGR, with the portrait at a place from the left."""
    frame = np.full((height, width, 3), 90, np.uint8)
    portrait = cv2.resize(portrait_bgr(), (side, side), interpolation=cv2.INTER_AREA)
    top = (height - side) // 2
    right = min(left + side, width)
    frame[top : top + side, left:right] = portrait[:, : right - left]
    return frame


def moving_portrait(n_frames: int, step: int = 1) -> list[np.ndarray]:
    """Frames in which the portrait moves to the right."""
    return [portrait_frame(10 + step * index) for index in range(n_frames)]


def plain(n_frames: int, width: int = WIDTH, height: int = HEIGHT) -> list[np.ndarray]:
    """Grey frames without a face."""
    return [np.full((height, width, 3), 90, np.uint8)] * n_frames


def corners(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Four quarters: red, green above; blue, white below. It tells every rotation and mirroring apart."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[: height // 2, : width // 2] = (0, 0, 255)
    frame[: height // 2, width // 2 :] = (0, 255, 0)
    frame[height // 2 :, : width // 2] = (255, 0, 0)
    frame[height // 2 :, width // 2 :] = 255
    return frame


@dataclass
class Clip:
    """How a video is written.

    Attributes:
        pts: a timestamp per frame in units of `time_base`; by default evenly at `rate`.
        rotation, hflip: the display matrix: degrees counterclockwise, and mirrored.
        aspect: width of a pixel divided by its height.
        sound: the codec of a tone as long as the video; None for silence.
        frame_values: attributes of every frame, such as its transfer function.
    """

    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    rate: int = 30
    time_base: Fraction | None = None
    pts: Sequence[int] | None = None
    rotation: float | None = None
    hflip: bool = False
    aspect: Fraction | None = None
    sound: str | None = None
    options: dict[str, str] = field(default_factory=lambda: {"preset": "ultrafast", "g": "12"})
    container: dict[str, str] = field(default_factory=dict)
    frame_values: dict[str, int] = field(default_factory=dict)

    def write(self, path: Path, pictures: Iterable[np.ndarray | VideoFrame]) -> Path:
        """Write BGR pictures, or frames as they are, and return the path."""
        frames = [self._frame(picture) for picture in pictures]
        with av.open(str(path), "w", options=self.container) as output:
            stream = output.add_stream(self.codec, rate=self.rate, options=self.options)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height = (frames[0].width, frames[0].height) if frames else (WIDTH, HEIGHT)
            stream.pix_fmt = self.pixel_format
            base = self.time_base or Fraction(1, self.rate)
            stream.codec_context.time_base = base
            if self.aspect:
                stream.codec_context.sample_aspect_ratio = self.aspect
            if self.rotation is not None:
                stream.set_display_rotation(self.rotation, hflip=self.hflip)
            for name in ("color_trc", "color_primaries", "colorspace"):
                if name in self.frame_values:
                    setattr(stream.codec_context, name, self.frame_values[name])
            tone = output.add_stream(self.sound, rate=48_000) if self.sound else None
            output.start_encoding()
            for index, frame in enumerate(frames):
                frame.pts = self.pts[index] if self.pts else index
                frame.time_base = base
                output.mux(stream.encode(frame))
            output.mux(stream.encode())
            if tone:
                _play(output, tone, len(frames) / self.rate)
        return path

    def _frame(self, picture: np.ndarray | VideoFrame) -> VideoFrame:
        if isinstance(picture, VideoFrame):
            frame = picture
        else:
            frame = VideoFrame.from_ndarray(picture, format="bgr24").reformat(format=self.pixel_format)
        for name, value in self.frame_values.items():
            setattr(frame, name, value)
        return frame


def _play(output: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    """Write a tone of 440 Hz."""
    n_samples = int(seconds * 48_000)
    wave = (8_000 * np.sin(2 * np.pi * 440 * np.arange(n_samples) / 48_000)).astype(np.int16)
    for start in range(0, n_samples, 960):
        part = wave[None, start : start + 960]
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        output.mux(stream.encode(frame))
    output.mux(stream.encode())


def sound_only(path: Path) -> Path:
    """Write one second of a tone without a picture."""
    with av.open(str(path), "w") as output:
        _play(output, output.add_stream("aac", rate=48_000), 1.0)
    return path


def hdr_frame(codes: Sequence[int]) -> VideoFrame:
    """A 10 bit frame of vertical stripes with these values of luma, 64..940."""
    frame = VideoFrame(WIDTH, HEIGHT, "yuv420p10le")
    luma = np.repeat(np.array(codes, np.uint16), WIDTH // len(codes))
    for plane, values in zip(frame.planes, (luma, None, None), strict=True):
        rows = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)  # type: ignore[call-overload]
        rows[:, : plane.width] = 512 if values is None else values
    return frame


def bytes_of(clip: Clip, pictures: Iterable[np.ndarray], folder: Path, suffix: str = ".mp4") -> bytes:
    """The bytes of a clip."""
    return clip.write(folder / f"bytes{suffix}", pictures).read_bytes()


def looped(source: Path, target: Path, times: int) -> Path:
    """Write a clip's frames again and again, without encoding them again."""
    with av.open(str(target), "w") as output, av.open(str(source)) as first:
        stream = output.add_stream_from_template(first.streams.video[0])
        packets = [packet for packet in first.demux(video=0) if packet.dts is not None]
        length = sum(packet.duration or 0 for packet in packets)
        for _ in range(times):
            for packet in packets:
                packet.stream = stream
                output.mux(packet)
                packet.pts, packet.dts = (packet.pts or 0) + length, (packet.dts or 0) + length
    return target
