"""A live session whose frames, detector or model fail."""

import numpy as np
import pytest

from fer.emotions import EMOTIONS
from fer.errors import BundleError, DetectorError, SlowModelError
from fer.live.session import LiveSession
from fer.live.settings import LiveSettings
from fer.streams.pipeline import StreamModel
from tests.support.live_session import Clock, FakeClassifier, FakeDetector, frame, play, session


def test_a_missing_detector_keeps_the_previous_one() -> None:
    def make(settings: LiveSettings) -> FakeDetector:
        if settings.detector == "yunet":
            raise DetectorError("no file")
        return FakeDetector()

    clock = Clock()
    live = LiveSession(StreamModel(FakeClassifier()), LiveSettings(), make_detector=make, clock=clock)
    with pytest.raises(DetectorError):
        live.change(LiveSettings(detector="yunet"))
    assert live.settings.detector == "haar"
    play(live, clock, 2)
    assert live.snapshot().n_failed == 0


def test_a_failed_frame_is_passed_through_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    live = session(classifier=FakeClassifier(fails_every=5), clock=clock)
    image = frame()
    passed = 0
    for _ in range(20):
        passed += live.submit(image) is image
        clock.now += 0.05
    snapshot = live.snapshot()
    assert passed == snapshot.n_failed == 4
    assert snapshot.n_frames == 20
    assert snapshot.last_failure == "RuntimeError: out of luck"
    assert [person.number for person in snapshot.people] == [1]
    assert len(caplog.records) == 1


def test_no_frame_fails_when_the_model_is_stopped_and_another_takes_over() -> None:
    clock = Clock()
    stopped = FakeClassifier("sad", fails_every=3, failure=SlowModelError("'theirs' took more than 5 s."))
    loaded: list[StreamModel] = []

    def replacement() -> StreamModel:
        loaded.append(StreamModel(FakeClassifier("happy"), 0.95, "shipped"))
        return loaded[-1]

    live = session(classifier=stopped, clock=clock, replacement=replacement)
    play(live, clock, 20)
    snapshot = live.snapshot()
    assert (snapshot.n_frames, snapshot.n_failed) == (20, 0)
    assert len(loaded) == 1 and live.model is loaded[0]
    assert live.provenance().model == "model-1, then shipped"
    (person,) = snapshot.people
    assert person.face.looks == "not sure" and person.face.probabilities.argmax() == EMOTIONS.index("happy")
    # The page notices it a moment later, too.
    live.change_model(StreamModel(FakeClassifier("happy"), 0.95, "shipped"))
    assert live.provenance().model == "model-1, then shipped"


def test_the_reason_for_a_failure_is_only_its_sentence() -> None:
    clock = Clock()
    failing = FakeClassifier(fails_every=1, failure=BundleError("The shipped model failed on a face. Try again."))
    live = session(classifier=failing, clock=clock)
    play(live, clock, 3)
    assert live.snapshot().last_failure == "The shipped model failed on a face. Try again."


def test_a_failed_frame_shows_nobody_if_faces_are_blurred() -> None:
    live = session(classifier=FakeClassifier(fails_every=1), settings=LiveSettings(blur=True))
    image = frame()
    shown = live.submit(image)
    assert shown.shape == image.shape
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) <= 24 * 24


def test_unreadable_frames_are_counted_and_logged_but_not_as_a_stall(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    live = session(clock=clock)
    play(live, clock, 4)
    for _ in range(150):
        clock.now += 0.1
        live.count_failed(ValueError("unknown format"))
    snapshot = live.snapshot()
    assert (snapshot.n_frames, snapshot.n_failed, snapshot.last_failure) == (154, 150, "ValueError: unknown format")
    assert snapshot.silent_s == 0
    assert live.active
    # The first and every hundredth, with the exception.
    assert [record.args for record in caplog.records] == [(1,), (101,)]
    assert all(record.exc_info and isinstance(record.exc_info[1], ValueError) for record in caplog.records)


@pytest.mark.parametrize("when", ["before", "after"])
def test_after_stop_nobody_is_visible_if_faces_are_blurred(when: str) -> None:
    live = session(settings=LiveSettings(blur=when == "before"))
    live.submit(frame())
    live.stop()
    live.change(LiveSettings(blur=True))
    shown = live.submit(frame())
    assert shown.shape == (480, 640, 3)
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) <= 24 * 24
