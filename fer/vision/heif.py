"""Decode HEIC in a process of its own, which a damaged file may end."""

import contextlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from fer.arrays import Image
from fer.storage.children import end_child, read_exactly, start_child
from fer.vision.files.parts import DamagedError
from fer.vision.heif_wire import CHANNELS, EXIF, GO, LENGTH, SIZE
from fer.vision.tones import bgr_on_white

# The largest photo takes two seconds.
_MOST_SECONDS: Final = 30.0


def decode_heif(data: bytes, allowed: Callable[[int, int], AbstractContextManager[None]]) -> tuple[Image, bytes]:
    """Decode a HEIC.

    Args:
        data: the file.
        allowed: called with width and height before anything is decoded; raises an ImageError for too large a picture,
            and returns what holds its memory.

    Returns:
        (H, W, 3) BGR uint8, upright, on white, and its EXIF block, which no longer says how to turn it.

    Raises:
        DamagedError: it can't be decoded, or not within half a minute.
        ImageError: by `allowed`.
    """
    child = start_child("fer.vision.heif_child")
    assert child.stdin is not None and child.stdout is not None
    late = threading.Timer(_MOST_SECONDS, child.kill)
    late.start()
    try:
        _write(child.stdin, LENGTH.pack(len(data)))
        _write(child.stdin, data)
        width, height = SIZE.unpack(_read(child.stdout, SIZE.size).data)
        with allowed(width, height):
            _write(child.stdin, GO)
            (n_bytes,) = EXIF.unpack(_read(child.stdout, EXIF.size).data)
            exif = _read(child.stdout, n_bytes).tobytes()
            (channels,) = CHANNELS.unpack(_read(child.stdout, CHANNELS.size).data)
            pixels = _read(child.stdout, height * width * channels)
            shape = (height, width) if channels == 1 else (height, width, channels)
            return bgr_on_white(pixels.reshape(shape)), exif
    finally:
        late.cancel()
        end_child(child)
        child.stdout.close()


def _write(stream: IO[bytes], data: bytes) -> None:
    """Write all of it; a child that has ended is noticed when it is read from."""
    rest = memoryview(data)
    with contextlib.suppress(OSError):
        while rest:
            rest = rest[stream.write(rest) :]


def _read(stream: IO[bytes], count: int) -> npt.NDArray[np.uint8]:
    data = read_exactly(stream, count)
    if data is None:
        raise DamagedError
    return data
