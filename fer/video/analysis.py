"""Analyse a video frame by frame: an iterator whose memory doesn't grow with the video."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from fer.arrays import Image
from fer.errors import FerError, VideoError
from fer.provenance import Setting
from fer.recognition.bundle import Bundle
from fer.recognition.classifier import EmotionClassifier
from fer.streams.people import Person, observations_of, people_of
from fer.streams.pipeline import FacePipeline, FoundFaces, SeenFace, StreamModel, stream_detector
from fer.streams.record import Observation
from fer.streams.settings import DETECT_EVERY, StreamSettings
from fer.text import encodable
from fer.video.reader import VideoReader
from fer.video.wire import DecodedFrame, Request, VideoInfo
from fer.vision.detection import photo_detector_name
from fer.vision.haar import FRAME_SIDE

# A frame, and the faces that will be found in it; None if it is skipped.
_Waiting = tuple[DecodedFrame, Future[FoundFaces] | None]

FACE, NO_FACE, SKIPPED = "face", "no face", "skipped"
# Frames that are classified in one call, which costs less per face than a call for each.
_TOGETHER: Final = 4
# Frames in which faces are found meanwhile.
_AHEAD: Final = 4
# Long side of the frames in which faces are searched. YuNet takes four times as long for 640 pixels as for 320.
_MOST_SIDE: Final = 640
# Pixels of the smallest face in such a frame.
LEAST_FACE: Final = 16


@dataclass(frozen=True, eq=False)
class AnalysedFrame:
    """One decoded frame and the people in it.

    Attributes:
        number: the number of the frame, from 0.
        pts: its timestamp in units of the video's time base.
        time_s: its time in seconds from the start of the stream.
        status: 'face', 'no face', or 'skipped' if `every` or `fps` left it out.
        people: everyone in the frame, by number. A person's `face` has the smoothed probabilities, `raw` those of this
            frame alone.
        image_bgr: (H, W, 3) uint8, upright; None for a skipped frame, unless pixels were asked for.
        seen: all tracked faces, including those that the detector missed in this frame.
    """

    number: int
    pts: int
    time_s: float
    status: str
    people: tuple[Person, ...]
    image_bgr: Image | None
    seen: tuple[SeenFace, ...] = ()

    @property
    def observations(self) -> tuple[Observation, ...]:
        """Return the people to be recorded."""
        return observations_of(self.seen, self.people)


@dataclass(frozen=True)
class VideoOptions:
    """How a video is analysed.

    Attributes:
        every: analyse every n-th frame, 1 or more.
        fps: analyse at most this many frames per second; None for all.
        settings: how faces are found, smoothed and drawn.

    Raises:
        VideoError: a number is out of range, or two options contradict each other.
    """

    every: int = 1
    fps: float | None = None
    settings: StreamSettings = field(default_factory=StreamSettings)

    def __post_init__(self) -> None:
        if self.every < 1:
            raise VideoError(f"every: choose 1 or more. Received: {self.every}.")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise VideoError(f"fps: choose a number above 0, up to 1,000. Received: {self.fps:g}.")
        if self.fps is not None and self.every > 1:
            raise VideoError("Choose every n-th frame or frames per second, not both.")
        if self.settings.blur and (self.every > 1 or self.fps is not None):
            raise VideoError("Blurring needs the faces of every frame; analyse all frames, or don't blur.")

    @classmethod
    def of(cls, *, detector: str | None = None, every: int = 1, fps: float | None = None, blur: bool = False) -> Self:
        """Return options with the detector's own pace; YuNet by default, or Haar if YuNet's file is missing."""
        name = detector or photo_detector_name()
        return cls(every, fps, StreamSettings(detector=name, detect_every=DETECT_EVERY.get(name, 1), blur=blur))

    def described(self) -> dict[str, Setting]:
        """Return what a result says of the settings that made it, besides the detector; None for all frames."""
        return {"every": self.every, "fps": self.fps, **self.settings.described()}


class VideoAnalysis:
    """The analysis of one file, to be iterated once. As a context manager, it ends the decoder also after an exception.

    Attributes:
        file: the name by which the user knows the file.
        info: its size, length and sound.
        notes: sentences about what was wrong with the file; complete after the last frame.

    Args:
        path: the file.
        model: the model that classifies the faces.
        options: which frames to analyse, and how.
        keep_pixels: whether skipped frames have pixels, too.

    Raises:
        VideoError: the file isn't a video that can be read.
        DetectorError: the detector is unknown or its file is missing.
    """

    def __init__(
        self, path: Path, model: StreamModel, options: VideoOptions | None = None, *, keep_pixels: bool = False
    ) -> None:
        self.file = encodable(str(path))
        self._options = options or VideoOptions.of()
        self._model = model
        # A file is analysed afterwards, so even a face in a single frame counts.
        self._pipeline = FacePipeline(confirmed_by=1, remember=True)
        request = Request(str(path.absolute()), self._options.every, self._options.fps, keep_pixels)
        self._reader = VideoReader(request)
        self._reader.open()
        self._settings = _sized(self._options.settings, self._reader.info)
        try:
            self._detector = stream_detector(self._settings)
        except FerError:
            self._reader.close()
            raise
        self._pool = ThreadPoolExecutor(1, "faces")

    @property
    def info(self) -> VideoInfo:
        """Return the video's size, length and sound."""
        return self._reader.info

    @property
    def notes(self) -> tuple[str, ...]:
        """Return sentences about what was wrong with the file."""
        return self._reader.notes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the decoder. A second call does nothing."""
        self._pool.shutdown(cancel_futures=True)
        self._reader.close()

    def __iter__(self) -> Iterator[AnalysedFrame]:
        """Yield every decoded frame in the order of presentation, and close the analysis at the end.

        Raises:
            VideoError: no frame could be read.
            BundleError: the network gives NaN or infinite values, or is too slow.
        """
        waiting: deque[_Waiting] = deque()
        try:
            for frame in self._reader.frames():
                waiting.append((frame, self._find(frame)))
                if len(waiting) >= _TOGETHER + _AHEAD:
                    yield from self._finished([waiting.popleft() for _ in range(_TOGETHER)])
            while waiting:
                yield from self._finished([waiting.popleft() for _ in range(min(_TOGETHER, len(waiting)))])
        finally:
            self.close()

    def _find(self, frame: DecodedFrame) -> Future[FoundFaces] | None:
        if not frame.analyse or frame.image_bgr is None:
            return None
        return self._pool.submit(self._pipeline.find, frame.image_bgr, frame.time_s, self._detector, self._settings)

    def _finished(self, frames: Sequence[_Waiting]) -> Iterator[AnalysedFrame]:
        found = [future.result() for _, future in frames if future is not None]
        seen = iter(self._pipeline.classify(found, self._model.classifier, self._settings) if found else ())
        for frame, future in frames:
            yield _skipped(frame) if future is None else self._analysed(frame, next(seen))

    def _analysed(self, frame: DecodedFrame, seen: tuple[SeenFace, ...]) -> AnalysedFrame:
        present = [face for face in seen if face.present]
        people = people_of(present, self._model.confidence_threshold, self._model.sets)
        status = FACE if people else NO_FACE
        return AnalysedFrame(frame.number, frame.pts, frame.time_s, status, people, frame.image_bgr, seen)


def _skipped(frame: DecodedFrame) -> AnalysedFrame:
    return AnalysedFrame(frame.number, frame.pts, frame.time_s, SKIPPED, (), frame.image_bgr)


def _sized(settings: StreamSettings, info: VideoInfo) -> StreamSettings:
    """Return settings that search a larger frame more finely: half its size, between 320 and 640 pixels."""
    side = min(_MOST_SIDE, max(FRAME_SIDE, max(info.width, info.height) // 2))
    return replace(settings, side=side, smallest_face=LEAST_FACE / side)


def video_model(bundle: Bundle) -> StreamModel:
    """Return a bundle's model for videos.

    Raises:
        BundleError: the model can't be opened.
    """
    # Finding, drawing and encoding have threads of their own.
    return StreamModel.of(bundle, EmotionClassifier(bundle, threads=1))
