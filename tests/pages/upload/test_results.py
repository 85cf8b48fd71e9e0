"""What the Upload page shows of photos, and which model, detector and threshold it shows."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fer.recognition.analyzer import load_analyzer
from fer.recognition.current import use_bundle
from tests.support.builders import make_bundle, portrait_bgr
from tests.support.markdown import plain
from tests.support.upload_page import UPLOAD, drop, portrait, press, texts, wall

OpenPage = Callable[[str], AppTest]


def test_a_photo_becomes_a_row_and_a_face_with_its_expression(upload: AppTest) -> None:
    drop(upload, ("me.jpg", portrait()))
    assert not upload.exception
    [table] = upload.dataframe
    assert table.value["file"].tolist() == ["me.jpg"]
    assert table.value["faces"].tolist() == [1]
    [looks] = table.value["looks like"].tolist()
    assert looks.startswith("looks ")
    assert f"Face 1 {looks}" in texts(upload)
    assert table.value["confidence"][0] == pytest.approx(0.53, abs=0.2)


def test_a_rerun_analyses_nothing_again(upload: AppTest, analysed_files: list[str]) -> None:
    drop(upload, ("me.jpg", portrait()), ("wall.png", wall()))
    upload.run()
    upload.slider[0].set_value(0.9).run()
    assert analysed_files == ["me.jpg", "wall.png"]


def test_the_threshold_and_the_detector_survive_the_visit_too(upload: AppTest) -> None:
    upload.slider[0].set_value(0.77).run()
    upload.segmented_control(key="upload_detector").set_value("haar").run()
    upload.switch_page("app.py").run()
    upload.switch_page(UPLOAD).run()
    assert upload.slider[0].value == 0.77
    assert upload.segmented_control(key="upload_detector").value == "haar"


def test_the_threshold_decides_what_is_not_sure(upload: AppTest) -> None:
    drop(upload, ("me.jpg", portrait()))
    upload.slider[0].set_value(1.0).run()
    assert upload.dataframe[0].value["looks like"].tolist() == ["not sure"]
    assert "Face 1: not sure" in texts(upload)


def test_a_model_that_is_never_sure_is_explained_with_what_to_do(fer_home: Path, open_page: OpenPage) -> None:
    use_bundle(make_bundle(fer_home / "runs" / "short" / "bundle", confidence_threshold=1.0).path)
    upload = open_page(UPLOAD)
    assert "every face is 'not sure'. Lower the threshold" in texts(upload)
    upload.slider[0].set_value(0.5).run()
    assert "every face is 'not sure'" not in texts(upload)


def test_another_detector_analyses_again_and_switching_back_does_not(
    upload: AppTest, analysed_files: list[str]
) -> None:
    drop(upload, ("me.jpg", portrait()))
    upload.segmented_control(key="upload_detector").set_value("haar").run()
    upload.segmented_control(key="upload_detector").set_value("yunet").run()
    assert analysed_files == ["me.jpg", "me.jpg"]


def test_no_face_says_what_to_try(upload: AppTest) -> None:
    drop(upload, ("wall.png", wall()))
    assert upload.dataframe[0].value["looks like"].tolist() == ["no face found"]
    assert "No face was found. Try" in upload.info[0].value
    upload.segmented_control(key="upload_detector").set_value("haar").run()
    assert "YuNet" in upload.info[0].value, "the other detector is worth a try"


def test_an_untouched_threshold_is_exactly_the_models_own(fer_home: Path, open_page: OpenPage) -> None:
    bundle = make_bundle(fer_home / "runs" / "lenient" / "bundle", confidence_threshold=0.0)
    (face,) = load_analyzer(bundle.path).analyze_bytes(portrait(), "me.jpg").faces
    # The slider, with its two digits, is on the other side of this face's confidence.
    up = round(face.confidence, 2) > face.confidence
    own = face.confidence + (-1e-4 if up else 1e-4)
    use_bundle(make_bundle(fer_home / "runs" / "fine" / "bundle", confidence_threshold=own).path)
    upload = drop(open_page(UPLOAD), ("me.jpg", portrait()))
    assert upload.slider[0].value == round(own, 2)
    assert (upload.dataframe[0].value["looks like"].tolist() == ["not sure"]) is not up


def test_results_stay_as_they_were_made_when_another_model_comes_into_use(
    upload: AppTest, fer_home: Path, analysed_files: list[str]
) -> None:
    drop(upload, ("me.jpg", portrait()))
    before = upload.dataframe[0].value
    other = make_bundle(fer_home / "runs" / "other" / "bundle", sharpness=0.5, confidence_threshold=0.1)
    use_bundle(other.path)
    upload.run()
    pd.testing.assert_frame_equal(upload.dataframe[0].value, before)
    assert "These results are from the model 'tiny'. By now, the model 'other' is in use." in texts(upload)
    assert analysed_files == ["me.jpg"]
    drop(upload, ("me.jpg", portrait()), ("wall.png", wall()))
    assert upload.dataframe[0].value["confidence"][0] == before["confidence"][0], "new photos get the list's model"
    analysed_files.clear()
    press(upload, "Analyse again")
    assert analysed_files == ["me.jpg", "wall.png"]
    assert upload.dataframe[0].value["confidence"][0] < before["confidence"][0] - 0.1
    assert "These results are from" not in texts(upload)


def test_the_summary_says_too_that_another_model_is_in_use_by_now(
    upload: AppTest, fer_home: Path, quick_summaries: None
) -> None:
    upload.session_state["upload_summary"] = True
    drop(upload, ("me.jpg", portrait()))
    assert not any("By now" in caption.value for caption in upload.caption)
    use_bundle(make_bundle(fer_home / "runs" / "other" / "bundle", confidence_threshold=0.1).path)
    upload.run()
    assert "These results are from the model 'tiny'. By now, the model 'other' is in use." in [
        plain(caption.value) for caption in upload.caption
    ]


def test_an_empty_list_follows_the_model_in_use(upload: AppTest, fer_home: Path) -> None:
    use_bundle(make_bundle(fer_home / "runs" / "other" / "bundle", confidence_threshold=0.1).path)
    upload.run()
    assert "Model: other" in texts(upload) and "These results" not in texts(upload)


def test_assumptions_are_shown_with_the_photo(upload: AppTest) -> None:
    ten_bits = cv2.cvtColor(portrait_bgr(), cv2.COLOR_BGR2GRAY).astype(np.uint16) * 4
    drop(upload, ("ten.png", cv2.imencode(".png", ten_bits)[1].tobytes()))
    assert any("only 10 seem to be in use" in caption.value for caption in upload.caption)


def test_a_photo_that_is_still_being_analysed_stays_selected(upload: AppTest) -> None:
    drop(upload, ("me.jpg", portrait()))
    book = upload.session_state["upload_book"]
    book.add([("wall.png", wall())])
    book.paused = True
    upload.run()

    def shown() -> str:
        return upload.get("image")[0].proto.imgs[0].caption

    assert "512 × 512" in shown()
    press(upload, "Continue")
    assert "300 × 300" in shown()
