"""The settings that a viewer can change while the camera runs."""

from dataclasses import dataclass

from fer.provenance import Setting
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

    def described(self) -> dict[str, Setting]:
        """Return what a result says of the settings that made it, besides the detector."""
        return {"smallest_face": round(self.smallest_face, 4), **super().described()}
