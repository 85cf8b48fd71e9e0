"""A live session: frames in, annotated frames out, and the effect of settings."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from fer.live.session import LiveSession
from fer.live.settings import LiveSettings
from fer.streams.pipeline import StreamModel
from fer.vision.boxes import Head
from tests.support.camera import portrait_frames
from tests.support.live_session import FACE, Clock, FakeClassifier, FakeDetector, frame, play, session

PLAIN = LiveSettings(mirror=False, boxes=False, labels=False, confidence=False, date=False)


def test_a_frame_is_returned_annotated_and_the_original_unchanged() -> None:
    clock = Clock()
    live = session(clock=clock)
    image = frame()
    before = image.copy()
    live.submit(image)
    shown = live.submit(image)
    assert shown.shape == image.shape and shown.dtype == np.uint8
    assert (image == before).all()
    assert (shown != image).any()


def test_mirroring_changes_only_the_picture() -> None:
    image = frame()
    assert (session(settings=PLAIN).submit(image) == image).all()
    assert (session(settings=replace(PLAIN, mirror=True)).submit(image) == image[:, ::-1]).all()


def test_people_appear_with_the_second_detection() -> None:
    clock, detector = Clock(), FakeDetector()
    live = session(detector, clock=clock, settings=LiveSettings(detect_every=10))
    play(live, clock, 1)
    assert live.snapshot().people == ()
    play(live, clock, 1)
    (person,) = live.snapshot().people
    assert person.number == 1
    assert person.face.box_xywh == (200, 120, 160, 160)
    assert person.face.looks == "looks happy"
    assert person.face.confidence == pytest.approx(0.88, abs=1e-3)


def test_a_face_that_leaves_the_picture_is_not_sure() -> None:
    clock = Clock()
    # 30 of its 80 pixels are outside.
    live = session(FakeDetector([(-30, 60, 80, 80)]), FakeClassifier(confidence=0.99), clock=clock)
    play(live, clock, 10)
    (person,) = live.snapshot().people
    assert person.face.reasons[0] == "the face is cut off by the edge of the picture"
    assert not person.face.sure and not live.record().to_frame()["sure"].any()


def test_detection_sees_a_frame_of_320_from_any_camera() -> None:
    detector = FakeDetector()
    live = session(detector)
    for height, width in ((480, 640), (720, 1280), (240, 320), (120, 96)):
        live.submit(frame(height, width))
    assert detector.sizes == [(240, 320), (180, 320), (240, 320), (320, 256)]


@pytest.mark.parametrize("scale", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("name", ["haar", "yunet"])
def test_the_smallest_face_is_the_same_share_of_any_picture(name: str, scale: float) -> None:
    """The portrait's face takes about a quarter of the longer side."""
    portrait = cv2.resize(portrait_frames()[0], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = {}
    for share in (0.1, 0.4):
        settings = LiveSettings(detector=name, smallest_face=share, detect_every=1)
        live = LiveSession(StreamModel(FakeClassifier()), settings)
        for _ in range(3):
            live.submit(portrait)
        found[share] = len(live.snapshot().people)
    assert found == {0.1: 1, 0.4: 0}


@pytest.mark.parametrize(("every", "expected"), [(1, 21), (5, 5), (10, 3)])
def test_detection_looks_at_every_nth_frame_and_the_classifier_at_all(every: int, expected: int) -> None:
    """Frames 0 and 1 (a new face is looked for again at once), then every n-th."""
    clock, detector, classifier = Clock(), FakeDetector(), FakeClassifier()
    live = session(detector, classifier, LiveSettings(detect_every=every), clock=clock)
    play(live, clock, 21, step_s=0.03)
    assert len(detector.sizes) == expected
    assert classifier.batches == [1] * 21


def test_all_faces_of_a_frame_are_classified_in_one_call() -> None:
    clock, classifier = Clock(), FakeClassifier()
    live = session(FakeDetector([FACE, (200, 60, 60, 60), (20, 150, 50, 50)]), classifier, clock=clock)
    play(live, clock, 3)
    assert classifier.batches == [3, 3, 3]
    assert [person.number for person in live.snapshot().people] == [1, 2, 3]


def test_a_false_detection_uses_no_number() -> None:
    clock, detector = Clock(), FakeDetector([(20, 150, 50, 50)])
    live = session(detector, settings=LiveSettings(detect_every=1), clock=clock)
    play(live, clock, 1)
    detector.boxes = [FACE]
    play(live, clock, 3)
    assert [person.number for person in live.snapshot().people] == [1]


def test_between_detections_a_box_follows_the_picture() -> None:
    clock, detector = Clock(), FakeDetector()
    live = session(detector, clock=clock, settings=LiveSettings(detect_every=10))
    picture = frame()
    for step in range(6):
        live.submit(np.roll(picture, 4 * step, axis=1))
        clock.now += 0.03
    # Frames 0 and 1 detect the box at 200; four frames of flow move it by 4 pixels each.
    assert len(detector.sizes) == 2
    assert live.snapshot().people[0].face.box_xywh[0] == pytest.approx(216, abs=2)


def test_a_face_that_detections_miss_stays_for_a_moment_but_is_not_recorded() -> None:
    clock, detector, classifier = Clock(), FakeDetector(), FakeClassifier()
    live = session(detector, classifier, LiveSettings(detect_every=1), clock=clock)
    play(live, clock, 4)
    rows = live.snapshot().n_rows
    detector.boxes = []
    play(live, clock, 2)
    assert [person.number for person in live.snapshot().people] == [1]
    assert live.snapshot().n_rows == rows
    assert len(classifier.batches) == 4
    play(live, clock, 10)
    assert live.snapshot().people == ()


def test_settings_apply_from_the_next_frame() -> None:
    clock = Clock()
    live = session(clock=clock, settings=PLAIN)
    play(live, clock, 3)
    assert (live.submit(frame()) == frame()).all()
    live.change(replace(PLAIN, boxes=True))
    assert (live.submit(frame()) != frame()).any()
    live.change(replace(PLAIN, smoothing_s=0.0))
    assert live.settings.smoothing_s == 0.0


def test_a_new_detector_is_used_at_once_and_the_old_one_no_more() -> None:
    made: list[FakeDetector] = []

    def make(settings: LiveSettings) -> FakeDetector:
        made.append(FakeDetector())
        return made[-1]

    clock = Clock()
    live = LiveSession(StreamModel(FakeClassifier()), LiveSettings(detect_every=10), make_detector=make, clock=clock)
    play(live, clock, 4)
    live.change(LiveSettings(detect_every=10, detector="yunet"))
    play(live, clock, 1)
    assert [len(detector.sizes) for detector in made] == [2, 1]
    live.change(LiveSettings(detect_every=3, detector="yunet"))
    assert len(made) == 2


def test_a_changed_frame_size_restarts_tracking() -> None:
    clock = Clock()
    live = session(clock=clock)
    play(live, clock, 4)
    for _ in range(2):
        live.submit(frame(720, 1280))
        clock.now += 0.1
    assert [person.number for person in live.snapshot().people] == [2]
    assert live.snapshot().n_failed == 0


def test_another_model_is_used_from_the_next_frame() -> None:
    clock = Clock()
    live = session(clock=clock, settings=LiveSettings(smoothing_s=0.0))
    play(live, clock, 3)
    other = StreamModel(FakeClassifier("sad", 0.5), 0.6, "model-2")
    live.change_model(other)
    play(live, clock, 1)
    assert live.model is other
    (person,) = live.snapshot().people
    assert (person.number, person.face.looks) == (1, "not sure")
    rows = live.record().to_frame()
    assert rows["emotion"].tolist() == ["happy", "happy", "sad"]
    assert rows["sure"].tolist() == [True, True, False]
    assert live.provenance().model == "model-1, then model-2"
    assert live.provenance().confidence_threshold == 0.6
    made_by = live.provenance()
    assert (made_by.model, made_by.confidence_threshold) == ("model-1, then model-2", 0.6)


@pytest.mark.parametrize(
    "change",
    [{"sensitivity": 1.2}, {"smallest_face": 0.01}, {"detect_every": 0}, {"detect_every": 11}, {"smoothing_s": -0.1}],
)
def test_settings_out_of_range_are_named(change: dict) -> None:
    (name,) = change
    with pytest.raises(ValueError, match=name):
        LiveSettings(**change)


def test_the_roll_is_measured_at_times_and_kept_with_the_track_in_between() -> None:
    class Tilted(FakeDetector):
        measured = 0

        def head(self, image_bgr: np.ndarray, box_xywh: object) -> Head:
            assert image_bgr.shape[:2] == (480, 640) and np.asarray(box_xywh)[2] > 140
            self.measured += 1
            return Head(90.0)

    class Seeing(FakeClassifier):
        def probabilities(self, crops: np.ndarray, **_: object) -> np.ndarray:
            self.crops = crops
            return super().probabilities(crops)

    clock, detector, classifier, upright = Clock(), Tilted(), Seeing(), Seeing()
    live = session(detector, classifier, clock=clock, settings=LiveSettings(detect_every=5))
    play(live, clock, 10)
    assert 1 < detector.measured < 10
    play(session(FakeDetector(), upright, clock=clock), clock, 10)
    turned_back = np.rot90(upright.crops[0], 1).astype(int)
    assert np.abs(turned_back - classifier.crops[0]).mean() < 0.5 * np.abs(turned_back - upright.crops[0]).mean()
