"""The settings that a viewer can change while the camera runs."""

from dataclasses import dataclass

from fer.streams.settings import StreamSettings


@dataclass(frozen=True)
class LiveSettings(StreamSettings):
    """Settings of a live session. A change takes effect with the next frame.

    Attributes:
        mirror: mirror the picture.
        date: draw the current date and time.

    Raises:
        ValueError: a value is out of range.
    """

    mirror: bool = True
    date: bool = True
