"""A video in short."""

import numpy as np
import pytest

from fer.emotions import EMOTIONS
from fer.results import Face
from fer.streams.people import Person
from fer.streams.pipeline import SeenFace
from fer.video.analysis import FACE, NO_FACE, SKIPPED, AnalysedFrame
from fer.video.summary import VideoSummary

IMAGE = np.full((100, 100, 3), 50, np.uint8)


def frame(number: int, emotion: str | None, confidence: float = 0.8, status: str = FACE) -> AnalysedFrame:
    """A frame of a video with 10 frames per second, in which one person looks like something, or nobody does."""
    if emotion is None:
        return AnalysedFrame(number, number, number / 10, status if status == SKIPPED else NO_FACE, (), IMAGE)
    probabilities = np.full(7, (1 - confidence) / 6, np.float32)
    probabilities[EMOTIONS.index(emotion)] = confidence
    person = Person(1, Face((10, 10, 40, 40), probabilities, 0.5), probabilities)
    seen = SeenFace(1, np.array([10, 10, 40, 40], np.float32), True, probabilities, probabilities)
    return AnalysedFrame(number, number, number / 10, FACE, (person,), IMAGE, (seen,))


def summary(emotions: list[str | None], **options: bool) -> VideoSummary:
    made = VideoSummary(**options)
    for number, emotion in enumerate(emotions):
        made.add(frame(number, emotion))
    return made


def test_shares_count_the_time_in_which_a_face_is_seen() -> None:
    shares = summary([None, *["happy"] * 6, *["sad"] * 2, None, None]).shares()
    assert (shares["happy"], shares["sad"], shares["not sure"]) == pytest.approx((0.75, 0.25, 0))


def test_a_change_is_dated_from_its_beginning_and_short_ones_are_left_out() -> None:
    made = summary([*["happy"] * 5, "sad", *["happy"] * 5, *["neutral"] * 6])
    assert [(one.before, one.after, one.time_s) for one in made.changes] == [("happy", "neutral", 1.1)]


def test_the_strongest_moment_of_each_expression_has_a_picture() -> None:
    made = VideoSummary()
    for number, confidence in enumerate((0.6, 0.9, 0.7)):
        made.add(frame(number, "happy", confidence))
    made.add(frame(3, "sad", 0.4))
    (moment,) = made.moments()
    assert (moment.emotion, moment.time_s, moment.picture_bgr.shape) == ("happy", 0.1, (96, 96, 3))
    assert moment.confidence == pytest.approx(0.9)


def test_a_blurred_video_has_no_pictures_of_faces() -> None:
    (moment,) = summary(["happy"] * 3, blur=True).moments()
    assert moment.picture_bgr is None


def test_skipped_frames_count_as_frames_only() -> None:
    made = VideoSummary()
    for number in range(4):
        made.add(frame(number, "happy" if number % 2 == 0 else None, status=SKIPPED))
    assert (made.n_frames, made.n_analysed, made.n_rows) == (4, 2, 4)
    assert made.people()[0].shares[EMOTIONS.index("happy")] == 1


def test_the_timeline_covers_the_video() -> None:
    line = summary(["happy"] * 50).timeline()
    assert line.last_s == pytest.approx(4.9)
    assert line.lines[0].probabilities[:, EMOTIONS.index("happy")] == pytest.approx(0.8)


def test_the_numbers_of_a_video_are_weighted_by_time() -> None:
    made = VideoSummary()
    # The second face is shown for 0.1 s, the third for 0.9 s.
    for number, emotion in ((0, "happy"), (1, "sad"), (10, "happy")):
        made.add(frame(number, emotion))
    made.add(frame(11, None))
    numbers = made.numbers("clip.mp4")
    assert (numbers.n_frames, numbers.n_without_face, numbers.error) == (4, 1, None)
    assert sum(numbers.seconds) == pytest.approx(1) and numbers.seconds[EMOTIONS.index("sad")] == pytest.approx(0.1)
    assert numbers.probabilities[EMOTIONS.index("happy")] == pytest.approx(0.9 * 0.8 + 0.1 * 0.2 / 6)
    assert numbers.valence == pytest.approx(0.9 * (0.8 - 0.2 / 6) + 0.1 * (0.2 / 6 - 0.8))


def test_a_video_without_a_face_has_no_means() -> None:
    numbers = summary([None, None]).numbers("wall.mp4", "It broke off.")
    assert (numbers.probabilities, numbers.valence, numbers.error) == ((), None, "It broke off.")
