"""The messages that the child sends: a kind, a JSON object, and the pixels of a frame."""

import json
import struct
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import IO, Any, Final, Self

from fer.arrays import Image

INFO, FRAME, DONE, FAILED = b"I", b"F", b"D", b"E"
# The kind, the length of the JSON object, the number of bytes of pixels.
HEADER: Final = struct.Struct("<cIQ")


@dataclass(frozen=True)
class Request:
    """What the child decodes.

    Attributes:
        path: the absolute path of the file.
        every: analyse every n-th frame, 1 or more.
        fps: analyse at most this many frames per second; None for all. Not together with `every` above 1.
        skipped_pixels: whether frames that aren't analysed come with pixels, as an annotated video needs them.
    """

    path: str
    every: int = 1
    fps: float | None = None
    skipped_pixels: bool = False

    def to_text(self) -> str:
        """Return the request as an argument of the child."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the request that `to_text` described."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class VideoInfo:
    """What is known about a video when its first frame is decoded.

    Attributes:
        width, height: pixels of the picture as it is shown: upright, with square pixels.
        time_base: the unit of the frames' `pts` in seconds.
        seconds: how long the file says that it is; None if it doesn't.
        n_frames: how many frames the file seems to have; None if unknown.
        sound: the codec of its sound, such as 'aac'; None without sound.
    """

    width: int
    height: int
    time_base: Fraction
    seconds: float | None
    n_frames: int | None
    sound: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain JSON values."""
        return {**asdict(self), "time_base": [self.time_base.numerator, self.time_base.denominator]}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the facts that `to_dict` described."""
        return cls(**{**values, "time_base": Fraction(*values["time_base"])})


@dataclass(frozen=True, eq=False)
class DecodedFrame:
    """A frame in the order of presentation.

    Attributes:
        number: from 0.
        pts: its timestamp in units of the video's time base.
        time_s: its time in seconds from the start of the stream.
        analyse: whether the request chooses this frame.
        image_bgr: (H, W, 3) uint8; None if it isn't analysed and nobody asked for its pixels.
    """

    number: int
    pts: int
    time_s: float
    analyse: bool
    image_bgr: Image | None


def send(stream: IO[bytes], kind: bytes, values: dict[str, Any], pixels: bytes | memoryview = b"") -> None:
    """Write one message."""
    text = json.dumps(values).encode()
    view = memoryview(pixels).cast("B")
    stream.write(HEADER.pack(kind, len(text), len(view)) + text)
    stream.write(view)
    stream.flush()
