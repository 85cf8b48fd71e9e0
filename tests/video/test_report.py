"""The report in one file."""

import re
from dataclasses import replace

import pytest

from fer.video.processing import VideoResult
from fer.video.report import clock, html_report
from fer.video.summary import VideoSummary
from fer.video.wire import VideoInfo
from tests.support import provenance
from tests.video.test_summary import summary

ABOUT = replace(provenance.ABOUT, model="<b>mine</b>")


def report(made: VideoSummary, **values: object) -> str:
    info = VideoInfo(640, 480, 1, 3.0, 30, None)
    return html_report([VideoResult("<script>clip.mp4", made, info, **values)], ABOUT)


def test_the_report_opens_offline_and_shows_everything() -> None:
    page = report(summary([*["happy"] * 12, *["sad"] * 12]), notes=("Damaged parts were skipped.",))
    # Nothing is loaded and no text of the file runs.
    assert "<script" not in page and "http://" not in page and "https://" not in page
    assert "&lt;script&gt;clip.mp4" in page and "&lt;b&gt;mine" in page
    assert "model_hash=0123456789abcdef" in page and "smoothing_seconds=0.4" in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert "looks happy 0.80" in page and "looks sad 0.80" in page
    assert re.search(r"<td>0:01\.2</td><td>1</td><td>happy</td><td>sad</td>", page)
    assert "happy 48 %" in page and "sad 52 %" in page
    assert "Damaged parts were skipped." in page
    assert page.count("<path") == 7


def test_a_blurred_report_has_no_picture_and_a_failed_video_has_its_reason() -> None:
    assert "<img" not in report(summary(["happy"] * 5, blur=True))
    page = report(VideoSummary(), error="This file is empty; copy it again.")
    assert "This file is empty; copy it again." in page and "<svg" not in page


def test_a_video_without_a_face_says_so() -> None:
    assert "No face was found." in report(summary([None] * 5))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00.0"), (5.25, "0:05.2"), (59.97, "1:00.0"), (65.2, "1:05.2"), (3665.2, "1:01:05.2")]
)
def test_times_are_written_as_players_do(seconds: float, text: str) -> None:
    assert clock(seconds) == text
