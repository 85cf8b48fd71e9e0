import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fer.recognition.analyzer import FaceAnalyzer, load_analyzer
from fer.recognition.current import use_bundle
from fer.ui.upload import analysis
from fer.ui.upload.photobook import PhotoBook
from fer.vision.images import MAX_BYTES, encode_jpeg, encode_png
from tests.support.builders import encoded, make_bundle, portrait_bgr
from tests.support.markdown import plain

OpenPage = Callable[[str], AppTest]
UPLOAD = "pages/2_Upload.py"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest runs a page once, so the page has to wait until the photos are analysed."""
    monkeypatch.setattr(analysis, "_AT_ONCE_SECONDS", 60)


@pytest.fixture
def upload(tiny_model: Path, open_page: OpenPage) -> AppTest:
    return open_page(UPLOAD)


@pytest.fixture
def analysed_files() -> Iterator[list[str]]:
    """Record the names of the analysed files, in order."""
    names: list[str] = []
    analyze = FaceAnalyzer.analyze_bytes

    def counting(self: FaceAnalyzer, data: bytes, file: str) -> object:
        names.append(file)
        return analyze(self, data, file)

    with mock.patch.object(FaceAnalyzer, "analyze_bytes", counting):
        yield names


def drop(upload: AppTest, *files: tuple[str, bytes]) -> AppTest:
    return upload.file_uploader[0].set_value([(name, data, "image/jpeg") for name, data in files]).run()


def portrait() -> bytes:
    return encode_jpeg(portrait_bgr())


def wall() -> bytes:
    return encode_png(np.full((300, 300, 3), 200, np.uint8))


def texts(upload: AppTest) -> str:
    return "\n".join(
        plain(element.value)
        for element in [*upload.markdown, *upload.caption, *upload.info, *upload.warning, *upload.error]
    )


def test_an_empty_page_says_how_to_begin_and_has_no_downloads(upload: AppTest) -> None:
    assert not upload.exception and not upload.error and not upload.dataframe
    assert "Try a sample" in [button.label for button in upload.button]
    assert not upload.get("download_button")


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


def test_results_survive_a_visit_to_another_page(upload: AppTest, analysed_files: list[str]) -> None:
    drop(upload, ("me.jpg", portrait()))
    upload.switch_page("app.py").run()
    upload.switch_page(UPLOAD).run()
    assert upload.dataframe[0].value["file"].tolist() == ["me.jpg"]
    assert analysed_files == ["me.jpg"]


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


def test_a_broken_file_is_named_with_its_reason_and_stops_no_other(upload: AppTest) -> None:
    drop(upload, ("rubbish *.jpg", b"no picture"), ("me.jpg", portrait()), ("empty.jpg", b""))
    assert upload.dataframe[0].value["file"].tolist() == ["me.jpg"]
    [warning] = upload.warning
    assert "2 files could not be read" in warning.value
    assert "` rubbish *.jpg `" in warning.value and "empty.jpg" in warning.value
    assert not upload.exception


def test_no_face_says_what_to_try(upload: AppTest) -> None:
    drop(upload, ("wall.png", wall()))
    assert upload.dataframe[0].value["looks like"].tolist() == ["no face found"]
    assert "No face was found. Try" in upload.info[0].value
    upload.segmented_control(key="upload_detector").set_value("haar").run()
    assert "YuNet" in upload.info[0].value, "the other detector is worth a try"


def test_a_photo_over_the_limit_is_refused_even_if_the_browser_sends_it(
    upload: AppTest, analysed_files: list[str]
) -> None:
    drop(upload, ("huge.jpg", bytes(MAX_BYTES + 1)), ("me.jpg", portrait()))
    assert "huge.jpg" in upload.warning[0].value and "at most 30 MB" in upload.warning[0].value
    assert analysed_files == ["me.jpg"]


def test_a_file_removed_from_the_uploader_leaves_the_table(upload: AppTest) -> None:
    drop(upload, ("me.jpg", portrait()), ("wall.png", wall()))
    upload.file_uploader[0].set_value([]).run()
    assert not upload.dataframe


def test_removing_a_failed_file_removes_its_message(upload: AppTest) -> None:
    drop(upload, ("rubbish.jpg", b"no picture"), ("huge.jpg", bytes(MAX_BYTES + 1)))
    assert "2 files" in upload.warning[0].value
    upload.file_uploader[0].set_value([]).run()
    assert not upload.warning


def test_removing_one_of_two_equal_files_keeps_the_other(upload: AppTest) -> None:
    twins = [(name, portrait(), "image/jpeg") for name in ("me.jpg", "me again.jpg")]
    first = upload.file_uploader[0].set_value(twins)
    first.run()
    # `set_value` would make a new file of the one that stays.
    upload.file_uploader[0]._files = first._files[1:]  # type: ignore[index]
    upload.run()
    assert upload.file_uploader[0].value[0].name == "me again.jpg"
    assert upload.dataframe[0].value["file"].tolist() == ["me.jpg"]


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


def test_clear_empties_the_page(upload: AppTest) -> None:
    drop(upload, ("me.jpg", portrait()), ("rubbish.jpg", b"no picture"))
    next(button for button in upload.button if button.label == "Clear the list").click().run()
    assert not upload.dataframe and not upload.warning
    assert not upload.file_uploader[0].value
    drop(upload, ("me.jpg", portrait()))
    assert upload.dataframe[0].value["file"].tolist() == ["me.jpg"]


def test_clear_removes_the_cameras_picture_too(upload: AppTest) -> None:
    drop(upload, ("me.jpg", portrait()))
    upload.segmented_control(key="upload_source").set_value("Take a snapshot").run()
    (before,) = upload.get("camera_input")
    next(button for button in upload.button if button.label == "Clear the list").click().run()
    (after,) = upload.get("camera_input")
    # Another widget, which holds nothing.
    assert after.proto.id != before.proto.id


def press(upload: AppTest, label: str) -> AppTest:
    return next(button for button in upload.button if button.label == label).click().run()


def test_the_sample_shows_a_result_with_one_click_and_gives_way_to_own_photos(upload: AppTest) -> None:
    press(upload, "Try a sample")
    assert upload.dataframe[0].value["faces"].tolist() == [1]
    assert "Try a sample" not in [button.label for button in upload.button]
    drop(upload, ("wall.png", wall()))
    assert upload.dataframe[0].value["file"].tolist() == ["wall.png"]


def test_another_source_asks_whether_to_keep_the_list(upload: AppTest) -> None:
    drop(upload, ("me.jpg", portrait()))
    assert "Start a new list" not in [button.label for button in upload.button]
    upload.segmented_control(key="upload_source").set_value("Take a snapshot").run()
    assert "The list has 1 photo. New ones are added to it." in texts(upload)
    upload.segmented_control(key="upload_source").set_value("Drop photos").run()
    assert upload.dataframe[0].value["file"].tolist() == ["me.jpg"]
    upload.segmented_control(key="upload_source").set_value("Choose a folder").run()
    press(upload, "Start a new list")
    assert not upload.dataframe and "New ones are added" not in texts(upload)


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


def test_an_empty_list_follows_the_model_in_use(upload: AppTest, fer_home: Path) -> None:
    use_bundle(make_bundle(fer_home / "runs" / "other" / "bundle", confidence_threshold=0.1).path)
    upload.run()
    assert "Model: other" in texts(upload) and "These results" not in texts(upload)


def test_a_failed_analysis_is_shown_and_not_repeated_forever(upload: AppTest) -> None:
    with mock.patch.object(PhotoBook, "analyse", side_effect=ZeroDivisionError):
        drop(upload, ("me.jpg", portrait()))
        assert "stopped unexpectedly" in plain(upload.error[0].value)
        upload.run()
        assert not upload.error and "1 of 1 photo waiting" in texts(upload)
    press(upload, "Continue")
    assert upload.dataframe[0].value["faces"].tolist() == [1]


def test_stop_keeps_finished_photos_and_continue_analyses_the_rest(upload: AppTest, analysed_files: list[str]) -> None:
    book = upload.session_state["upload_book"]
    book.add([("me.jpg", portrait()), ("wall.png", wall())])
    book.paused = True
    upload.run()
    assert "Stopped: 2 of 2 photos waiting." in texts(upload)
    assert analysed_files == []
    next(button for button in upload.button if button.label == "Continue").click().run()
    assert analysed_files == ["me.jpg", "wall.png"]
    assert "waiting" not in texts(upload)


def test_too_many_photos_are_refused_with_the_limit(upload: AppTest) -> None:
    with mock.patch.object(upload.session_state["upload_book"], "_kept_photos", 1):
        drop(upload, ("me.jpg", portrait()), ("wall.png", wall()))
    assert upload.dataframe[0].value["file"].tolist() == ["me.jpg"]
    assert "1 photo didn't fit" in upload.warning[0].value


def test_without_a_model_the_page_says_so_in_a_sentence(
    fer_home: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer.paths.SHIPPED_BUNDLE", fer_home / "nothing here")
    upload = open_page(UPLOAD)
    assert not upload.exception
    assert "no model" in plain(upload.error[0].value)


def test_the_downloads_contain_every_file(upload: AppTest, offered_files: dict[str, Callable[[], bytes]]) -> None:
    drop(upload, ("me.jpg", portrait()), ("wall.png", wall()), ("rubbish.jpg", b"no picture"))
    labels = [button.proto.label for button in upload.get("download_button")]
    assert labels[:4] == ["CSV of faces", "CSV of photos", "JSON", "Annotated photos"]

    def names() -> set[str]:
        return set(zipfile.ZipFile(io.BytesIO(offered_files["Annotated photos"]())).namelist())

    assert names() == {"me-annotated.jpg", "wall-annotated.jpg"}
    upload.file_uploader[0].set_value([("wall.png", wall(), "image/png")]).run()
    assert names() == {"wall-annotated.jpg"}


def test_a_photo_that_cannot_be_written_stops_no_other(
    upload: AppTest, offered_files: dict[str, Callable[[], bytes]]
) -> None:
    wide = encoded(Image.new("1", (1_000_001, 1)))
    drop(upload, ("wide.png", wide), ("me.jpg", portrait()))
    assert upload.dataframe[0].value["file"].tolist() == ["wide.png", "me.jpg"]
    archive = zipfile.ZipFile(io.BytesIO(offered_files["Annotated photos"]()))
    assert archive.namelist() == ["me-annotated.jpg"]
    upload.run()
    assert not upload.exception
    assert "1 photo could not be annotated. The zip holds the others." in upload.warning[0].value
    assert "1,000,001 pixels" in plain(upload.warning[0].value)
    press(upload, "Clear the list")
    assert not upload.dataframe and not upload.warning
    assert "making_upload_annotated" not in upload.session_state


def test_a_defect_in_one_photo_stops_no_other(upload: AppTest) -> None:
    analyze = FaceAnalyzer.analyze

    def fails_on_the_wall(self: FaceAnalyzer, image_bgr: np.ndarray, file: str) -> object:
        if file == "wall.png":
            raise ZeroDivisionError
        return analyze(self, image_bgr, file)

    with mock.patch.object(FaceAnalyzer, "analyze", fails_on_the_wall):
        drop(upload, ("wall.png", wall()), ("me.jpg", portrait()))
    assert upload.dataframe[0].value["file"].tolist() == ["me.jpg"]
    assert "unexpectedly (ZeroDivisionError)" in plain(upload.warning[0].value)


def test_assumptions_are_shown_with_the_photo(upload: AppTest) -> None:
    ten_bits = cv2.cvtColor(portrait_bgr(), cv2.COLOR_BGR2GRAY).astype(np.uint16) * 4
    drop(upload, ("ten.png", cv2.imencode(".png", ten_bits)[1].tobytes()))
    assert any("only 10 seem to be in use" in caption.value for caption in upload.caption)


@pytest.mark.parametrize("name", ["photo.jfif", "photo", "photo.mpo", "photo.txt"])
def test_a_photo_is_recognised_by_its_content(upload: AppTest, name: str) -> None:
    drop(upload, (name, portrait()))
    assert upload.dataframe[0].value["faces"].tolist() == [1]


def opened_summary(upload: AppTest) -> AppTest:
    upload.session_state["upload_summary"] = True
    return upload.run()


def test_the_summary_counts_the_photos_and_offers_figures_and_text(upload: AppTest) -> None:
    drop(upload, ("a_1.jpg", portrait()), ("b_1.png", wall()), ("rubbish.jpg", b"no picture"))
    opened_summary(upload)
    assert not upload.exception
    assert {metric.label: metric.value for metric in upload.metric} == {
        "Photos": "2",
        "Without a face": "1",
        "Faces": "1",
        "Not sure": "0",
    }
    (code,) = upload.code
    assert "by the model 'tiny'" in code.value and "We analysed 2 photos (1 more could not be read)" in code.value
    labels = [button.proto.label for button in upload.get("download_button")]
    assert labels[-5:] == ["PNG", "SVG", "PNG", "SVG", "Summary as HTML"]


def test_the_summary_compares_groups_or_says_why_not(upload: AppTest) -> None:
    drop(upload, ("a_1.jpg", portrait()), ("b_1.png", wall()))
    opened_summary(upload)
    upload.segmented_control(key="upload_group_by").set_value("File name").run()
    assert list(upload.dataframe[1].value.columns) == ["number", "all photos", "a", "b"]
    upload.text_input(key="upload_pattern").set_value("{group}").run()
    assert list(upload.dataframe[1].value.columns) == ["number", "all photos", "a_1.jpg", "b_1.png"]
    assert "too few faces" in texts(upload)
    upload.segmented_control(key="upload_group_by").set_value("Folder").run()
    assert "All files are in one folder" in upload.info[0].value
    assert list(upload.dataframe[1].value.columns) == ["number", "all photos"]
    assert not upload.exception


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
