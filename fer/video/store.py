"""The videos that the page has analysed or will analyse: `FER_HOME/videos`, see `fer.video.job`.

One video is analysed at a time, in the order in which they were added, whoever added them.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from filelock import FileLock

from fer import paths
from fer.errors import VideoError
from fer.jobs.job import ID, REQUEST_FILE, RUNNING, new_id
from fer.storage.files import disk_use
from fer.text import MB
from fer.video.job import FILE_MODE, FOLDER_MODE, QUEUED, UPLOAD, Request, VideoJob

_LOCK: Final = "queue.lock"
_COPY_BYTES: Final = MB
# An upload is written in seconds. A folder without a request that is older was left by a process that was killed.
_ORPHAN_SECONDS: Final = 3600


def videos_dir() -> Path:
    """Return the folder of videos, `videos` under `FER_HOME`; it may not exist yet."""
    return paths.home() / "videos"


def find_video(video_id: str) -> VideoJob | None:
    """Return the video with an id, or None if there is none."""
    folder = videos_dir() / video_id
    return VideoJob(folder) if ID.fullmatch(video_id) and (folder / REQUEST_FILE).is_file() else None


def list_videos() -> list[VideoJob]:
    """Return all videos in the order in which they were added."""
    return [VideoJob(file.parent) for file in sorted(videos_dir().glob(f"*/{REQUEST_FILE}"))]


def add_upload(content: IO[bytes], request: Request) -> VideoJob:
    """Store an uploaded video and put it into the queue.

    Args:
        content: the video, from its beginning.
        request: what to do with it.

    Raises:
        VideoError: the folder can't be written.
    """
    job = VideoJob(videos_dir() / new_id())
    try:
        _make_folder(job.folder)
        with _private(job.folder / UPLOAD) as stream:
            shutil.copyfileobj(content, stream, _COPY_BYTES)
        job.wait_in_line(request)
    except (OSError, VideoError) as error:
        shutil.rmtree(job.folder, ignore_errors=True)
        raise _unwritable(error) from error
    return job


def add_file(request: Request) -> VideoJob:
    """Put one of the user's own files into the queue. It stays where it is.

    Raises:
        VideoError: the folder can't be written.
    """
    job = VideoJob(videos_dir() / new_id())
    try:
        _make_folder(job.folder)
        job.wait_in_line(request)
    except (OSError, VideoError) as error:
        shutil.rmtree(job.folder, ignore_errors=True)
        raise _unwritable(error) from error
    return job


def start_next() -> None:
    """Start the video that has waited longest, unless one is being analysed.

    Raises:
        VideoError: it can't be started.
    """
    if not videos_dir().is_dir():
        return
    with _queue():
        states = [(job, job.state) for job in list_videos()]
        if any(state == RUNNING for _, state in states):
            return
        for job, state in states:
            if state == QUEUED:
                job.start()
                return


def stop(job: VideoJob) -> None:
    """Stop the analysis of a video, or remove it from the queue. Its upload is deleted.

    Raises:
        VideoError: the process can't be ended.
    """
    with _queue():
        if job.state == QUEUED:
            shutil.rmtree(job.folder, ignore_errors=True)
        else:
            job.stop()
            job.forget_upload()
    start_next()


def delete(job: VideoJob) -> None:
    """Delete a video's results.

    Raises:
        VideoError: it is being analysed, or a file can't be deleted.
    """
    if job.state == RUNNING:
        raise VideoError("This video is being analysed; stop it first.")
    try:
        shutil.rmtree(job.folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise VideoError(f"{job.folder} can't be deleted ({error.strerror}); delete the folder by hand.") from error


def size_of(job: VideoJob) -> int:
    """Return the disk space of a video's results in bytes."""
    return disk_use(job.folder)


def sweep() -> None:
    """Delete the uploads of analyses that were killed, and uploads that were never complete."""
    for folder in videos_dir().glob("*/"):
        job = VideoJob(folder)
        if (folder / REQUEST_FILE).exists():
            if job.ended:
                job.forget_upload()
        elif _age_of(folder) > _ORPHAN_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _age_of(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:  # deleted meanwhile
        return 0.0


def _make_folder(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=FOLDER_MODE)


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """Yield a new file that nobody else may open."""
    # With an opener, which Path.open hasn't: Python's own flags open the file as binary on Windows, too.
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, FILE_MODE)) as stream:
        yield stream


@contextmanager
def _queue() -> Iterator[None]:
    """Hold the lock of the queue, so that two pages don't start two videos."""
    try:
        videos_dir().mkdir(parents=True, exist_ok=True)
        with FileLock(videos_dir() / _LOCK, is_singleton=False):
            yield
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: Exception) -> VideoError:
    reason = getattr(error, "strerror", None) or str(error)
    return VideoError(
        f"{videos_dir()} can't be written: {reason}. Free some disk space, delete videos, or set FER_HOME to another "
        "folder."
    )
