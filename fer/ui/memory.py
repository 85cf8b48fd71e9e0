"""Give freed memory back to the operating system, so that the app doesn't grow with every visitor that it ever had.

glibc keeps freed memory for later. It gives large blocks back at once, but raises what counts as large to the largest
block that it has seen, up to 32 MB; from then on, the pixels of a photo leave holes of that size in the heap of each
thread. With a fixed bound that doesn't happen.
"""

import ctypes
import gc
import sys
from typing import Final

from fer.text import MB

# Of <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MOST_ARENAS = -1, -3, -8
# A photo of 1280 x 960 pixels takes 3.7 MB, and mapping such blocks anew would cost a quarter of its time. A phone's
# takes 36 MB.
_LARGE_BYTES: Final = 8 * MB
# Heaps that threads share. Each visitor's analysis has a thread of its own, which would leave a heap behind.
_ARENAS: Final = 2


def keep_little() -> None:
    """Make glibc give large blocks back as soon as they are freed; nothing happens where there is another library."""
    if (libc := _glibc()) is not None:
        libc.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        libc.mallopt(_TRIM_THRESHOLD, _LARGE_BYTES)
        libc.mallopt(_MOST_ARENAS, _ARENAS)


def give_back() -> None:
    """Free what only refers to itself, as an ended session does, and return the pages that are free by then."""
    gc.collect()
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    # musl has neither.
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None
