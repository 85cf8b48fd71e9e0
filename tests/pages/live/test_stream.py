"""The Live page while the camera sends frames, and after STOP."""

import re
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer.errors import BundleError
from fer.live.settings import LiveSettings
from fer.recognition.current import use_bundle
from fer.ui.live import camera
from fer.ui.live.webcam import CameraState, Webcam
from tests.support.builders import make_bundle
from tests.support.live_page import NO_PICTURE, charts, checklist_is_open, played, texts, with_stream
from tests.support.live_session import Clock, FakeClassifier, FakeDetector, frame, session
from tests.support.markdown import plain

pytestmark = pytest.mark.usefixtures("tiny_model", "webrtc_under_apptest")


def test_after_ten_seconds_the_page_says_what_may_be_wrong(page: AppTest) -> None:
    assert not checklist_is_open(page)
    page.session_state["live_state"].off_s -= camera.PATIENCE_S + 1
    assert checklist_is_open(page.run())


def test_a_second_start_without_a_picture_gets_help_too(page: AppTest) -> None:
    stream = played(5)
    with_stream(page, stream, on=True)
    assert NO_PICTURE not in [expander.label for expander in page.expander]
    stream.stop()
    with mock.patch.object(Webcam, "show", lambda *_: CameraState(on=False)):
        assert not checklist_is_open(page.run())
        page.session_state["live_state"].off_s -= camera.PATIENCE_S + 1
        assert checklist_is_open(page.run())
        assert "Your last session" in texts(page)


def test_a_stream_without_frames_is_noticed_too(page: AppTest) -> None:
    clock = Clock()
    stream = session(clock=clock)
    with_stream(page, stream, on=True)
    assert "Opening the camera" in texts(page)
    assert "No picture for ten seconds" not in texts(page)
    clock.now += 11
    said = texts(with_stream(page, stream, on=True))
    assert "No picture for ten seconds" in said and said.count("**Permission:**") == 1


def test_a_stalled_stream_shows_nobody(page: AppTest) -> None:
    clock = Clock()
    stream = played(10, clock=clock)
    clock.now += 3
    said = texts(with_stream(page, stream, on=True))
    assert "has stopped sending frames" in said and "Slow: 0 pictures a second, 0 faces" in said
    assert "looks happy" not in said and "No face found" not in said


def test_statistics_of_a_running_stream(page: AppTest) -> None:
    stream = played()
    with_stream(page, stream, on=True)
    said = texts(page)
    assert "Smooth: 10 pictures a second, 1 face" in said
    (details,) = [str(caption.proto.help) for caption in page.caption if "a second" in caption.value]
    assert "10.0 frames per second" in details and "30 frames, 0 dropped, 0 failed" in details
    assert "**looks happy** 0.88" in said
    # One person's bars and the share of time; the last minute.
    bars, shares = (str(element.value) for element in page.html)
    assert "Probabilities: happy 0.88" in bars and "Share of time: happy 100 %" in shares
    assert len(charts(page)) == 1
    assert "No face found" not in said


def test_several_people_have_names_and_an_unsure_one_no_class(page: AppTest) -> None:
    detector = FakeDetector([(20, 20, 80, 80), (180, 90, 80, 80)])
    stream = played(30, detector, FakeClassifier("sad", 0.3), confidence_threshold=0.5)
    said = texts(with_stream(page, stream, on=True))
    # With the reason, if the image gives one.
    for number in (1, 2):
        assert re.search(rf"\*\*Person {number}\*\* (\*\*not sure\*\*|Not sure: )", said)
    assert "2 faces" in said
    assert "sad" not in said


def test_without_a_face_the_page_says_what_to_try(page: AppTest) -> None:
    said = texts(with_stream(page, played(10, FakeDetector([])), on=True))
    assert "No face found" in said and "YuNet" in said


@pytest.mark.parametrize(("blur", "shown"), [(False, "shown unchanged"), (True, "blurred completely")])
def test_failed_frames_are_reported_with_number_and_reason(page: AppTest, blur: bool, shown: str) -> None:
    page.toggle(key="live_blur").set_value(blur).run()
    stream = played(20, classifier=FakeClassifier(fails_every=5), settings=LiveSettings(blur=blur))
    said = texts(with_stream(page, stream, on=True))
    assert f"4 of 20 frames failed and were {shown}. Last reason: `RuntimeError: out of luck`." in said
    assert "looks happy" in said


def test_after_stop_a_summary_and_files(page: AppTest) -> None:
    stream = played(31)
    stream.stop()
    with_stream(page, stream, on=False)
    assert {metric.label: metric.value for metric in page.metric} == {
        "Length": "0:03 min",
        "Frames": "31",
        "People": "1",
        "Most often": "happy (100 %)",
    }
    assert [button.proto.label for button in page.get("download_button")] == [
        "Save the last session",
        "CSV",
        "JSON",
        "Last picture",
    ], "START replaces the session, so a file of it stands next to START"
    (shares,) = (str(element.value) for element in page.html)
    assert "Share of time: person 1: happy 100 %" in shares and len(charts(page)) == 1


def test_a_snapshot_is_the_picture_shown_at_the_click(page: AppTest) -> None:
    stream = played()
    with_stream(page, stream, on=True)
    with mock.patch.object(Webcam, "show", lambda *_: CameraState(on=True)):
        page.button(key="live_take").click().run()
        assert not page.exception
        stream.submit(np.zeros((120, 160, 3), np.uint8))
        page.run()
    taken = cv2.imdecode(np.frombuffer(page.session_state["live_state"].snapshot, np.uint8), cv2.IMREAD_COLOR)
    assert taken.shape == (120, 160, 3)
    assert taken.mean() > 50
    assert [button.proto.label for button in page.get("download_button")] == ["Download snapshot"]


def test_a_session_without_a_face_says_so(page: AppTest) -> None:
    stream = played(5, FakeDetector([]))
    stream.stop()
    with_stream(page, stream, on=False)
    assert "No face was found in this session" in texts(page)


def test_settings_reach_a_running_stream(page: AppTest) -> None:
    stream = played(5)
    with_stream(page, stream, on=True)
    with mock.patch.object(Webcam, "show", lambda *_: CameraState(on=True)):
        page.segmented_control(key="live_detector").set_value("yunet").run()
        assert stream.settings == LiveSettings(detector="yunet", detect_every=1)
        page.toggle(key="live_blur").set_value(True).run()
        page.slider(key="live_smoothing_s").set_value(1.5).run()
        page.pills(key="live_drawn").set_value(["Boxes"]).run()
        page.slider(key="live_sensitivity").set_value(0.8).run()
        page.slider(key="live_smallest_face").set_value(0.2).run()
        page.toggle(key="live_mirror").set_value(False).run()
        page.slider(key="live_detect_every_yunet").set_value(3).run()
    assert not page.exception
    assert stream.settings == LiveSettings(
        detector="yunet",
        sensitivity=0.8,
        smallest_face=0.2,
        detect_every=3,
        mirror=False,
        blur=True,
        smoothing_s=1.5,
        labels=False,
        confidence=False,
        date=False,
    )


def test_a_setting_chosen_during_a_stall_applies_when_frames_return(page: AppTest) -> None:
    clock = Clock()
    stream = played(5, clock=clock)
    clock.now += 8
    assert not stream.active
    with_stream(page, stream, on=True)
    with mock.patch.object(Webcam, "show", lambda *_: CameraState(on=True)):
        page.toggle(key="live_blur").set_value(True).run()
    assert stream.settings.blur
    assert page.session_state["live_state"].settings.blur


def test_a_running_stream_switches_to_the_model_in_use(page: AppTest, tmp_path: Path) -> None:
    stream = played(5)
    with_stream(page, stream, on=True)
    first = stream.model.name
    assert first.startswith("tiny")
    other = make_bundle(tmp_path / "other", confidence_threshold=0.7)
    use_bundle(other.path)
    # As a fragment's timer does, without any action of the viewer.
    with mock.patch.object(Webcam, "show", lambda *_: CameraState(on=True)):
        page.run()
    assert stream.model.name == f"{other.name} ({other.hash})"
    assert stream.model.confidence_threshold == 0.7
    stream.submit(frame(120, 160))
    assert stream.snapshot().n_failed == 0
    assert stream.provenance().model.endswith(f"{first}, then {stream.model.name}")


def test_an_unusable_model_leaves_the_stream_with_its_own(page: AppTest, tmp_path: Path) -> None:
    stream = played(5)
    with_stream(page, stream, on=True)
    before = stream.model
    # The page loads the model once for the next session, the fragment again for this one.
    answers = [camera.resources.model_in_use(), BundleError("It is damaged.")]
    asked = mock.patch.object(camera.resources, "model_in_use", side_effect=answers)
    with asked, mock.patch.object(Webcam, "show", lambda *_: CameraState(on=True)):
        page.run()
    assert not page.exception
    assert ["It is damaged." in plain(error.value) for error in page.error] == [True]
    assert stream.model is before
