"""How many streams one machine serves at a time: the next viewer is told, instead of everyone's picture stuttering."""

import threading
from typing import Protocol


class Stream(Protocol):
    """What takes a slot, as `fer.live.session.LiveSession` does."""

    @property
    def active(self) -> bool:
        """Whether a viewer is still behind it."""


class StreamSlots:
    """Slots for streams, shared by every viewer's thread.

    A stream that ended, or whose viewer vanished without a word, gives its slot back by itself: what counts is whether
    it is active when another one asks.

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
        self._streams: list[Stream] = []

    def enter(self, stream: Stream) -> bool:
        """Take a slot for a stream that is active; False where none is free."""
        with self._lock:
            self._streams = [other for other in self._streams if other.active and other is not stream]
            if len(self._streams) >= self.limit:
                return False
            self._streams.append(stream)
            return True

    def taken(self, apart_from: Stream | None = None) -> int:
        """Streams that are active now, `apart_from` not counted."""
        with self._lock:
            self._streams = [other for other in self._streams if other.active]
            return sum(other is not apart_from for other in self._streams)

    def full(self, apart_from: Stream | None = None) -> bool:
        """Whether another viewer would be turned away."""
        return self.taken(apart_from) >= self.limit
