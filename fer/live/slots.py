"""How many streams one machine serves at a time, so that one more doesn't make everyone's picture stutter."""

import threading
from typing import Protocol
from weakref import WeakSet


class Stream(Protocol):
    """Anything that takes a slot, as `fer.live.session.LiveSession` does."""

    @property
    def active(self) -> bool:
        """Return whether a viewer still watches it."""


class StreamSlots:
    """Slots for streams, shared by every viewer's thread.

    The slot of a stream that ended, or whose viewer disconnected, is free automatically: it counts only if it is active
    when another one asks. A silent stream counts again when its frames return. Streams are held by weak references, so
    a slot doesn't keep a session in memory.

    Args:
        limit: streams at the same time, 1 or more.

    Raises:
        ValueError: the limit is less than 1.
    """

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"limit: expected 1 or more. Received: {limit}")
        self.limit = limit
        self._lock = threading.Lock()
        self._streams: WeakSet[Stream] = WeakSet()

    def enter(self, stream: Stream) -> bool:
        """Take a slot for an active stream, and return whether one was free."""
        with self._lock:
            if self._taken(apart_from=stream) >= self.limit:
                return False
            self._streams.add(stream)
            return True

    def full(self) -> bool:
        """Return whether all slots are taken."""
        return self.taken() >= self.limit

    def taken(self) -> int:
        """Return the number of active streams."""
        with self._lock:
            return self._taken()

    def _taken(self, apart_from: Stream | None = None) -> int:
        return sum(stream.active for stream in self._streams if stream is not apart_from)
