"""Write the annotated video: drawing and encoding in a thread of their own, behind a bounded queue."""

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fer.arrays import Image
from fer.errors import VideoError
from fer.streams.overlay import draw_people
from fer.streams.people import Person
from fer.streams.pipeline import SeenFace
from fer.streams.settings import StreamSettings
from fer.video.analysis import SKIPPED, AnalysedFrame
from fer.video.wire import VideoInfo

# Frames that wait for the encoder; in 4K, each has 25 MB.
_MOST_WAITING: Final = 4
_BT709, _LIMITED_RANGE = 1, 1
# A player jumps to a key frame and decodes from there: at most two seconds at 30 frames per second.
_KEY_FRAME_EVERY: Final = 60


@dataclass(frozen=True)
class Format:
    """How annotated videos are encoded: the suffix of their files, the encoder and its options."""

    suffix: str
    codec: str
    options: dict[str, str]
    container: dict[str, str]


H264: Final = Format(
    ".mp4",
    "libx264",
    # Looking ahead for B-frames and cuts takes two fifths of the time, and saves a seventh of the file at most.
    {
        "preset": "superfast",
        "crf": "23",
        "profile": "high",
        "x264-params": "bframes=0:scenecut=0:weightp=0:subme=0",
    },
    # The index comes first, so that a browser plays before it has the whole file.
    {"movflags": "+faststart"},
)
VP9: Final = Format(
    ".webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "7", "row-mt": "1", "crf": "33", "b": "0"}, {}
)


class AnnotatedVideo:
    """The picture of an annotated video. The sound is added afterwards, see `fer.video.sound`.

    Args:
        path: the file to write.
        info: the size and the time base of the video.
        settings: what to draw, and whether to blur faces.
        form: how to encode.
        comment: what the file says of itself in its metadata.

    Raises:
        VideoError: the file can't be written.
    """

    def __init__(
        self, path: Path, info: VideoInfo, settings: StreamSettings, form: Format = H264, *, comment: str = ""
    ) -> None:
        self._settings = settings
        self._time_base = info.time_base
        self._even = info.width + info.width % 2, info.height + info.height % 2
        self._people: Sequence[Person] = ()
        self._seen: Sequence[SeenFace] = ()
        self._error: Exception | None = None
        self._abandoned = False
        self._frames: queue.Queue[AnalysedFrame | None] = queue.Queue(_MOST_WAITING)
        try:
            self._output: OutputContainer = av.open(str(path), "w", format=form.suffix[1:], options=form.container)
        except (OSError, av.error.FFmpegError) as error:
            raise _unwritable(error) from error
        self._output.metadata["comment"] = comment
        self._stream = self._add_stream(form)
        self._thread = threading.Thread(target=self._run, name="encoder", daemon=True)
        self._thread.start()

    def _add_stream(self, form: Format) -> VideoStream:
        stream = self._output.add_stream(form.codec, options=form.options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = self._even
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = self._time_base
        context.gop_size = _KEY_FRAME_EVERY
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _LIMITED_RANGE
        context.thread_type = "AUTO"
        return stream

    def add(self, frame: AnalysedFrame) -> None:
        """Add the next frame, which has pixels. Wait if the encoder is behind.

        Raises:
            VideoError: the file can't be written.
        """
        if self._error is not None:
            raise _unwritable(self._error) from self._error
        self._frames.put(frame)

    def close(self) -> None:
        """Encode what is left and finish the file. A second call does nothing.

        Raises:
            VideoError: the file can't be written.
        """
        if self._thread.is_alive():
            self._frames.put(None)
            self._thread.join()
        if self._error is not None:
            raise _unwritable(self._error) from self._error

    def abandon(self) -> None:
        """End the thread without encoding what is left; the file is unusable. After `close`, this does nothing."""
        self._abandoned = True
        if self._thread.is_alive():
            self._frames.put(None)
            self._thread.join()

    def _run(self) -> None:
        try:
            with self._output:
                while (frame := self._frames.get()) is not None and not self._abandoned:
                    self._encode(frame)
                self._output.mux(self._stream.encode())
        except Exception as error:  # told by `add` or `close`, in the caller's thread
            self._error = error
        while frame is not None:
            frame = self._frames.get()

    def _encode(self, frame: AnalysedFrame) -> None:
        assert frame.image_bgr is not None
        if frame.status != SKIPPED:
            self._people, self._seen = frame.people, frame.seen
        # A skipped frame shows the faces of the one before.
        scene = frame.image_bgr.copy()
        draw_people(scene, self._seen, self._people, self._settings)
        picture = VideoFrame.from_numpy_buffer(self._padded(scene), format="bgr24")
        picture = picture.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
        picture.pts, picture.time_base = frame.pts, self._time_base
        self._output.mux(self._stream.encode(picture))

    def _padded(self, scene: Image) -> Image:
        """Return a picture with even sides, as yuv420p needs them."""
        height, width = scene.shape[:2]
        below, right = self._even[1] - height, self._even[0] - width
        if not below and not right:
            return scene
        return np.asarray(cv2.copyMakeBorder(scene, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)


def _unwritable(error: Exception) -> VideoError:
    return VideoError(f"The annotated video can't be written ({error}); check free space and permissions.")
