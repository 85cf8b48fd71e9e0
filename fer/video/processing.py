"""Analyse one video and pass its frames to everything that is made of it."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer.errors import sentence_for
from fer.streams.pipeline import StreamModel
from fer.summary.video_numbers import VideoNumbers
from fer.text import encodable
from fer.video.analysis import AnalysedFrame, VideoAnalysis, VideoOptions
from fer.video.annotated import Annotated
from fer.video.summary import VideoSummary
from fer.video.table import rows_of
from fer.video.wire import VideoInfo
from fer.video.writers import RowWriter


@dataclass(frozen=True, eq=False)
class VideoResult:
    """What came of one video.

    Attributes:
        file: the name by which the user knows it.
        summary: what was seen until its end, or until it failed.
        info: its size, length and sound; None if it couldn't be read.
        notes: sentences about what was wrong with the file.
        error: None, or one sentence that says why it failed.
    """

    file: str
    summary: VideoSummary
    info: VideoInfo | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None

    @property
    def numbers(self) -> VideoNumbers:
        """Return what the summary of many videos needs of this one."""
        return self.summary.numbers(self.file, self.error)


def process(
    path: Path,
    model: StreamModel,
    options: VideoOptions,
    writers: Sequence[RowWriter] = (),
    *,
    file: str | None = None,
    annotated: Annotated | None = None,
    on_frame: Callable[[AnalysedFrame, VideoInfo], None] = lambda frame, info: None,
) -> VideoResult:
    """Analyse a video. One that fails gives a result with the reason, so that others can continue.

    Args:
        path: the file.
        model: the model that classifies the faces.
        options: which frames to analyse, and how.
        writers: they get the rows, and are not closed.
        file: the name by which the user knows the file; its path by default.
        annotated: where to write the annotated video and its subtitles; None for neither.
        on_frame: called for every frame.
    """
    name, summary = encodable(file or str(path)), VideoSummary(blur=options.settings.blur)
    info: VideoInfo | None = None
    notes: tuple[str, ...] = ()
    error = None
    try:
        with (
            VideoAnalysis(path, model, options, keep_pixels=annotated is not None) as analysis,
            nullcontext() if annotated is None else annotated.writing(path, analysis.info, options) as copy,
        ):
            info = analysis.info
            for frame in analysis:
                summary.add(frame)
                for writer in writers:
                    writer.write(rows_of(name, frame))
                if copy is not None:
                    copy.add(frame)
                on_frame(frame, info)
            notes = analysis.notes
        if copy is not None:
            notes = (*notes, *copy.notes)
    except OSError as problem:
        error = f"A file can't be read or written ({problem.strerror or problem}); check free space and permissions."
    except Exception as problem:  # one of many: the others continue
        error = sentence_for(problem)
    result = VideoResult(name, summary, info, notes, error)
    about = describe(result)
    for writer in writers:
        writer.end_video(about)
    return result


def describe(result: VideoResult) -> dict[str, Any]:
    """Return what JSON says about a video in addition to its rows and what made them, as plain values."""
    size = (result.info.width, result.info.height) if result.info else (None, None)
    return {
        "file": result.file,
        "error": result.error,
        "notes": list(result.notes),
        "width": size[0],
        "height": size[1],
        **result.summary.to_dict(),
    }
