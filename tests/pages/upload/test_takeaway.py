"""What a user takes away from the Upload page: files and the summary."""

import io
import zipfile
from collections.abc import Callable

import pandas as pd
from streamlit.testing.v1 import AppTest

from tests.support.upload_page import drop, portrait, press, texts, wall


def test_the_downloads_contain_every_file(upload: AppTest, offered_files: dict[str, Callable[[], bytes]]) -> None:
    drop(upload, ("me.jpg", portrait()), ("wall.png", wall()), ("rubbish.jpg", b"no picture"))
    labels = [button.proto.label for button in upload.get("download_button")]
    assert labels[:4] == ["CSV of faces", "CSV of photos", "JSON", "Annotated photos"]

    def names() -> set[str]:
        return set(zipfile.ZipFile(io.BytesIO(offered_files["Annotated photos"]())).namelist())

    assert names() == {"me-annotated.jpg", "wall-annotated.jpg"}
    upload.file_uploader[0].set_value([("wall.png", wall(), "image/png")]).run()
    assert names() == {"wall-annotated.jpg"}


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


def test_the_summary_compares_groups_or_says_why_not(upload: AppTest, quick_summaries: None) -> None:
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


def test_the_downloads_have_the_chosen_groups_and_the_table_stays(
    upload: AppTest, offered_files: dict[str, Callable[[], bytes]], quick_summaries: None
) -> None:
    def groups() -> list[str] | None:
        table = pd.read_csv(io.BytesIO(offered_files["CSV of photos"]()))
        return table["group"].tolist() if "group" in table else None

    def by(way: str) -> None:
        upload.segmented_control(key="upload_group_by").set_value(way).run()

    drop(upload, ("a_1.jpg", portrait()), ("b_1.png", wall()))
    assert groups() is None
    opened_summary(upload)
    by("File name")
    assert groups() == ["a", "b"]
    by("Table")
    assert groups() is None, "there is no table yet"
    table = b"file,age,mood\na_1.jpg,30,calm\nb_1.png,40,loud\n"
    upload.file_uploader(key="upload_groups_0").set_value(("study.csv", table, "text/csv")).run()
    upload.selectbox(key="upload_group_column").set_value("mood").run()
    assert groups() == ["calm", "loud"]
    by("Nothing")
    assert groups() is None
    by("Table")
    assert groups() == ["calm", "loud"] and "The groups are from 'study.csv'." in texts(upload)
    assert list(upload.dataframe[1].value.columns) == ["number", "all photos", "calm", "loud"]
    upload.session_state["upload_summary"] = False
    upload.run()
    assert groups() == ["calm", "loud"], "a closed summary keeps its choice"
    opened_summary(upload)
    other = b"file,room\na_1.jpg,red\n"
    upload.file_uploader(key="upload_groups_0").set_value(("other.csv", other, "text/csv")).run()
    assert groups() == ["red", "no group"]
    assert not upload.exception


def test_clearing_the_list_forgets_the_table_of_groups(upload: AppTest, quick_summaries: None) -> None:
    photos = ("a_1.jpg", portrait()), ("b_1.png", wall())
    drop(upload, *photos)
    opened_summary(upload)
    upload.segmented_control(key="upload_group_by").set_value("Table").run()
    table = b"file,group\na_1.jpg,calm\nb_1.png,loud\n"
    upload.file_uploader(key="upload_groups_0").set_value(("study.csv", table, "text/csv")).run()
    assert list(upload.dataframe[1].value.columns) == ["number", "all photos", "calm", "loud"]
    press(upload, "Clear the list")
    drop(upload, *photos)
    opened_summary(upload)
    assert list(upload.dataframe[1].value.columns) == ["number", "all photos"]
    assert "study.csv" not in texts(upload) and not upload.file_uploader(key="upload_groups_1").value
