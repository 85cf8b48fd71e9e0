"""Image files before decoding: which format they have, what they cost, and only the parts that decoding needs."""

from collections.abc import Callable
from typing import Final

from fer.vision.files import jpeg, png, simple, tiff, webp
from fer.vision.files.parts import Essentials

# HEIC: the library's planes and its colours. AVIF: its planes, and its colours in the hands of Pillow as well.
_HEIF_BYTES, _AVIF_BYTES = 8.0, 11.0
_READERS: Final[dict[str, Callable[[bytes], Essentials]]] = {
    "JPEG": jpeg.essentials,
    "PNG": png.essentials,
    "TIFF": tiff.essentials,
    "WEBP": webp.essentials,
    "GIF": simple.gif_essentials,
    "BMP": simple.bmp_essentials,
    "PPM": simple.ppm_essentials,
    "HEIF": lambda data: Essentials(data, bytes_per_pixel=_HEIF_BYTES),
    "AVIF": lambda data: Essentials(data, bytes_per_pixel=_AVIF_BYTES),
}


def essentials(data: bytes, file_format: str) -> Essentials:
    """Return what decoding needs of an image file, and what it costs; nothing is decoded.

    Text, colour profiles, thumbnails, comments and later frames are left out, so that damage in them, or megabytes of
    them, cannot cost a picture. Work is counted: a file of a few kilobytes could keep a core busy for minutes.

    Args:
        data: the bytes of the file.
        file_format: as `fer.vision.files.formats.format_of` names it.

    Raises:
        ImageError: the file is too much work, or so damaged that this shows in its structure.
    """
    return _READERS[file_format](data)
