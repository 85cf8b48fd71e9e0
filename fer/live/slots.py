"""How many streams one machine serves at a time: the next viewer is told, instead of everyone's picture stuttering."""

import threading
from typing import Protocol
from weakref import WeakSet


class Stream(Protocol):
    """What takes a slot, as `fer.live.session.LiveSession` does."""

    @property
    def active(self) -> bool:
        """Whether a viewer is still behind it."""


class StreamSlots:
    """Slots for streams, shared by every viewer's thread.

    A stream that ended, or whose viewer vanished without a word, gives its slot back by itself: what counts is whether
    it is active when another one asks. One that was only silent counts again when its frames come back. Streams are
    held weakly: a session whose viewer is gone is not kept in memory for having had a slot.

    Args:
        limit: streams at a time, 1 or more.

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
        """Take a slot for a stream that is active; False where none is free."""
        with self._lock:
            if self._taken(apart_from=stream) >= self.limit:
                return False
            self._streams.add(stream)
            return True

    def full(self) -> bool:
        """Whether another viewer would be turned away."""
        return self.taken() >= self.limit

    def taken(self) -> int:
        """Streams that are active now."""
        with self._lock:
            return self._taken()

    def _taken(self, apart_from: Stream | None = None) -> int:
        return sum(stream.active for stream in self._streams if stream is not apart_from)
