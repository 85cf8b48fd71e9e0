"""A video that the page analyses: a job in a folder of its own, with its upload and its results.

    FER_HOME/videos/ID/
        request.json  progress.json  log.txt  lock    see `fer.jobs`
        upload        the video, while the job needs it; none if the video is one of the user's own files
        now.jpg       the picture that the job has reached
        rows.parquet  summary.json  report.html  subtitles.vtt  annotated.mp4  moment-PERSON-EMOTION.jpg

Only the user who runs the program may open the folder. The results stay until somebody deletes them on the page.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from fer.errors import VideoError
from fer.jobs import job
from fer.jobs.job import REQUEST_FILE
from fer.storage.files import remove_parts
from fer.storage.schema import Moment, Text, Weights, fitting, read_object
from fer.storage.values import ValuesError

UPLOAD, PICTURE = "upload", "now.jpg"
ROWS, SUMMARY, REPORT = "rows.parquet", "summary.json", "report.html"
SUBTITLES, ANNOTATED = "subtitles.vtt", "annotated.mp4"
QUEUED, DAMAGED = "queued", "damaged"
FOLDER_MODE, FILE_MODE = 0o700, 0o600


@dataclass(frozen=True)
class Request:
    """What to analyse.

    Attributes:
        name: the name by which the user knows the video.
        added: when it was added, in seconds since 1970.
        model: the folder of the model, and `model_name` its name for people.
        path: the user's own file; None if the video was uploaded.
        every, fps: which frames to analyse, see `fer.video.analysis.VideoOptions`.
        detector: the face detector.
        blur: whether to blur the faces.
        annotated: whether to make an annotated copy.
        weights: which weights of the model to use, 'float32' or 'int8'; '' for those served where it is analysed.
    """

    name: Annotated[str, Meta(min_length=1, max_length=1000)]
    added: Moment
    model: Text
    model_name: Text
    path: Text | None = None
    every: Annotated[int, Meta(ge=1, le=10_000)] = 1
    fps: Annotated[float, Meta(gt=0, le=1000)] | None = None
    detector: Annotated[str, Meta(pattern="^(yunet|haar)$")] = "yunet"
    blur: bool = False
    annotated: bool = True
    weights: Weights = ""


class VideoJob(job.Job):
    """The analysis of one video in its folder."""

    worker = "fer.video.worker"
    noun = "analysis"
    again = "Add the video again."
    error: ClassVar = VideoError

    @property
    def state(self) -> str:
        """Return a state of `fer.jobs.job`, 'queued', or 'damaged' if its files can't be read."""
        if self.find_request() is None:
            return DAMAGED
        progress = self.progress()
        if progress is None:
            return DAMAGED if (self.folder / job.PROGRESS_FILE).exists() else QUEUED
        return progress.state

    @property
    def ended(self) -> bool:
        """Return whether the job neither runs nor waits."""
        return self.state not in (QUEUED, job.RUNNING)

    def find_request(self) -> Request | None:
        """Return what to analyse, or None if it can't be read."""
        try:
            return fitting(read_object(self.folder / REQUEST_FILE), Request)
        except (FileNotFoundError, ValuesError):
            return None

    def wait_in_line(self, request: Request) -> None:
        """Write down the request; `fer.video.store.start_next` starts the job.

        Raises:
            VideoError: the folder can't be written.
        """
        self.ask(asdict(request))

    def start(self) -> None:
        """Start the job.

        Raises:
            VideoError: the request can't be read, or no process can be started.
        """
        request = self.find_request()
        if request is None:
            raise VideoError(f"The request in {self.folder} can't be read; delete this video and add it again.")
        self.begin(asdict(request))

    def source(self, request: Request) -> Path:
        """Return the video to read."""
        return self.folder / UPLOAD if request.path is None else Path(request.path)

    def forget_upload(self) -> None:
        """Delete the uploaded video, and what a job that was ended has left half-written."""
        for name in (UPLOAD, PICTURE):
            with suppress(OSError):
                (self.folder / name).unlink(missing_ok=True)
        remove_parts(self.folder)
        # Annotated copies keep their suffix, which chooses the container.
        for part in self.folder.glob(f".annotated-*{Path(ANNOTATED).suffix}"):
            with suppress(OSError):
                part.unlink(missing_ok=True)
