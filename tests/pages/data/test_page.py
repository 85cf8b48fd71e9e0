"""What the Data page shows, deleting, and its card on Home."""

import gc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.datasets.faces import FaceDataset
from fer.datasets.readings import Reading
from fer.datasets.store import catalog
from fer.datasets.store.importing import store
from fer.datasets.store.storage import CLEANED_COPY, INFO_FILE
from fer.emotions import EMOTIONS
from fer.errors import DatasetError
from fer.text import literal
from fer.ui import jobs
from tests.support.data_page import (
    PAGE,
    OpenPage,
    button,
    finished,
    has_button,
    images_of,
    view,
)
from tests.support.forms import (
    synthetic_faces,
)
from tests.support.markdown import plain


def test_without_data_the_page_says_how_to_begin(tiny_model: Path, open_page: OpenPage) -> None:
    app = open_page(PAGE)
    assert not app.exception and not app.error
    assert has_button(app, "Import") and button(app, "Import").disabled
    assert any("Kaggle" in text.value for text in app.markdown)
    assert not app.selectbox


def test_a_damaged_dataset_is_named_and_hides_no_other(fer_home: Path, open_page: OpenPage) -> None:
    faces = synthetic_faces()
    reading = Reading(faces, tuple(f"line {index + 2}" for index in range(len(faces))), form="CSV")
    store(reading, "whole", "a.csv")
    store(reading, "torn", "b.csv")
    (fer_home / "data" / "torn" / INFO_FILE).write_text('{"format": 1, "counts": "many"}')
    app = open_page(PAGE)
    assert not app.exception and not app.error
    assert ["torn" in warning.value for warning in app.warning] == [True]
    assert list(app.dataframe[0].value["Name"]) == ["whole"]


def test_a_dataset_is_shown_by_class_and_split(fer_home: Path, stored: FaceDataset, open_page: OpenPage) -> None:
    app = open_page(PAGE)
    assert not app.exception
    assert "**train**: 71 images" in [text.value for text in app.markdown]
    captions = images_of(app)
    assert captions[:2] == [f"{EMOTIONS[stored.labels[0]]} · line 2", f"{EMOTIONS[stored.labels[1]]} · line 3"]
    assert captions[-7:] == list(EMOTIONS)
    app.segmented_control(key="data_samples_class").set_value("happy").run()
    labels = {caption.split(" · ")[0] for caption in images_of(app)[:-7]}
    assert labels == {"happy"}
    key = next(item.key for item in app.segmented_control if item.label == "Split")
    app.segmented_control(key=key).set_value("test").run()
    expected = [index for index in np.flatnonzero(stored.labels == 3) if stored.splits[index] == 2]
    assert images_of(app)[:-7] == [f"happy · line {index + 2}" for index in expected]


def test_deleting_takes_two_clicks_and_shows_the_disk_space_it_frees(
    fer_home: Path, stored: FaceDataset, open_page: OpenPage
) -> None:
    app = open_page(PAGE)
    assert any("Delete **mine**" in text.value and "MB" in text.value for text in app.markdown)
    button(app, "Delete for good").click().run()
    assert catalog.list_datasets() == [] and not app.exception
    assert has_button(app, "Import")


def test_the_error_of_a_deletion_stays_until_the_next_one(
    fer_home: Path, stored: FaceDataset, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise DatasetError(f"{name} can't be deleted; check its *permissions*.")

    app = open_page(PAGE)
    with monkeypatch.context() as refusing:
        refusing.setattr(catalog, "delete_dataset", refuse)
        button(app, "Delete for good").click().run()
        app.run()
    assert [plain(error.value) for error in app.error] == ["mine can't be deleted; check its *permissions*."]
    assert not app.toast
    button(app, "Delete for good").click().run()
    assert not app.error and catalog.list_datasets() == []


def test_deleting_frees_the_disk_and_forgets_what_was_found(
    fer_home: Path, stored: FaceDataset, open_page: OpenPage
) -> None:
    def mapped() -> bool:
        return str(fer_home / "data") in Path("/proc/self/maps").read_text()

    app = view(open_page(PAGE), "Doctor")
    app = finished(button(app, "Examine").click().run())
    assert mapped() and jobs._jobs()
    button(app, "Delete for good").click().run()
    assert not app.exception and not jobs._jobs()
    gc.collect()
    assert not mapped()


def test_a_damaged_dataset_gives_a_sentence(fer_home: Path, stored: FaceDataset, open_page: OpenPage) -> None:
    (fer_home / "data" / "mine" / "images.npy").write_bytes(b"x")
    app = open_page(PAGE)
    assert not app.exception
    assert "damaged" in plain(app.error[0].value) and "import it again" in plain(app.error[0].value)


def test_home_has_a_card_for_the_data(
    fer_home: Path, tiny_model: Path, stored: FaceDataset, open_page: OpenPage
) -> None:
    app = open_page("app.py")
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Datasets"] == "1" and metrics["Images"] == "86"


def test_home_counts_no_image_twice(fer_home: Path, tiny_model: Path, stored: FaceDataset, open_page: OpenPage) -> None:
    (info,) = catalog.list_datasets()
    reading = catalog.open_dataset(info.name)
    store(replace(reading, form=CLEANED_COPY), "tidy", info.name)
    app = open_page("app.py")
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Datasets"] == "1" and metrics["Images"] == "86"
    assert any(caption.value == f"{literal(info.name)}, 1 cleaned copy" for caption in app.caption)
    catalog.delete_dataset(info.name)
    metrics = {metric.label: metric.value for metric in open_page("app.py").metric}
    assert metrics["Datasets"] == "1" and metrics["Images"] == "86", "a copy counts where its original is gone"
