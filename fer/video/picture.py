"""Turn decoded frames into pictures as they are shown: deinterlaced, upright, with square pixels, in BGR."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame

from fer.video.limits import MAX_PIXELS, MAX_SIDE, MAX_STRETCH
from fer.video.tone_mapping import HLG, PQ, tone_curve

_UNSPECIFIED: Final = 2
# Players take untagged video of this height and more for BT.709.
_HD_HEIGHT: Final = 720


@dataclass(frozen=True)
class _Form:
    """What a filter graph is built for."""

    width: int
    height: int
    pixel_format: str
    matrix: tuple[int, int, int, int]
    deinterlace: bool
    transfer: int
    guess_bt709: bool


class Pictures:
    """Convert the frames of one stream. All pictures have the size of the first one.

    Args:
        pixel_aspect: the width of a pixel divided by its height; None if unknown.
        time_base: the unit of timestamps in seconds, for the filters.
        interlaced: whether the stream says that it is interlaced.
    """

    def __init__(self, pixel_aspect: Fraction | None, time_base: Fraction, *, interlaced: bool) -> None:
        self._aspect = float(pixel_aspect or 1)
        self._time_base = time_base
        self.interlaced = interlaced
        self._form: _Form | None = None
        self._graph: av.filter.Graph | None = None
        self.size: tuple[int, int] | None = None

    @property
    def distorted(self) -> bool:
        """Return whether the file states a shape of pixels that can't be meant."""
        return not 1 / MAX_STRETCH <= self._aspect <= MAX_STRETCH

    def push(self, frame: VideoFrame) -> Iterator[npt.NDArray[np.uint8]]:
        """Convert a frame. Yield the pictures that are ready, (H, W, 3) uint8 BGR, in the order of the frames.

        A deinterlacer looks at the next frame first, so a picture may come one frame late.
        """
        # For good: in a stream of both kinds, the deinterlacer passes progressive frames through.
        self.interlaced = self.interlaced or frame.interlaced_frame
        form = self._form_of(frame)
        if form != self._form:
            yield from self.flush()
            self._graph, self._form = self._build(form), form
        assert self._graph is not None
        self._graph.push(frame)
        yield from self._ready()

    def flush(self) -> Iterator[npt.NDArray[np.uint8]]:
        """Yield the pictures that are still in the filters."""
        if self._graph is not None:
            self._graph.push(None)
            yield from self._ready()
            self._graph = self._form = None

    def _ready(self) -> Iterator[npt.NDArray[np.uint8]]:
        assert self._graph is not None
        while True:
            try:
                picture = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(picture, VideoFrame)
            yield np.asarray(picture.to_ndarray(), np.uint8)

    def _form_of(self, frame: VideoFrame) -> _Form:
        return _Form(
            frame.width,
            frame.height,
            frame.format.name,
            _display_matrix(frame),
            self.interlaced,
            frame.color_trc if frame.color_trc in (PQ, HLG) else 0,
            frame.colorspace == _UNSPECIFIED and frame.height >= _HD_HEIGHT and not frame.format.is_rgb,
        )

    def _build(self, form: _Form) -> av.filter.Graph:
        graph = av.filter.Graph()
        graph.threads = 1
        source = (
            f"video_size={form.width}x{form.height}:pix_fmt={form.pixel_format}:time_base={self._time_base}"
            ":pixel_aspect=1/1"
        )
        steps = [graph.add("buffer", source)]
        if form.deinterlace:
            steps.append(graph.add("bwdif", "mode=send_frame:deint=interlaced"))
        steps += [graph.add(name, argument) for name, argument in _turns(form.matrix)]
        if self.size is None:
            self.size = self._shown_size(form)
        if form.transfer:
            curve = tone_curve(form.transfer)
            steps += [graph.add("format", "gbrp10le"), graph.add("lutrgb", f"r='{curve}':g='{curve}':b='{curve}'")]
        matrix = ":in_color_matrix=bt709" if form.guess_bt709 else ""
        steps.append(graph.add("scale", f"w={self.size[0]}:h={self.size[1]}{matrix}"))
        steps.append(graph.add("format", "bgr24"))
        steps.append(graph.add("buffersink"))
        graph.link_nodes(*steps)
        graph.configure()
        return graph

    def _shown_size(self, form: _Form) -> tuple[int, int]:
        width, height = float(form.width), float(form.height)
        # Never shrunk, so that no face gets smaller.
        if not self.distorted:
            width, height = width * max(1.0, self._aspect), height * max(1.0, 1 / self._aspect)
        if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
            width, height = float(form.width), float(form.height)
        if _swaps(form.matrix):
            width, height = height, width
        return max(1, round(width)), max(1, round(height))


def _display_matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """Return the signs of the container's display matrix, turned to the nearest quarter: x' = ax + cy, y' = bx + dy."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(data, SideData):
        return 1, 0, 0, 1
    values = np.frombuffer(data, np.int32)  # type: ignore[call-overload]
    a, b, _, c, d = (int(value) for value in values[:5])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return -1 if a < 0 else 1, 0, 0, -1 if d < 0 else 1
    return 0, -1 if b < 0 else 1, -1 if c < 0 else 1, 0


def _swaps(matrix: tuple[int, int, int, int]) -> bool:
    return matrix[0] == 0


def _turns(matrix: tuple[int, int, int, int]) -> Iterator[tuple[str, str]]:
    """Yield the filters that show a frame as its display matrix says."""
    a, b, c, d = matrix
    if _swaps(matrix):
        # This exchanges x and y, and nothing else.
        yield "transpose", "dir=cclock_flip"
        a, d = c, b
    if a < 0:
        yield "hflip", ""
    if d < 0:
        yield "vflip", ""
