"""Helpers for tests of the Live page."""

import json
from typing import Any
from unittest import mock

from streamlit.testing.v1 import AppTest

from fer.live.session import LiveSession
from fer.ui.live import camera
from fer.ui.live.webcam import CameraState, Webcam
from tests.support.live_session import Clock, FakeClassifier, FakeDetector, frame, session
from tests.support.markdown import plain

PAGE = "pages/1_Live.py"
NO_PICTURE = "No picture after START?"


def accept(app: AppTest) -> AppTest:
    app.button(key="live_accept").click().run()
    assert not app.exception
    return app


def _components(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(node.proto.json_args) for node in app.get("component_instance")]


def components(app: AppTest) -> list[dict[str, Any]]:
    """Return the arguments of every camera component on the page."""
    return [arguments for arguments in _components(app) if "rtc_configuration" in arguments]


def charts(app: AppTest) -> list[dict[str, Any]]:
    """Return the charts that are updated in place."""
    return [chart for arguments in _components(app) for chart in arguments.get("charts", [])]


def texts(app: AppTest) -> str:
    """Return all texts on the page."""
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.subheader)
    return "\n".join(plain(str(element.value)) for elements in kinds for element in elements)


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


def checklist_is_open(app: AppTest) -> bool:
    (found,) = (expander for expander in app.expander if expander.label == NO_PICTURE)
    words = "\n".join(plain(str(element.value)) for element in found.markdown)
    for word in ("Permission", "Camera in use", "https://", "TURN"):
        assert word in words
    assert "Analyse a snapshot or a photo instead" in [link.proto.label for link in found.get("page_link")]
    return bool(found.proto.expanded)
