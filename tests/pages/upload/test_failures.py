"""Photos that fail on the Upload page, and an analysis that is stopped."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fer.recognition.analyzer import FaceAnalyzer
from fer.ui.upload.photobook import PhotoBook
from tests.support.builders import encoded
from tests.support.markdown import plain
from tests.support.upload_page import UPLOAD, drop, portrait, press, texts, wall

OpenPage = Callable[[str], AppTest]


def test_a_broken_file_is_named_with_its_reason_and_stops_no_other(upload: AppTest) -> None:
    drop(upload, ("rubbish *.jpg", b"no picture"), ("me.jpg", portrait()), ("empty.jpg", b""))
    assert upload.dataframe[0].value["file"].tolist() == ["me.jpg"]
    [warning] = upload.warning
    assert "2 files could not be read" in warning.value
    assert "` rubbish *.jpg `" in warning.value and "empty.jpg" in warning.value
    assert not upload.exception


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


def test_without_a_model_the_page_says_so_in_a_sentence(
    fer_home: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer.paths.SHIPPED_BUNDLE", fer_home / "nothing here")
    upload = open_page(UPLOAD)
    assert not upload.exception
    assert "no model" in plain(upload.error[0].value)


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
