"""The list of photos on the Upload page: added, removed, cleared, from another source, too many."""

from unittest import mock

import pytest
from streamlit.testing.v1 import AppTest

from fer.vision.images import MAX_BYTES
from tests.support.upload_page import UPLOAD, drop, portrait, press, texts, wall


def test_an_empty_page_says_how_to_begin_and_has_no_downloads(upload: AppTest) -> None:
    assert not upload.exception and not upload.error and not upload.dataframe
    assert "Try a sample" in [button.label for button in upload.button]
    assert not upload.get("download_button")


def test_results_survive_a_visit_to_another_page(upload: AppTest, analysed_files: list[str]) -> None:
    drop(upload, ("me.jpg", portrait()))
    upload.switch_page("app.py").run()
    upload.switch_page(UPLOAD).run()
    assert upload.dataframe[0].value["file"].tolist() == ["me.jpg"]
    assert analysed_files == ["me.jpg"]


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


def test_equal_files_have_a_row_each_and_removing_one_keeps_the_other(
    upload: AppTest, analysed_files: list[str]
) -> None:
    twins = [(name, portrait(), "image/jpeg") for name in ("me.jpg", "me again.jpg")]
    first = upload.file_uploader[0].set_value(twins)
    first.run()
    assert upload.dataframe[0].value["file"].tolist() == ["me.jpg", "me again.jpg"]
    # `set_value` would make a new file of the one that stays.
    upload.file_uploader[0]._files = first._files[1:]  # type: ignore[index]
    upload.run()
    assert upload.file_uploader[0].value[0].name == "me again.jpg"
    assert upload.dataframe[0].value["file"].tolist() == ["me again.jpg"]
    assert analysed_files == ["me.jpg"], "one analysis is enough for both"


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


def test_the_files_of_a_folder_are_sorted_by_name(upload: AppTest) -> None:
    upload.segmented_control(key="upload_source").set_value("Choose a folder").run()
    drop(upload, ("b/wall.png", wall()), ("a/me.jpg", portrait()))
    assert upload.dataframe[0].value["file"].tolist() == ["a/me.jpg", "b/wall.png"]


def test_too_many_photos_are_refused_with_the_limit(upload: AppTest) -> None:
    with mock.patch.object(upload.session_state["upload_book"], "_kept_photos", 1):
        drop(upload, ("me.jpg", portrait()), ("wall.png", wall()))
    assert upload.dataframe[0].value["file"].tolist() == ["me.jpg"]
    assert "1 photo didn't fit" in upload.warning[0].value


@pytest.mark.parametrize("name", ["photo.jfif", "photo", "photo.mpo", "photo.txt"])
def test_a_photo_is_recognised_by_its_content(upload: AppTest, name: str) -> None:
    drop(upload, (name, portrait()))
    assert upload.dataframe[0].value["faces"].tolist() == [1]
