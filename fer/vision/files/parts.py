"""What the readers of each format return, and how they count work."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fer.errors import ImageError
from fer.vision.files.exif import NO_EXIF, Exif

# Real files have a few thousand parts at most: a 30 MB PNG with the usual 8 kB chunks has 3,800.
MAX_PARTS: Final = 50_000
# Pillow's RGB takes 4 bytes, the result 3.
PILLOW_BYTES: Final = 7.0


class TooMuchWorkError(ImageError):
    """A file would keep the decoder busy for seconds or minutes."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"This image is too much work to decode: {reason}. Save it again as JPEG or PNG.")


class CameraRawError(ImageError):
    """It is a camera's raw file: what its sensor saw, not yet a picture."""

    def __init__(self) -> None:
        super().__init__(
            "This is a camera's raw file; export the photo as JPEG with the camera's program and try again."
        )


class DamagedError(ImageError):
    """Pixels are missing or wrong."""

    def __init__(self) -> None:
        super().__init__("This image is damaged or cut short; save it again as JPEG or PNG and try again.")


@dataclass(frozen=True)
class Essentials:
    """The parts of an image file that decoding needs.

    Attributes:
        data: a file of the same format without text, colour profiles, thumbnails and later frames.
        exif: how it must be turned, and when it was taken.
        n_passes: how often decoding goes over all pixels: the scans of a progressive JPEG; else 1.
        bytes_per_pixel: memory per pixel at the peak of decoding, with the 3 bytes of the result.
        ended: whether the file has its end mark.
        opencv_size: (width, height) of a file that OpenCV decodes, None for Pillow. Pillow cuts deep colours down to 8
            bits, and holds a WebP four times.
    """

    data: bytes
    exif: Exif = NO_EXIF
    n_passes: int = 1
    bytes_per_pixel: float = PILLOW_BYTES
    ended: bool = True
    opencv_size: tuple[int, int] | None = None


def counted_parts(limit: int = MAX_PARTS) -> Iterator[int]:
    """Count the parts of a file.

    Raises:
        TooMuchWorkError: there are more than `limit`.
    """
    yield from range(limit)
    raise TooMuchWorkError(f"it consists of more than {limit:,} parts")
