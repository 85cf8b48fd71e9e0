"""Bytes to pixels, safely: recognised by content, turned upright, and bounded before anything is decoded."""

import io
import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image as PILImage

from fer.arrays import Image
from fer.errors import ImageError
from fer.text import MB
from fer.vision.budget import reserved
from fer.vision.files import essentials, jpeg
from fer.vision.files.exif import UPRIGHT, exif_of, turned_upright
from fer.vision.files.formats import CAMERA_RAW, HEAD_BYTES, READABLE, format_of, other_format_of
from fer.vision.files.parts import CameraRawError, DamagedError, Essentials, TooMuchWorkError
from fer.vision.heif import decode_heif
from fer.vision.tones import bgr_on_white, eight_bits
from fer.vision.turbo import decode_turbo, turbo_size

# In the megabytes of the browser's file chooser, which refuses larger files too.
MAX_BYTES: Final = 30 * MB
# Phones take 50 megapixels, a little more than 50 million.
MAX_PIXELS: Final = 64_000_000
# Each scan of a progressive JPEG goes over all pixels: a second for all of them, on two busy cores.
_MAX_SCANS: Final = 500
_MAX_SCANNED_PIXELS: Final = 1_000_000_000
# A JPEG without its end mark is decoded twice.
_SECOND_LOOK_BYTES: Final = 4
# Pillow keeps a pointer to each row, and rounds rows up to four bytes.
_ROW_BYTES: Final = 12
# Small enough for the heap: mapping the pages of larger blocks anew each time takes longer than copying them.
_BLOCK_PIXELS: Final = 2**15
# What OpenCV's encoders take.
_MAX_ENCODED_SIDE: Final = 1_000_000
_GREY_MODES: Final = ("I", "F")
# Blocks so large that every system maps them on their own and takes them back: of the usual 16 MB, a thread keeps
# hundreds of megabytes for later.
PILImage.core.set_block_size(64 * MB)
# Pillow reports damage by warnings too; here the exception says it. Set once for the process, since
# `warnings.catch_warnings` is not safe between threads.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Picture:
    """A decoded image.

    Attributes:
        image_bgr: (H, W, 3) BGR uint8, upright.
        note: one sentence about what had to be assumed, such as the range of values; None if nothing.
        taken: when the photo was taken, by its camera's clock and without a time zone; None if the file doesn't say so.
    """

    image_bgr: Image
    note: str | None = None
    taken: datetime | None = None


def read(path: Path) -> bytes:
    """Return the content of an image file.

    Raises:
        ImageError: it cannot be read, or is larger than `MAX_BYTES`.
    """
    try:
        size = path.stat().st_size
        # Bounded here too: what grows or is no plain file, such as a pipe, has no size to go by.
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1) if size <= MAX_BYTES else b""
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"The file cannot be read ({reason}); check its name and your rights to it.") from error
    if max(size, len(data)) > MAX_BYTES:
        raise ImageError(too_large(max(size, len(data))))
    return data


def is_picture(path: Path) -> bool:
    """Tell whether a file's first bytes are those of an image that `decode` reads; nothing is decoded."""
    try:
        with path.open("rb") as stream:
            return format_of(stream.read(HEAD_BYTES)) is not None
    except (OSError, ValueError):
        return False


def decode(data: bytes) -> Image:
    """Decode an image as `decode_picture` does; return its pixels alone."""
    return decode_picture(data).image_bgr


def decode_picture(data: bytes) -> Picture:
    """Decode an image; of an animated one, the first frame.

    Transparent parts are shown on white; deep images are scaled to 8 bits; the EXIF orientation is applied. Damage in
    what surrounds the pixels (text, colour profiles, thumbnails) doesn't matter, nor does a missing end mark.

    Args:
        data: JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP, TIFF or PPM, whatever its file's name says.

    Returns:
        (H, W, 3) BGR uint8, upright, what was assumed, and when the photo was taken.

    Raises:
        ImageError: it is not such an image (a camera's raw file isn't), is damaged, or exceeds `MAX_BYTES`,
            `MAX_PIXELS` or the decoding budget.
    """
    if not data:
        raise ImageError("The file is empty; choose a photo.")
    if len(data) > MAX_BYTES:
        raise ImageError(too_large(len(data)))
    file_format = format_of(data[:HEAD_BYTES])
    if file_format is None:
        other = other_format_of(data[:HEAD_BYTES])
        if other == CAMERA_RAW:
            raise CameraRawError
        what = f"{other} files cannot be read" if other else "This file isn't a readable image"
        raise ImageError(f"{what}; save it as JPEG or PNG and try again. Readable are {READABLE}.")
    try:
        return _decode(essentials(data, file_format), file_format)
    except ImageError:
        raise
    except PILImage.DecompressionBombError as error:
        raise ImageError(f"This image has more than {MAX_PIXELS // 10**6} million pixels; make it smaller.") from error
    except Exception as error:  # decoders raise whatever a damaged file makes them stumble over
        raise DamagedError from error


def _decode(file: Essentials, file_format: str) -> Picture:
    if file_format == "HEIF":
        image_bgr, exif = decode_heif(file.data, partial(_allowed, file.bytes_per_pixel))
        return Picture(image_bgr, taken=exif_of(exif).taken)
    if file.opencv_size is not None:
        return _decode_by_opencv(file, *file.opencv_size)
    if file_format == "JPEG" and (size := turbo_size(file.data)):
        return _decode_by_turbo(file, *size)
    return _decode_by_pillow(file, file_format)


def _decode_by_pillow(file: Essentials, file_format: str) -> Picture:
    opened: PILImage.Image = PILImage.open(io.BytesIO(file.data), formats=(file_format,))
    width, height = opened.size
    _check_size(width, height)
    _check_work(file.n_passes, width * height)
    exif = exif_of(opened.info.get("exif", b"")) if file_format == "AVIF" else file.exif
    # Pillow turns a TIFF while it loads.
    orientation = UPRIGHT if file_format == "TIFF" else exif.orientation
    bytes_per_pixel = file.bytes_per_pixel + (0 if file.ended else _SECOND_LOOK_BYTES)
    with reserved(bytes_per_pixel * width * height + _ROW_BYTES * height, width, height):
        if file.ended:
            opened.load()
        else:
            opened = _without_end_mark(file.data)
        picture = _from_pillow(opened)
        del opened
        return Picture(turned_upright(picture.image_bgr, orientation), picture.note, exif.taken)


def _without_end_mark(data: bytes) -> PILImage.Image:
    """Load a JPEG that lacks its end mark; raise a DamagedError if it lacks more."""
    first, second = (PILImage.open(io.BytesIO(ending), formats=("JPEG",)) for ending in jpeg.endings(data))
    if first != second:
        raise DamagedError
    return first


def _decode_by_turbo(file: Essentials, width: int, height: int) -> Picture:
    _check_size(width, height)
    _check_work(file.n_passes, width * height)
    with reserved(file.bytes_per_pixel * width * height, width, height):
        data = file.data if file.ended else jpeg.endings(file.data)[0]
        return Picture(turned_upright(decode_turbo(data), file.exif.orientation), taken=file.exif.taken)


def _decode_by_opencv(file: Essentials, width: int, height: int) -> Picture:
    _check_size(width, height)
    with reserved(file.bytes_per_pixel * width * height, width, height):
        values = cv2.imdecode(np.frombuffer(file.data, np.uint8), cv2.IMREAD_UNCHANGED)
        if values is None or values.shape[:2] != (height, width):
            raise DamagedError
        note = None
        if values.dtype != np.uint8:
            values, note = eight_bits(values)
        image_bgr = bgr_on_white(np.asarray(values, np.uint8))
        return Picture(turned_upright(image_bgr, file.exif.orientation), note, file.exif.taken)


@contextmanager
def _allowed(bytes_per_pixel: float, width: int, height: int) -> Iterator[None]:
    _check_size(width, height)
    with reserved(bytes_per_pixel * width * height, width, height):
        yield


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"This image has {width} x {height} pixels, more than {MAX_PIXELS // 10**6} million; make it smaller."
        )


def _check_work(n_passes: int, n_pixels: int) -> None:
    if n_passes > _MAX_SCANS or n_passes * n_pixels > _MAX_SCANNED_PIXELS:
        raise TooMuchWorkError(f"it has {n_passes:,} scans")


def _from_pillow(picture: PILImage.Image) -> Picture:
    """Return the pixels on white where the picture is transparent."""
    if picture.mode in _GREY_MODES or picture.mode.startswith("I;16"):
        grey, note = eight_bits(np.asarray(picture))
        return Picture(bgr_on_white(grey), note)
    image_bgr = np.empty((picture.height, picture.width, 3), np.uint8)
    # By blocks: whole, each step would hold another copy of a large picture.
    n_rows = max(1, _BLOCK_PIXELS // picture.width)
    for top in range(0, picture.height, n_rows):
        for left in range(0, picture.width, _BLOCK_PIXELS):
            right, bottom = min(left + _BLOCK_PIXELS, picture.width), min(top + n_rows, picture.height)
            block = picture.crop((left, top, right, bottom))
            if block.has_transparency_data:
                rgba = block.convert("RGBA")
                block = PILImage.new("RGB", rgba.size, "white")
                block.paste(rgba, mask=rgba)
            image_bgr[top:bottom, left:right] = cv2.cvtColor(np.asarray(block.convert("RGB")), cv2.COLOR_RGB2BGR)
    return Picture(image_bgr)


def encode_png(image_bgr: Image) -> bytes:
    """Return an image, (H, W, 3) BGR or (H, W) grey uint8, as PNG.

    Raises:
        ImageError: a side is too long.
    """
    return _encode(".png", image_bgr, [])


def encode_jpeg(image_bgr: Image, quality: int = 92) -> bytes:
    """Return an image, (H, W, 3) BGR or (H, W) grey uint8, as JPEG of a quality in 1..100.

    Raises:
        ImageError: a side is too long.
    """
    return _encode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])


def _encode(suffix: str, image: Image, options: list[int]) -> bytes:
    longest = max(image.shape[:2], default=0)
    if longest > _MAX_ENCODED_SIDE:
        raise ImageError(
            f"An image with a side of {longest:,} pixels can be read but not written; at most {_MAX_ENCODED_SIDE:,} "
            "are possible. Cut it into parts."
        )
    done, data = cv2.imencode(suffix, image, options)
    if not done:
        raise ValueError(f"image: expected uint8 (H, W, 3) or (H, W). Received: {image.dtype} {image.shape}")
    return data.tobytes()


def too_large(n_bytes: int) -> str:
    """Return the sentence for a file of more than `MAX_BYTES`."""
    # Rounded up: 30.0 MB would not look like more than 30.
    size = math.ceil(10 * n_bytes / MB) / 10
    return f"The file has {size:.1f} MB; at most {MAX_BYTES // MB} MB are read. Make the picture smaller first."
