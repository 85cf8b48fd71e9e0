"""Put the summary of videos into words and tables: for a page, a report and the methods section of a paper."""

import math
from collections.abc import Sequence
from typing import Final

from fer.emotions import EMOTIONS
from fer.provenance import Provenance
from fer.results import LABELS
from fer.summary.content import ChartedGroup, Content
from fer.summary.groups import Groups
from fer.summary.video_numbers import VideoNumbers
from fer.summary.videos import Mean, VideoGroup, VideosSummary, summarize_videos
from fer.summary.wording import VALENCE, VALENCE_METHOD, model_sentences, spread_text
from fer.text import counted, percent

SHARES: Final = (
    "Shares are parts of the time in which a face was seen; two faces at once count twice. Each is the mean over "
    "videos: a video counts once, because its frames depend on each other. In brackets: 95 % intervals of the mean "
    "(Student's t over videos), which need two videos that differ."
)
CAUTION: Final = (
    "These tests take every video as independent of the others. If the same person is in several videos, p is too "
    "small: use one video per person, or average each person's videos and test those."
)


def videos_content(videos: Sequence[VideoNumbers], groups: Groups | None, about: Provenance) -> Content:
    """Return what the summary of videos says.

    Args:
        videos: their numbers, failed ones included.
        groups: by file, the name of its group; None if there are no groups.
        about: what made the analyses.
    """
    summary = summarize_videos(videos, groups)
    total = summary.total
    header, rows = table(summary)
    return Content(
        unit="videos",
        share_of="time",
        numbers=(
            ("Videos", total.n_videos),
            ("Without a face", total.n_without_face),
            ("Frames", total.n_frames),
            ("Frames without a face", total.n_frames_without_face),
        ),
        header=header,
        rows=rows,
        notes=(SHARES, VALENCE),
        charted=tuple(_charted(summary, group) for group in summary.groups or (total,)),
        n_groups=len(summary.groups),
        tests=tests(summary),
        caution=CAUTION,
        methods=methods(summary, about),
    )


def _charted(summary: VideosSummary, group: VideoGroup) -> ChartedGroup:
    table = summary.table
    of_group = table[table["group"] == group.name] if summary.groups else table
    probabilities = of_group[[f"p_{name}" for name in EMOTIONS]].set_axis(list(EMOTIONS), axis="columns")
    return ChartedGroup(group.name, group.n_shown, tuple(group.shares[label] for label in LABELS), probabilities)


def table(summary: VideosSummary) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of the summary's table: a column for all videos and one for each group."""
    columns = [summary.total, *summary.groups]
    rows = [
        ["videos", *(f"{one.n_videos:,}" for one in columns)],
        ["videos without a face", *(f"{one.n_without_face:,}" for one in columns)],
        ["frames", *(f"{one.n_frames:,}" for one in columns)],
        ["frames without a face", *(_part(one.n_frames_without_face, one.n_frames) for one in columns)],
        ["seconds with a face", *(f"{one.seconds:,.1f}" for one in columns)],
        *([f"share of time: {label}", *(share_text(one.shares[label]) for one in columns)] for label in LABELS),
        *(
            [f"probability of {name}, mean (SD)", *(spread_text(one.probabilities[name].spread) for one in columns)]
            for name in EMOTIONS
        ),
        ["valence, mean (SD)", *(spread_text(one.valence.spread) for one in columns)],
    ]
    return ["", *(one.name for one in columns)], rows


def _part(count: int, of: int) -> str:
    return f"{count:,} ({percent(count / of, 0)})" if count else "0"


def share_text(mean: Mean) -> str:
    """Return '40 % (25 % to 58 %)', '40 %' without an interval, or a dash without a video."""
    if math.isnan(mean.share):
        return "–"
    interval = "" if math.isnan(mean.low) else f" ({percent(mean.low, 0)} to {percent(mean.high, 0)})"
    return f"{percent(mean.share, 0)}{interval}"


def methods(summary: VideosSummary, about: Provenance) -> str:
    """Return a paragraph for the methods section of a paper."""
    total = summary.total
    failed = f" ({summary.n_failed:,} more could not be read)" if summary.n_failed else ""
    sentences = [
        *model_sentences(about),
        "Faces were followed from frame to frame, and their probabilities smoothed over time. Moments with a "
        f"confidence below {about.confidence_threshold:.2f}, and those in which the face was too small, cut off, "
        "without contrast or turned away, count as 'not sure'.",
        f"We analysed {counted(total.n_frames, 'frame')} of {counted(total.n_videos, 'video')}{failed}; "
        f"{total.n_frames_without_face:,} had no detected face. Faces were seen for {total.seconds:,.1f} seconds in "
        f"{counted(total.n_shown, 'video')}.",
        "As frames of one video depend on each other, shares of time and probabilities were first averaged within each "
        f"video; means are over videos, with 95 % intervals of Student's t. {VALENCE_METHOD}",
    ]
    if found := tests(summary):
        sentences.append(
            f"Groups ({', '.join(summary.compared)}) were compared with one value per video. {'; '.join(found)}. The "
            "p values of the shares are adjusted for their number (Benjamini and Hochberg, 1995)."
        )
    return " ".join(sentences)


def tests(summary: VideosSummary) -> tuple[str, ...]:
    """Return the results of the tests between groups as a paper states them; empty if there are too few videos."""
    return tuple(test.text for test in summary.tests)
