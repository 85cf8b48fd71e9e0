"""The Live page before the camera is on."""

import json
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
import streamlit as st
from streamlit import config
from streamlit.runtime.secrets import Secrets
from streamlit.testing.v1 import AppTest

from fer.recognition.current import use_bundle
from fer.ui.live import camera
from tests.support.builders import make_bundle
from tests.support.live_page import (
    NO_PICTURE,
    PAGE,
    accept,
    charts,
    components,
    texts,
)
from tests.support.live_session import session
from tests.support.markdown import plain

TURN = {"FER_TURN_URLS": "turn:turn.example.org:3478", "FER_TURN_SECRET": "never tell this"}
pytestmark = pytest.mark.usefixtures("tiny_model", "webrtc_under_apptest")


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
    assert not page.html and not charts(page)


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
    assert [plain(error.value) for error in app.error] == [
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
    assert [plain(error.value) for error in app.error] == [f"{file} isn't valid TOML. Correct the file or remove it."]


def test_a_broken_model_gives_one_sentence(open_page: Callable[[str], AppTest], tiny_model: Path) -> None:
    app = open_page(PAGE)
    (tiny_model / "model.onnx").write_bytes(b"no model")
    camera.resources._described.clear()
    accept(app)
    assert len(app.error) == 1
    assert "model.onnx" in plain(app.error[0].value)
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


def test_home_links_to_the_page(open_page: Callable[[str], AppTest]) -> None:
    app = open_page("app.py")
    app.button(key="home_Live").click().run()
    assert [title.value for title in app.title] == ["Live"]
