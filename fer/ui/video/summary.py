"""Draw the summary of all videos that were analysed: one number per video, by group, with a methods paragraph."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import streamlit as st

from fer.errors import VideoError
from fer.jobs.job import DONE
from fer.provenance import Provenance
from fer.storage.files import Signature, signature
from fer.summary.groups import Groups
from fer.summary.video_numbers import VideoNumbers
from fer.summary.video_wording import videos_content
from fer.text import counted
from fer.ui.summaries import chosen_groups
from fer.ui.summaries import section as draw
from fer.ui.video.library import Listed
from fer.video.job import SUMMARY, VideoJob
from fer.video.stored import load_summary

_KEY: Final = "video"


@dataclass(frozen=True)
class _Alike:
    """The numbers of the videos that were made like the newest, what made them, and how many others there are."""

    numbers: list[VideoNumbers]
    about: Provenance
    n_others: int


def groups_of(videos: Sequence[Listed]) -> Groups | None:
    """Return the group of each video as it is chosen in the summary; None if there are no groups."""
    found = _alike(videos)
    return chosen_groups(found.numbers, key=_KEY) if found else None


def section(videos: Sequence[Listed]) -> None:
    """Draw the summary of the videos that are done; nothing if there is none.

    Only videos that the same model and settings made can be summarised together: those made like the newest.
    """
    found = _alike(videos)
    if found is None:
        return
    note = (
        f"Without {counted(found.n_others, 'video')} that another model or other settings analysed. Add these again to "
        "include them."
        if found.n_others
        else ""
    )
    draw(videos_content, found.numbers, found.about, key=_KEY, note=note)


def _alike(videos: Sequence[Listed]) -> _Alike | None:
    made = [_numbers(one.job.id, signature(one.job.folder / SUMMARY), one.job) for one in videos if one.state == DONE]
    read = [one for one in made if one]
    if not read:
        return None
    about = read[-1][1]
    # The hash distinguishes the weights, which results of earlier versions don't name.
    alike = [numbers for numbers, other in read if replace(other, date=about.date, weights=about.weights) == about]
    return _Alike(alike, about, len(made) - len(alike))


@st.cache_resource(max_entries=300, show_spinner=False)
def _numbers(video_id: str, written: Signature | None, _job: VideoJob) -> tuple[VideoNumbers, Provenance] | None:
    try:
        summary = load_summary(_job.folder)
        return summary.numbers, summary.about
    except VideoError:  # the page tells it where the video is shown
        return None
