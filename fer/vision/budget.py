"""One budget for the memory of all images that this process decodes at the same time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from fer.errors import ImageError
from fer.text import MB

# A progressive JPEG in full colour with 50 megapixels takes 10 bytes per pixel.
MAX_MEMORY: Final = 500 * MB
# Reserved at least, which also bounds the number of decodes at the same time.
_LEAST: Final = MAX_MEMORY // 8

_free = MAX_MEMORY
_changed = threading.Condition()


@contextmanager
def reserved(n_bytes: float, width: int, height: int) -> Iterator[None]:
    """Reserve memory while an image is decoded; wait for other threads that hold too much of the budget.

    Args:
        n_bytes: what decoding takes at its peak, the result included.
        width: of the image, for the message.
        height: of the image, for the message.

    Raises:
        ImageError: the image alone exceeds the budget.
    """
    global _free
    if n_bytes > MAX_MEMORY:
        raise ImageError(
            f"Decoding this image takes {n_bytes / MB:,.0f} MB of memory ({width} x {height} pixels), more than "
            f"{MAX_MEMORY // MB}; make it smaller, or save it as JPEG."
        )
    share = max(int(n_bytes), _LEAST)
    with _changed:
        _changed.wait_for(lambda: _free >= share)
        _free -= share
    try:
        yield
    finally:
        with _changed:
            _free += share
            _changed.notify_all()
