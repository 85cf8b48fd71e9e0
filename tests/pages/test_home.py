from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fer.paths import SHIPPED_BUNDLE
from fer.recognition.current import use_bundle
from fer.ui.frame import MENU, menu_entry
from fer.ui.home import readable_card
from tests.support.builders import make_bundle, make_int8_bundle
from tests.support.markdown import plain

OpenPage = Callable[[str], AppTest]


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_home_names_the_model_its_accuracy_and_its_split(fer_home: Path, open_page: OpenPage) -> None:
    bundle = make_bundle(
        fer_home / "runs" / "my-run" / "bundle",
        metrics={"validation": {"accuracy": 0.6612}, "train": {"accuracy": 0.99}},
        data={"name": "fer2013.csv"},
    )
    use_bundle(bundle.path)
    app = open_page("app.py")
    assert not any("synthetic faces, not" in caption.value for caption in app.caption)
    assert not app.exception and not app.error
    assert metrics(app)["Accuracy, validation"] == "66.1 %"
    assert any("my-run" in caption.value for caption in app.caption)


def test_home_says_which_weights_answer_and_their_own_accuracy(
    fer_home: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_bundle(make_int8_bundle(fer_home / "runs" / "my-run" / "bundle", lost=0.02).path)
    app = open_page("app.py")
    assert metrics(app)["Accuracy, validation"] == "70.0 %"
    assert any("my-run · float32 weights, " in caption.value for caption in app.caption)
    st.cache_resource.clear()
    monkeypatch.setenv("FER_WEIGHTS", "int8")
    app = open_page("app.py")
    assert metrics(app)["Accuracy, validation"] == "68.0 %"
    assert any("my-run · int8 weights, " in caption.value for caption in app.caption)
    st.cache_resource.clear()
    monkeypatch.setenv("FER_WEIGHTS", "fp8")
    app = open_page("app.py")
    assert not app.exception
    assert any("FER_WEIGHTS: choose auto, float32 or int8" in plain(text.value) for text in app.markdown)


def test_the_accuracy_on_the_test_split_takes_precedence(fer_home: Path, open_page: OpenPage) -> None:
    measured = {"validation": {"accuracy": 0.66}, "test": {"accuracy": 0.65}}
    use_bundle(make_bundle(fer_home / "runs" / "my-run" / "bundle", metrics=measured).path)
    assert metrics(open_page("app.py"))["Accuracy, test"] == "65.0 %"


def test_a_model_trained_on_synthetic_faces_says_so(fer_home: Path, open_page: OpenPage) -> None:
    use_bundle(make_bundle(fer_home / "runs" / "a" / "bundle", data={"name": "synthetic", "synthetic": True}).path)
    assert any(
        "trained on synthetic faces, not on real ones" in caption.value for caption in open_page("app.py").caption
    )


def test_the_time_per_face_appears_once_the_model_is_loaded(tiny_model: Path, open_page: OpenPage) -> None:
    app = open_page("app.py")
    for _ in range(100):
        if metrics(app)["Time per face"].endswith(" ms"):
            break
        app.run()
    assert metrics(app)["Time per face"].endswith(" ms")
    assert not app.exception


def test_a_model_that_is_never_sure_is_explained(fer_home: Path, open_page: OpenPage) -> None:
    use_bundle(make_bundle(fer_home / "runs" / "a" / "bundle", confidence_threshold=1.0).path)
    assert any("always says 'not sure'" in caption.value for caption in open_page("app.py").caption)


def test_the_buttons_come_first_and_lead_to_photos_videos_and_the_camera(tiny_model: Path, open_page: OpenPage) -> None:
    app = open_page("app.py")
    assert [button.label for button in app.main.button][:3] == ["Analyse photos", "Analyse videos", "Open the camera"]
    app.button(key="home_Upload").click().run()
    assert [title.value for title in app.title] == ["Upload"]


def test_a_model_card_is_shown_without_comments_and_code_of_charts() -> None:
    card = "# Card\n<!-- begin -->\nText.\n\nAccuracy by epoch.\n\n```mermaid\nline [1]\n```\n<!-- end -->\nMore.\n"
    assert readable_card(card) == "# Card\nText.\n\nMore.\n"
    shipped = readable_card((SHIPPED_BUNDLE / "README.md").read_text())
    assert "<!--" not in shipped and "mermaid" not in shipped and "## Limits" in shipped


def test_home_without_a_model_says_what_to_do_and_shows_no_error(
    fer_home: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer.paths.SHIPPED_BUNDLE", fer_home / "nothing here")
    app = open_page("app.py")
    assert not app.exception and not app.error
    assert any("fer train --data synthetic" in text.value for text in app.markdown)


def test_a_damaged_model_is_named(tiny_model: Path, open_page: OpenPage) -> None:
    (tiny_model / "model.onnx").write_bytes(b"something else")
    app = open_page("app.py")
    assert not app.exception
    assert any("model.onnx" in text.value and "hash" in text.value for text in app.markdown)


def test_the_menu_lists_pages_that_exist(tiny_model: Path, open_page: OpenPage) -> None:
    app = open_page("app.py")
    labels = [link.proto.label for link in app.sidebar.get("page_link")]
    assert labels == [entry.label for entry in MENU if entry.exists]
    assert labels[0] == "Home" and "Upload" in labels


def test_an_unknown_menu_entry_raises() -> None:
    with pytest.raises(KeyError):
        menu_entry("Nowhere")
