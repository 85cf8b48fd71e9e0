"""Videos in the state of the Video page: analysed here, without a process of their own, or as if they were running."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from fer.jobs.job import PROGRESS_FILE, RUNNING, Progress
from fer.recognition.current import current_bundle_path
from fer.storage.files import write_json
from fer.storage.processes import stamp_of
from fer.video import store, worker
from fer.video.job import Request, VideoJob


def queued(clip: Path, name: str = "clip.mp4", **options: Any) -> VideoJob:
    """Add a video without starting it."""
    with clip.open("rb") as stream:
        return store.add_upload(stream, Request(name, time.time(), str(current_bundle_path()), "tiny", **options))


def analysed(clip: Path, name: str = "clip.mp4", **options: Any) -> VideoJob:
    """Add a video and analyse it."""
    job = queued(clip, name, **options)
    worker.run(job.folder)
    return job


def in_state(job: VideoJob, state: str, **values: Any) -> VideoJob:
    """Write a job's progress; one that runs has this process."""
    stamp = stamp_of(psutil.Process()) if state == RUNNING else {}
    write_json(job.folder / PROGRESS_FILE, asdict(Progress(state, **{"text": "", **stamp, **values})))
    return job
