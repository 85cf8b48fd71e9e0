"""Bytes to pixels, safely: decided by content, turned upright, and bounded before anything is decoded."""

import io
import logging
import warnings
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage
from PIL import ImageOps, UnidentifiedImageError

from fer.arrays import Image
from fer.errors import ImageError

MAX_BYTES: Final = 30 * 2**20
# Phones take 50 megapixels, a little more than 50 million; such a picture takes 350 MB while it is decoded,
# 400 if it is turned.
MAX_PIXELS: Final = 64_000_000
_STRIP_PIXELS: Final = 2**20
# What people have; Pillow's other decoders (PostScript above all) stay closed. A phone's MPO opens as JPEG.
FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")
# Bytes that begin other pictures people have, and what these are called.
_OTHERS: Final = ((4, b"ftyphei", "HEIC"), (4, b"ftypmif1", "HEIC"), (0, b"%PDF", "PDF"), (0, b"<svg", "SVG"))
# What Pillow has to say of a damaged file is told by `ImageError`, not on a terminal. Once for the process, since
# `warnings.catch_warnings` is not safe among threads; our own limit of pixels stands in for Pillow's warning.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())
SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")


def read(path: Path) -> bytes:
    """The content of an image file.

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
        raise ImageError(_too_large(max(size, len(data))))
    return data


def is_picture(path: Path) -> bool:
    """Whether a file's first bytes are those of a picture that `decode` knows; nothing is decoded."""
    try:
        with PILImage.open(path, formats=FORMATS):
            return True
    except PILImage.DecompressionBombError:
        return True
    except Exception:  # Pillow's readers raise whatever a strange file makes them stumble over
        return False


def decode(data: bytes) -> Image:
    """Decode a picture; of an animated one, the first frame.

    Transparent parts are shown on white; 16-bit grey is scaled to 8 bits; the EXIF orientation is applied.

    Args:
        data: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or PPM, whatever its file's name says.

    Returns:
        (H, W, 3) BGR uint8, upright.

    Raises:
        ImageError: it is no such picture, is damaged, or exceeds `MAX_BYTES` or `MAX_PIXELS`.
    """
    if not data:
        raise ImageError("The file is empty; choose a photo.")
    if len(data) > MAX_BYTES:
        raise ImageError(_too_large(len(data)))
    try:
        picture = PILImage.open(io.BytesIO(data), formats=FORMATS)
        width, height = picture.size
        if width * height > MAX_PIXELS:
            raise ImageError(
                f"The picture has {width} x {height} pixels, more than {MAX_PIXELS // 10**6} million; make it smaller."
            )
        picture.load()
        _turn_upright(picture)
        return _bgr(picture)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        other = next((name for at, start, name in _OTHERS if data[at : at + 99].lstrip().startswith(start)), None)
        what = f"{other} files cannot be read" if other else "This is no picture that can be read"
        raise ImageError(f"{what}; save it as JPEG or PNG and try again.") from error
    except PILImage.DecompressionBombError as error:
        raise ImageError(
            f"The picture has more than {MAX_PIXELS // 10**6} million pixels; make it smaller first."
        ) from error
    except Exception as error:  # Pillow's decoders raise whatever a damaged file makes them stumble over
        raise ImageError("The picture is damaged or cut short; save it again as JPEG or PNG and try again.") from error


def _turn_upright(picture: PILImage.Image) -> None:
    try:
        ImageOps.exif_transpose(picture, in_place=True)
    except Exception as error:  # a picture is good to look at, however broken its EXIF data are
        logging.getLogger(__name__).debug("EXIF data cannot be read: %r", error)


def _bgr(picture: PILImage.Image) -> Image:
    """Pixels as (H, W, 3) BGR uint8, on white where the picture is transparent."""
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        return np.asarray(cv2.cvtColor(_eight_bits(np.asarray(picture)), cv2.COLOR_GRAY2BGR), np.uint8)
    image_bgr = np.empty((picture.height, picture.width, 3), np.uint8)
    # By strips: whole, each step would hold another copy of a large picture.
    n_rows = max(1, _STRIP_PIXELS // picture.width)
    for top in range(0, picture.height, n_rows):
        strip = picture.crop((0, top, picture.width, min(top + n_rows, picture.height)))
        if strip.has_transparency_data:
            rgba = strip.convert("RGBA")
            strip = PILImage.new("RGB", rgba.size, "white")
            strip.paste(rgba, mask=rgba)
        cv2.cvtColor(np.asarray(strip.convert("RGB")), cv2.COLOR_RGB2BGR, dst=image_bgr[top : top + n_rows])
    return image_bgr


def _eight_bits(values: npt.NDArray[Any]) -> Image:
    """Grey of more than 8 bits, or of floating point, as uint8.

    White is 65535 for 16 bits. Of wider numbers a file does not say what white is: it is taken for the end of the
    smallest usual range (0..1 for floating point, then 8 and 16 bits) that holds all of them.
    """
    if values.dtype.itemsize == 2:
        return np.asarray(values >> 8, np.uint8)
    largest = float(np.nanmax(values, initial=0))
    white = 1.0 if values.dtype.kind == "f" and largest <= 1 else 255.0 if largest <= 255 else 65535.0
    scaled = np.nan_to_num(values.astype(np.float32) * np.float32(255 / white)).clip(0, 255)
    return np.asarray(np.round(scaled), np.uint8)


def encode_png(image_bgr: Image) -> bytes:
    """An image, (H, W, 3) BGR or (H, W) grey uint8, as PNG."""
    return _encode(".png", image_bgr, [])


def encode_jpeg(image_bgr: Image, quality: int = 92) -> bytes:
    """An image, (H, W, 3) BGR or (H, W) grey uint8, as JPEG of a quality in 1..100."""
    return _encode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])


def _encode(suffix: str, image: Image, options: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, image, options)
    if not done:
        raise ValueError(f"image: expected uint8 (H, W, 3) or (H, W). Received: {image.dtype} {image.shape}")
    return data.tobytes()


def _too_large(n_bytes: int) -> str:
    return f"The file has {n_bytes / 2**20:.0f} MB, more than {MAX_BYTES // 2**20}; make the picture smaller first."
