"""Limit the number of streams: one viewer too many has to wait, instead of everyone's picture stuttering."""

import threading
from typing import Protocol
from weakref import WeakSet


class Stream(Protocol):
    """Anything that takes a slot, such as `fer.live.session.LiveSession`."""

    @property
    def active(self) -> bool:
        """Return whether the stream still has a viewer."""


class StreamSlots:
    """Slots for streams, shared by the threads of all viewers.

    Only active streams take a slot, so a stream that ended or lost its viewer frees its slot automatically. One that
    was only silent takes it again when its frames come back. Streams are weakly referenced, so that a slot doesn't keep
    a session in memory.

    Args:
        limit: maximum number of streams, at least 1.

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
        """Take a slot for an active stream. Return False if none is free."""
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
