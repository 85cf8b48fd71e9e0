"""Parts of a large image that overlap, so that what is small is whole in one of them."""

import math
from collections.abc import Iterator
from typing import Final

from fer.arrays import Image

# Larger tiles don't fit into a processor's cache: 1024 pixels can take half as long again for each pixel.
_TILE: Final = 640


def tiles(image: Image, overlap: int) -> Iterator[tuple[slice, slice]]:
    """Yield rows and columns of tiles of about the same size that cover an image and overlap."""
    rows, columns = (_parts(length, overlap) for length in image.shape[:2])
    for top, bottom in rows:
        for left, right in columns:
            yield slice(top, bottom), slice(left, right)


def _parts(length: int, overlap: int) -> list[tuple[int, int]]:
    """Return starts and ends of overlapping parts of a length."""
    count = math.ceil(max(1, length - overlap) / _TILE)
    step = math.ceil(max(1, length - overlap) / count)
    return [(start, min(start + step + overlap, length)) for start in range(0, count * step, step)]
