"""Analyse the video that a job's folder asks for: `python -m fer.video.worker FOLDER`. Then start the next one."""

import logging
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from fer.errors import VideoError
from fer.jobs import worker
from fer.jobs.worker import Reporter
from fer.recognition.provenance import provenance_of
from fer.recognition.weights import bundle_to_serve
from fer.storage.files import replacing, write_text
from fer.storage.processes import lower_priority
from fer.storage.schema import fitting
from fer.streams.overlay import draw_people
from fer.streams.settings import StreamSettings
from fer.video import store
from fer.video.analysis import AnalysedFrame, VideoOptions, video_model
from fer.video.annotated import Annotated
from fer.video.job import ANNOTATED, PICTURE, REPORT, ROWS, SUBTITLES, Request, VideoJob
from fer.video.processing import describe, process
from fer.video.report import html_report
from fer.video.stored import save_summary
from fer.video.subtitles import SubtitleWriter
from fer.video.wire import VideoInfo
from fer.video.writers import ParquetWriter
from fer.vision.boxes import reduced
from fer.vision.images import encode_jpeg

_ANALYSING, _FINISHING = "analysing", "finishing"
_PICTURE_SECONDS: Final = 1.0
# Long side of the picture that shows where the job is.
_PICTURE_SIDE: Final = 480


class _Watch:
    """What is done with each frame besides its row: progress, a picture now and then, subtitles."""

    def __init__(self, job: VideoJob, report: Reporter, settings: StreamSettings, subtitles: SubtitleWriter) -> None:
        self._file = job.folder / PICTURE
        self._report = report
        self._settings = settings
        self._subtitles = subtitles
        self._drawn = -_PICTURE_SECONDS

    def __call__(self, frame: AnalysedFrame, info: VideoInfo) -> None:
        self._subtitles.add(frame)
        done = frame.number + 1
        total = max(info.n_frames or 0, done)
        # Files without an index don't say how many frames they have.
        share = done / total if info.n_frames else frame.time_s / info.seconds if info.seconds else 0.0
        text = f"{done:,} of {total:,} frames" if info.n_frames else f"{done:,} frames"
        self._report(_ANALYSING, text, min(1.0, share))
        now = time.monotonic()
        if now - self._drawn >= _PICTURE_SECONDS and frame.image_bgr is not None:
            self._drawn = now
            self._draw(frame)

    def _draw(self, frame: AnalysedFrame) -> None:
        assert frame.image_bgr is not None
        scene = frame.image_bgr.copy()
        draw_people(scene, frame.seen, frame.people, self._settings)
        with replacing(self._file) as stream:
            stream.write(encode_jpeg(reduced(scene, _PICTURE_SIDE)[0]))


def run(folder: Path) -> None:
    """Run the request in a folder, and then start the next video in the queue."""
    job = VideoJob(folder)
    try:
        worker.run(job, lambda values, report: _analyse_and_tidy(job, values, report), paced=_ANALYSING)
    finally:
        try:
            store.start_next()
        except VideoError:
            logging.getLogger(__name__).exception("The next video can't be started")


def _analyse_and_tidy(job: VideoJob, values: dict[str, Any], report: Reporter) -> None:
    try:
        _analyse(job, fitting(values, Request), report)
    except OSError as error:
        raise VideoError(
            f"The results can't be stored in {job.folder}: {error.strerror or error}. Free some disk space, then add "
            "the video again."
        ) from error
    finally:
        job.forget_upload()


def _analyse(job: VideoJob, request: Request, report: Reporter) -> None:
    bundle = bundle_to_serve(request.model, measure=False, weights=request.weights)
    options = VideoOptions.of(detector=request.detector, every=request.every, fps=request.fps, blur=request.blur)
    model = video_model(bundle)
    about = provenance_of(bundle, options.settings.detector, name=request.model_name, settings=options.described())
    annotated = Annotated(job.folder / ANNOTATED, about) if request.annotated else None
    with ExitStack() as stack:
        writer = ParquetWriter(stack.enter_context(replacing(job.folder / ROWS)), about)
        stack.callback(writer.close)
        subtitles = SubtitleWriter(stack.enter_context(replacing(job.folder / SUBTITLES)), about)
        result = process(
            job.source(request),
            model,
            options,
            [writer],
            file=request.name,
            annotated=annotated,
            on_frame=_Watch(job, report, options.settings, subtitles),
        )
        if result.error:
            raise VideoError(result.error)
        subtitles.close()
    report(_FINISHING, "Writing the report", 1.0)
    write_text(job.folder / REPORT, html_report([result], about))
    save_summary(job.folder, result, about, describe(result))


if __name__ == "__main__":
    # The camera of somebody who watches Live comes first.
    lower_priority()
    run(Path(sys.argv[1]))
