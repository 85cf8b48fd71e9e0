import math
import re

import pytest
from scipy.stats import false_discovery_control, mannwhitneyu, t

from fer.emotions import EMOTIONS
from fer.results import LABELS
from fer.summary.report import html_report
from fer.summary.video_numbers import VideoNumbers
from fer.summary.video_wording import methods, table, videos_content
from fer.summary.videos import VideosSummary, summarize_videos
from tests.summary.test_report import ABOUT


def video(file: str, valence: float | None = 0.5, **seconds: float) -> VideoNumbers:
    """A video with its seconds by label; its mean probabilities are its shares of the expressions."""
    times = tuple(float(seconds.get(label.replace(" ", "_"), 0)) for label in LABELS)
    total = sum(times[: len(EMOTIONS)])
    probabilities = tuple(time / total for time in times[: len(EMOTIONS)]) if total else (1 / 7,) * 7
    return VideoNumbers(file, 100, 10, times, probabilities if sum(times) else (), valence if sum(times) else None)


def rows(summary: VideosSummary) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in table(summary)[1]}


def test_a_long_video_counts_as_much_as_a_short_one() -> None:
    shares = [0.9, 0.5, 0.1]
    lengths = (1, 10, 1000)
    videos = [
        video(f"{n}.mp4", happy=length * share, sad=length * (1 - share))
        for n, (length, share) in enumerate(zip(lengths, shares, strict=True))
    ]
    total = summarize_videos(videos).total
    happy = total.shares["happy"]
    low, high = t.interval(0.95, 2, 0.5, 0.4 / math.sqrt(3))
    assert (happy.share, happy.sd) == (pytest.approx(0.5), pytest.approx(0.4))
    assert (happy.low, happy.high) == (max(0, low), min(1, high)) == (0, 1)
    assert total.seconds == pytest.approx(1011) and total.shares["fear"].share == 0


def test_an_interval_is_students_over_videos() -> None:
    shares = [0.5, 0.52, 0.54, 0.56]
    happy = summarize_videos([video(f"{share}", happy=share, not_sure=1 - share) for share in shares]).total.shares
    # By hand: mean 0.53, sd 0.02582, 3.1824 * 0.02582 / 2 = 0.04108.
    assert happy["happy"].low == pytest.approx(0.48892, abs=1e-4)
    assert happy["happy"].high == pytest.approx(0.57108, abs=1e-4)
    assert happy["not sure"].share == pytest.approx(0.47), "not sure is a share of the same time"


def test_videos_without_a_face_and_failed_ones_are_counted_apart() -> None:
    summary = summarize_videos([video("a", happy=2), video("b"), VideoNumbers("c", error="It is damaged.")])
    total = summary.total
    assert (total.n_videos, total.n_without_face, total.n_shown, summary.n_failed) == (2, 1, 1, 1)
    assert (total.n_frames, total.n_frames_without_face) == (200, 20)
    assert rows(summary)["share of time: happy"] == ["100 %"], "one video has no interval"
    assert rows(summary)["frames without a face"] == ["20 (10 %)"]


def test_nothing_at_all_has_a_summary() -> None:
    for videos in ([], [video("wall")], [VideoNumbers("a", error="x")]):
        content = videos_content(videos, {"wall": "a"}, ABOUT)
        page = html_report(content, ABOUT)
        assert not re.search(r">nan|nan<|\(nan", page)
        assert ("too few videos" in page) == (content.n_groups > 0)


def test_groups_are_compared_with_one_value_per_video() -> None:
    happy = {"calm": [0.9, 0.8, 0.85, 0.7, 0.95], "loud": [0.2, 0.1, 0.3, 0.25, 0.15]}
    videos, groups = [], {}
    for group, shares in happy.items():
        for number, share in enumerate(shares):
            videos.append(video(f"{group}{number}", 2 * share - 1, happy=share, sad=1 - share))
            groups[f"{group}{number}"] = group
    videos.append(video("other", happy=1))
    summary = summarize_videos(videos, groups)
    assert [group.name for group in summary.groups] == ["calm", "loud", "no group"]
    assert summary.compared == ("calm", "loud")
    valence, *tests = summary.tests
    expected = mannwhitneyu(happy["calm"], happy["loud"]).pvalue
    assert valence.p == pytest.approx(expected) and valence.effect == 1 and "n = 10" in valence.statistic
    assert [test.name.split(",")[0] for test in tests] == [
        "Mann-Whitney test of the share of happy",
        "Mann-Whitney test of the share of sad",
    ]
    assert [test.p for test in tests] == pytest.approx(false_discovery_control([expected, expected]))
    text = methods(summary, ABOUT)
    assert "one value per video" in text and "1,100 frames of 11 videos; 110 had no detected face" in text
    page = html_report(videos_content(videos, groups, ABOUT), ABOUT)
    assert "too small: use one video per person" in page and page.count("data:image/svg+xml;base64,") == 2


def test_one_video_per_group_is_too_few_for_a_test() -> None:
    summary = summarize_videos([video("a", happy=1), video("b", sad=1)], {"a": "x", "b": "y"})
    assert summary.tests == () and summary.compared == ()
