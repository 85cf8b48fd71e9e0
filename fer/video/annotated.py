"""The annotated copy of a video: its picture with boxes, its sound, and its subtitles."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fer.errors import VideoError
from fer.provenance import Provenance
from fer.storage.files import PART, replacing
from fer.video.analysis import AnalysedFrame, VideoOptions
from fer.video.encoder import H264, AnnotatedVideo, Format
from fer.video.sound import add_sound
from fer.video.subtitles import SubtitleWriter
from fer.video.wire import VideoInfo

_NO_SOUND: Final = "The sound couldn't be read, so the annotated video has none."


@dataclass(frozen=True)
class Annotated:
    """Where an annotated video goes.

    Attributes:
        path: the video; its suffix is that of the format.
        about: what made it; it is the comment in both files.
        subtitles: the WebVTT file; None for none.
        form: how to encode.
    """

    path: Path
    about: Provenance
    subtitles: Path | None = None
    form: Format = H264

    @contextmanager
    def writing(self, source: Path, info: VideoInfo, options: VideoOptions) -> Iterator["AnnotatedCopy"]:
        """Write the files while the block runs. If it raises, nothing is left of them.

        Args:
            source: the original video, for its sound.
            info: its size and time base.
            options: what to draw.

        Raises:
            VideoError: a file can't be written.
        """
        # The suffix stays last, because it chooses the container.
        picture = self.path.with_name(f".{self.path.stem}-picture{PART}{self.path.suffix}")
        heard = self.path.with_name(f".{self.path.stem}-sound{PART}{self.path.suffix}")
        with ExitStack() as stack:
            stack.callback(_remove, picture, heard)
            subtitles = None
            if self.subtitles is not None:
                with _writable(self.subtitles):
                    stream = stack.enter_context(replacing(self.subtitles))
                subtitles = SubtitleWriter(stream, self.about)
            video = AnnotatedVideo(picture, info, options.settings, self.form, comment=self.about.text)
            stack.callback(video.abandon)
            copy = AnnotatedCopy(video, subtitles)
            yield copy
            video.close()
            if subtitles is not None:
                subtitles.close()
            finished = picture
            if info.sound is not None:
                if add_sound(source, picture, heard):
                    finished = heard
                else:
                    copy.notes.append(_NO_SOUND)
            with _writable(self.path):
                finished.replace(self.path)


@dataclass
class AnnotatedCopy:
    """The annotated copy while it is written; `notes` says what is missing from it."""

    video: AnnotatedVideo
    subtitles: SubtitleWriter | None
    notes: list[str] = field(default_factory=list)

    def add(self, frame: AnalysedFrame) -> None:
        """Add the next frame, which has pixels."""
        self.video.add(frame)
        if self.subtitles is not None:
            self.subtitles.add(frame)


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    """Say in a sentence that a file can't be written."""
    try:
        yield
    except OSError as error:
        raise VideoError(f"'{path}' can't be written ({error.strerror}); choose another place.") from error


def _remove(*paths: Path) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)
