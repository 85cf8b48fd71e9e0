"""The Live page without a browser: before, while and after a camera sends frames."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
import pytest
import streamlit as st
from streamlit import config
from streamlit.runtime.secrets import Secrets
from streamlit.testing.v1 import AppTest

from fer.errors import BundleError
from fer.live.session import LiveSession
from fer.live.settings import LiveSettings
from fer.recognition.current import use_bundle
from fer.ui.live import camera
from fer.ui.live.webcam import CameraState, Webcam
from tests.support.builders import make_bundle
from tests.support.live_session import Clock, FakeClassifier, FakeDetector, frame, session

PAGE = "pages/1_Live.py"
NO_PICTURE = "No picture after START?"
TURN = {"FER_TURN_URLS": "turn:turn.example.org:3478", "FER_TURN_SECRET": "never tell this"}

pytestmark = pytest.mark.usefixtures("tiny_model", "webrtc_under_apptest")


@pytest.fixture
def webrtc_under_apptest() -> Iterator[None]:
    """Replace streamlit-webrtc's session, because AppTest has no session manager."""
    with mock.patch("streamlit_webrtc.component.get_this_session_info", lambda: None):
        yield


@pytest.fixture
def page(open_page: Callable[[str], AppTest]) -> AppTest:
    """Open the page with the notice accepted and the camera off."""
    return accept(open_page(PAGE))


def accept(app: AppTest) -> AppTest:
    app.button(key="live_accept").click().run()
    assert not app.exception
    return app


def components(app: AppTest) -> list[dict[str, Any]]:
    """Return the arguments of every camera component on the page."""
    return [arguments for arguments in _components(app) if "rtc_configuration" in arguments]


def charts(app: AppTest) -> list[dict[str, Any]]:
    """Return the charts that are updated in place."""
    return [chart for arguments in _components(app) for chart in arguments.get("charts", [])]


def _components(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(node.proto.json_args) for node in app.get("component_instance")]


def texts(app: AppTest) -> str:
    """Return all texts on the page."""
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.subheader)
    return "\n".join(str(element.value) for elements in kinds for element in elements)


def with_stream(app: AppTest, stream: LiveSession, *, on: bool) -> AppTest:
    """Run the page with a stream of this viewer, the camera being on or off."""
    webcam = Webcam("live_camera")
    webcam._session = stream
    app.session_state["live_state"] = camera.LiveState(webcam=webcam, accepted=True)
    with mock.patch.object(Webcam, "show", lambda *_: CameraState(on=on)):
        app.run()
    assert not app.exception
    return app


def played(
    n_frames: int = 30,
    detector: FakeDetector | None = None,
    classifier: FakeClassifier | None = None,
    *,
    clock: Clock | None = None,
    **values: Any,
) -> LiveSession:
    """Return a stream that got some frames, a tenth of a second apart."""
    clock = clock or Clock()
    stream = session(detector, classifier, clock=clock, **values)
    for _ in range(n_frames):
        stream.submit(frame(120, 160))
        clock.now += 0.1
    return stream


def test_the_notice_comes_before_any_camera(open_page: Callable[[str], AppTest]) -> None:
    app = open_page(PAGE)
    assert not app.exception
    assert components(app) == []
    said = texts(app)
    for word in (
        "sends the camera's picture to the machine",
        "nothing on disk",
        "not in hiring",
        "everyone in the picture",
    ):
        assert word in said
    assert len(components(accept(app))) == 1


def test_the_notice_is_shown_once(page: AppTest) -> None:
    page.switch_page("app.py").run()
    page.switch_page(PAGE).run()
    assert not page.exception
    assert len(components(page)) == 1


def test_the_idle_page_says_what_to_do_and_asks_for_no_microphone_and_no_server(page: AppTest) -> None:
    (arguments,) = components(page)
    assert arguments["rtc_configuration"] == {"iceServers": []}
    assert arguments["media_stream_constraints"]["audio"] is False
    assert arguments["media_stream_constraints"]["video"]["width"] == {"ideal": 640}
    assert "Press START" in texts(page)
    assert [expander.label for expander in page.expander] == [NO_PICTURE, "Settings"]
    assert page.get("plotly_chart") == []


def test_a_model_that_is_never_sure_is_explained(page: AppTest, tmp_path: Path) -> None:
    assert "always says 'not sure'" not in texts(page)
    use_bundle(make_bundle(tmp_path / "short", confidence_threshold=1.0).path)
    assert "always says 'not sure'" in texts(page.run())


def test_the_turn_secret_never_reaches_the_browser(
    open_page: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in TURN.items():
        monkeypatch.setenv(name, value)
    app = accept(open_page(PAGE))
    (arguments,) = components(app)
    assert TURN["FER_TURN_SECRET"] not in json.dumps(arguments)
    (server,) = arguments["rtc_configuration"]["iceServers"]
    assert server["urls"] == [TURN["FER_TURN_URLS"]]
    assert server["username"].isdigit() and len(server["credential"]) == 28
    with mock.patch("time.time", lambda: float(server["username"]) - 10 * 3600):
        app.run()
    assert components(app) == [arguments], "credentials change while they are good"


def test_an_invalid_network_setting_gives_one_sentence(
    open_page: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_TURN_URLS", "turn.example.org")
    app = accept(open_page(PAGE))
    assert [error.value for error in app.error] == [
        "'turn.example.org' isn't the address of a TURN server, which looks like "
        "'turn:turn.example.org:3478?transport=udp'. Correct it in .streamlit/secrets.toml or in the environment."
    ]
    assert components(app) == []


def test_invalid_secrets_give_one_sentence(
    open_page: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "secrets.toml"
    before = st.get_option("secrets.files")
    config.set_option("secrets.files", [str(file)])
    try:
        monkeypatch.setattr(st, "secrets", Secrets())
        app = accept(open_page(PAGE))
        assert len(components(app)) == 1 and not app.error, "a missing file is fine"
        file.write_text("[turn]\nsecret = abc\n")
        app.run()
    finally:
        config.set_option("secrets.files", before)
    assert [error.value for error in app.error] == [f"{file} isn't valid TOML. Correct the file or remove it."]


def test_a_broken_model_gives_one_sentence(open_page: Callable[[str], AppTest], tiny_model: Path) -> None:
    app = open_page(PAGE)
    (tiny_model / "model.onnx").write_bytes(b"no model")
    camera.resources._described.clear()
    accept(app)
    assert len(app.error) == 1
    assert "model.onnx" in app.error[0].value
    assert components(app) == []


def test_a_viewer_beyond_the_limit_is_asked_to_wait(
    open_page: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_LIVE_STREAMS", "1")
    app = open_page(PAGE)
    other = session()
    assert camera._slots(1).enter(other)
    accept(app)
    assert "Busy" in texts(app)
    assert components(app) == []
    other.stop()
    app.run()
    assert "Busy" not in texts(app)
    assert len(components(app)) == 1


def checklist_is_open(app: AppTest) -> bool:
    (found,) = (expander for expander in app.expander if expander.label == NO_PICTURE)
    words = "\n".join(str(element.value) for element in found.markdown)
    for word in ("Permission", "Camera in use", "https://", "TURN"):
        assert word in words
    assert "Analyse a snapshot or a photo instead" in [link.proto.label for link in found.get("page_link")]
    return bool(found.proto.expanded)


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
    assert len(page.get("plotly_chart")) == 2 and len(charts(page)) == 1
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
    assert len(page.get("plotly_chart")) == 1 and len(charts(page)) == 1


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
    assert stream.about()["model"].endswith(f"{first}, then {stream.model.name}")


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
    assert ["It is damaged." in error.value for error in page.error] == [True]
    assert stream.model is before


def test_home_links_to_the_page(open_page: Callable[[str], AppTest]) -> None:
    app = open_page("app.py")
    app.button(key="home_Live").click().run()
    assert [title.value for title in app.title] == ["Live"]
