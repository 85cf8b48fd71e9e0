"""The shipped model itself fails, because memory ran out: one clear sentence everywhere, and no traceback."""

import logging
import time
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import streamlit as st
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from fer import paths
from fer.cli import main
from fer.errors import BundleError, DetectorError
from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.vision.detection import create_detector
from fer.vision.samples import sample_portrait
from tests.support.builders import faces_of

SENTENCE = "The shipped model failed on a face. Close other programs to free memory and try again"


@pytest.fixture
def failing(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped model's network fails whenever it runs; that of the detector still works."""
    st.cache_resource.clear()
    run = onnxruntime.InferenceSession.run

    def out_of_memory(self: onnxruntime.InferenceSession, *arguments: object) -> object:
        if [item.name for item in self.get_inputs()] == ["images"]:
            raise RuntimeError("bad allocation\nin arena.cc:342")
        return run(self, *arguments)

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", out_of_memory)


@pytest.mark.parametrize("method", ["logits", "probabilities", "explain"])
def test_every_question_is_answered_by_the_sentence(failing: None, method: str) -> None:
    classifier = EmotionClassifier(load_bundle(paths.SHIPPED_BUNDLE))
    with pytest.raises(BundleError, match=SENTENCE):
        getattr(classifier, method)(faces_of(100))


def test_the_command_line_says_it(failing: None, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "portrait.png").write_bytes(sample_portrait())
    result = CliRunner().invoke(main, ["analyze", str(tmp_path / "portrait.png"), "--json", "-"])
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert SENTENCE in result.output and "unexpectedly" not in result.output
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("page", ["app.py", "pages/2_Upload.py", "pages/1_Live.py"])
def test_pages_say_it(failing: None, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)
    app = AppTest.from_file(str(paths.PROGRAM / "app.py"), default_timeout=60).run()
    if page != "app.py":
        app = app.switch_page(page).run()
    if page == "pages/2_Upload.py":
        app.file_uploader[0].upload("portrait.png", sample_portrait(), "image/png").run()
    if page == "pages/1_Live.py":
        app.button(key="live_accept").click().run()
    for _ in range(100):  # the model is loaded in the background
        texts = " ".join(str(item.value) for item in (*app.error, *app.warning, *app.markdown))
        if SENTENCE in texts.replace("\\", ""):
            break
        time.sleep(0.1)
        app.run()
    else:
        pytest.fail(f"{page} doesn't say it: {texts}")
    assert not app.exception


def test_the_detector_says_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = create_detector("yunet")

    def out_of_memory(*_: object) -> None:
        raise RuntimeError("bad allocation")

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", out_of_memory)
    with pytest.raises(DetectorError, match="free memory and try again, or choose Haar"):
        detector.detect(np.zeros((64, 64, 3), np.uint8))
