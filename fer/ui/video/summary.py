"""Draw the summary of all videos that were analysed: one number per video, by group, with a methods paragraph."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from fer.errors import VideoError
from fer.jobs.job import DONE
from fer.provenance import Provenance
from fer.storage.files import Signature, signature
from fer.summary.video_wording import videos_content
from fer.summary.videos import VideoNumbers
from fer.text import counted
from fer.ui.summaries import section as draw
from fer.ui.video.library import Listed
from fer.video.job import SUMMARY, VideoJob
from fer.video.stored import load_summary


def section(videos: Sequence[Listed]) -> None:
    """Draw the summary of the videos that are done; nothing if there is none.

    Only videos that the same model and settings made can be summarised together: those made like the newest.
    """
    made = [_numbers(one.job.id, signature(one.job.folder / SUMMARY), one.job) for one in videos if one.state == DONE]
    read = [one for one in made if one]
    if not read:
        return
    about = read[-1][1]
    alike = [numbers for numbers, other in read if replace(other, date=about.date) == about]
    left_out = len(made) - len(alike)
    note = (
        f"Without {counted(left_out, 'video')} that another model or other settings analysed. Add these again to "
        "include them."
        if left_out
        else ""
    )
    draw(videos_content, alike, about, key="video", note=note)


@st.cache_resource(max_entries=300, show_spinner=False)
def _numbers(video_id: str, written: Signature | None, _job: VideoJob) -> tuple[VideoNumbers, Provenance] | None:
    try:
        summary = load_summary(_job.folder)
        return summary.numbers, summary.about
    except VideoError:  # the page tells it where the video is shown
        return None
