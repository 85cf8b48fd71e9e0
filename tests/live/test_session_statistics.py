"""The statistics and the record of a live session."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest

from fer.emotions import EMOTIONS
from fer.live.settings import LiveSettings
from fer.streams.record import OUTCOMES
from tests.support.live_session import Clock, FakeClassifier, frame, play, session

PLAIN = LiveSettings(mirror=False, boxes=False, labels=False, confidence=False, date=False)


def test_statistics_of_the_last_seconds() -> None:
    clock = Clock()
    live = session(clock=clock)
    assert live.snapshot().fps == 0
    assert live.snapshot().processing_ms is None
    play(live, clock, 40, step_s=0.05)
    live.count_dropped(3)
    snapshot = live.snapshot()
    assert snapshot.fps == pytest.approx(20)
    assert (snapshot.n_frames, snapshot.n_dropped) == (40, 3)
    assert snapshot.processing_ms is not None and snapshot.processing_ms > 0
    assert snapshot.age_s == pytest.approx(2.0)
    clock.now += 4
    assert live.snapshot().fps == 0
    assert live.snapshot().silent_s == pytest.approx(4.05)


def test_people_seen_before_a_stall_are_not_shown_as_present() -> None:
    clock = Clock()
    live = session(clock=clock)
    play(live, clock, 20)
    assert (len(live.snapshot().people), live.snapshot().fps) == (1, pytest.approx(10))
    clock.now += 2
    snapshot = live.snapshot()
    assert snapshot.stalled
    assert (snapshot.people, snapshot.fps) == ((), 0)
    assert snapshot.n_frames == 20
    play(live, clock, 2)
    assert not live.snapshot().stalled
    assert len(live.snapshot().people) == 1


def test_shares_of_time_include_not_sure() -> None:
    clock, classifier = Clock(), FakeClassifier("happy", 0.9)
    live = session(classifier=classifier, clock=clock, confidence_threshold=0.5, settings=LiveSettings(smoothing_s=0.0))
    play(live, clock, 4)
    classifier.confidence = 0.3
    play(live, clock, 9)
    shares = dict(zip(OUTCOMES, live.snapshot().shares, strict=True))
    assert shares["happy"] == pytest.approx(0.25)
    assert shares["not sure"] == pytest.approx(0.75)


def test_raw_and_smoothed_probabilities_are_recorded() -> None:
    clock, classifier = Clock(), FakeClassifier("happy", 0.94)
    live = session(classifier=classifier, clock=clock, settings=LiveSettings(smoothing_s=1.0))
    play(live, clock, 10)
    classifier.emotion = "sad"
    play(live, clock, 1)
    (person,) = live.snapshot().people
    assert EMOTIONS[person.raw.argmax()] == "sad"
    assert person.face.emotion == "happy"
    last = live.record().to_frame().iloc[-1]
    assert last["raw_sad"] == pytest.approx(0.94, abs=1e-3)
    assert last["sad"] == pytest.approx(0.01 + 0.93 * (1 - np.exp(-0.1)), abs=2e-3)


def test_after_stop_frames_pass_through_and_the_record_is_kept() -> None:
    clock = Clock()
    live = session(clock=clock)
    play(live, clock, 5)
    rows = live.snapshot().n_rows
    live.stop()
    live.stop()
    image = frame()
    assert live.submit(image) is image
    clock.now += 100
    snapshot = live.snapshot()
    assert not live.active
    assert (snapshot.n_frames, snapshot.n_rows, snapshot.people) == (5, rows, ())
    assert snapshot.age_s == pytest.approx(0.5)
    assert live.picture() is not None
    document = json.loads(live.record().files(live.facts(), live.provenance()).json)
    assert document["frames"] == 5
    assert len(document["rows"]) == rows == 4
    about = document["about"]
    assert about["program"] == "fer-dashboard" and about["version"] and about["date"].endswith("+00:00")
    assert (about["detector"], about["model"]) == ("haar", "model-1")
    assert about["settings"] == {"smallest_face": 0.1, "sensitivity": 0.5, "detect_every": 5, "smoothing_seconds": 0.4}


def test_a_session_is_active_while_it_has_a_viewer() -> None:
    clock = Clock()
    live = session(clock=clock)
    assert live.active
    clock.now += 31
    assert not live.active
    play(live, clock, 1)
    assert live.active
    clock.now += 6
    assert not live.active
    play(live, clock, 1)
    live.stop()
    assert not live.active


def test_a_page_may_read_while_frames_are_processed() -> None:
    """Statistics are read and settings changed while frames are processed, without errors or torn values."""
    live = session(settings=PLAIN)
    done = threading.Event()
    troubles: list[BaseException] = []

    def look() -> None:
        try:
            while not done.is_set():
                snapshot = live.snapshot()
                assert snapshot.n_rows <= snapshot.n_frames
                live.timeline()
                live.change(replace(live.settings, blur=not live.settings.blur))
        except BaseException as error:
            troubles.append(error)

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(150):
        live.submit(frame(120, 160))
    done.set()
    reader.join()
    assert troubles == []
    assert live.snapshot().n_failed == 0
    assert live.snapshot().n_frames == 150
