"""WebVTT subtitles: what each person looks like, while it lasts."""

from typing import IO, Final

from fer.provenance import Provenance
from fer.video.analysis import SKIPPED, AnalysedFrame

# A cue of the last frame alone would have no length.
_SHORTEST_S: Final = 0.2


class SubtitleWriter:
    """Write a cue whenever what people look like has changed.

    Args:
        stream: where to write UTF-8; the caller closes it.
        about: what made the results; a note that players don't show says it.
    """

    def __init__(self, stream: IO[bytes], about: Provenance) -> None:
        self._stream = stream
        self._text, self._since_s, self._last_s = "", 0.0, 0.0
        # An arrow would end the note.
        stream.write(f"WEBVTT\n\nNOTE {about.text.replace('-->', '->')}\n".encode())

    def add(self, frame: AnalysedFrame) -> None:
        """Add the next frame."""
        self._last_s = frame.time_s
        if frame.status == SKIPPED:
            return
        text = "\n".join(f"{person.number}: {person.face.looks}" for person in frame.people)
        if text != self._text:
            self._write_until(frame.time_s)
            self._text, self._since_s = text, frame.time_s

    def close(self) -> None:
        """Write the last cue, which lasts until the last frame."""
        self._write_until(max(self._last_s, self._since_s + _SHORTEST_S))

    def _write_until(self, end_s: float) -> None:
        if self._text and end_s > self._since_s:
            times = f"{_clock(self._since_s)} --> {_clock(end_s)}"
            self._stream.write(f"\n{times}\n{self._text}\n".encode())


def _clock(seconds: float) -> str:
    """Return a time as WebVTT writes it, such as '00:01:02.500'."""
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
