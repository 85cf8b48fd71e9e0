"""The Data page: import, explore, doctor, relabel."""

import gc
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer.datasets.doctor.crowd import EMOTION_COLUMNS
from fer.datasets.faces import FaceDataset
from fer.datasets.readings import Reading
from fer.datasets.store import catalog
from fer.datasets.store.corrections import correct, corrections_file, read_corrections, write_corrections
from fer.datasets.store.exporting import packed_name
from fer.datasets.store.importing import store
from fer.datasets.store.storage import CLEANED_COPY, INFO_FILE
from fer.emotions import EMOTIONS
from fer.paths import CHECKOUT
from fer.text import literal
from fer.ui import jobs
from fer.ui.data import doctor, export, importing
from tests.support.forms import (
    csv_lines,
    image_files,
    plus,
    png,
    snapshot,
    synthetic_faces,
    unanimous,
    votes_lines,
    write_lines,
    zip_bytes,
)
from tests.support.markdown import plain

OpenPage = Callable[[str], AppTest]
PAGE = "pages/5_Data.py"
_PATIENCE_S = 60


def button(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(item for item in app.button if item.label.startswith(label))


def has_button(app: AppTest, label: str) -> bool:
    return any(item.label.startswith(label) for item in app.button)


def finished(app: AppTest) -> AppTest:
    """Wait for the background job, as the page's polling does."""
    deadline = time.monotonic() + _PATIENCE_S
    while has_button(app, "Cancel"):
        assert time.monotonic() < deadline, "the job did not end"
        time.sleep(0.1)
        app.run()
    assert not app.exception
    return app


def import_files(app: AppTest, files: dict[str, bytes], name: str = "") -> AppTest:
    uploader = app.file_uploader[0]
    uploader.set_value([(file, data, "application/octet-stream") for file, data in files.items()]).run()
    if name:
        app.text_input(key="data_import_name").set_value(name).run()
    return finished(button(app, "Import").click().run())


def view(app: AppTest, name: str) -> AppTest:
    return finished(app.segmented_control(key="data_view").set_value(name).run())


@pytest.fixture
def sick() -> FaceDataset:
    """84 faces; a copy of 3 in test (84), a blank (85); the crowd rejects the labels of 10 and 20."""
    dataset = synthetic_faces(70, 7, 7)
    dataset = plus(dataset, dataset.images[3], int(dataset.labels[3]), 2)
    dataset = plus(dataset, np.zeros((48, 48)), 0)
    votes = unanimous(dataset)
    for index, others in ((10, 9), (20, 10)):
        votes[index] = 0
        votes[index, EMOTION_COLUMNS[dataset.labels[index]]] = 10 - others
        votes[index, EMOTION_COLUMNS[(dataset.labels[index] + 1) % 7]] = others
    return replace(dataset, votes=votes)


@pytest.fixture
def stored(fer_home: Path, sick: FaceDataset) -> FaceDataset:
    store(Reading(sick, tuple(f"line {index + 2}" for index in range(len(sick))), form="CSV"), "mine", "fer2013.csv")
    return sick


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


def test_an_upload_is_imported_and_summed_up(fer_home: Path, open_page: OpenPage) -> None:
    lines = csv_lines(synthetic_faces())
    lines[6] = "9" + lines[6][1:]
    app = import_files(open_page(PAGE), {"fer2013.csv": "\n".join(lines).encode()})
    assert [text.value for text in app.success] == ["Imported 'fer2013': 42 rows read, 41 kept, 1 rejected."]
    rejected = next(frame.value for frame in app.dataframe if "Reason" in frame.value)
    assert rejected.iloc[0].to_dict() == {
        "Where": "line 7",
        "Reason": "label '9' is not the name or number of a class",
    }
    assert any(item.proto.label == "Not imported, as CSV" for item in app.get("download_button"))
    assert app.selectbox(key="data_dataset").value == "fer2013"
    button(app, "Close").click().run()
    assert not app.success and not app.exception


def numbered() -> bytes:
    """A zip in AffectNet's order: neutral, happy, sad, surprise, fear, disgust, angry."""
    dataset = synthetic_faces(70, 0, 0)
    places = [6, 3, 4, 5, 2, 1, 0]
    return zip_bytes(image_files(dataset, [str(places.index(label)) for label in range(7)]))


def test_numbered_classes_need_an_order_and_show_six_faces_each(fer_home: Path, open_page: OpenPage) -> None:
    app = import_files(open_page(PAGE), {"affectnet.zip": numbered()})
    assert catalog.list_datasets() == [] and not app.exception
    assert any("Which number is which class?" in text.value for text in app.markdown)
    assert len(images_of(app)) == 42 and not any(item.label == "Import with this order" for item in app.button)
    app.selectbox(key="data_label_order").set_value("affectnet").run()
    assert {"**0: neutral**", "**6: angry**"} <= {text.value for text in app.markdown}
    app = finished(button(app, "Import with this order").click().run())
    assert catalog.get_info("affectnet").fingerprint == synthetic_faces(70, 0, 0).fingerprint
    assert "70 files read, 70 kept, 0 rejected" in app.success[0].value


def test_a_custom_order_is_chosen_number_by_number(fer_home: Path, open_page: OpenPage) -> None:
    app = import_files(open_page(PAGE), {"mine.zip": numbered()})
    app.selectbox(key="data_label_order").set_value("custom").run()
    for number, label in enumerate([6, 3, 4, 5, 2, 1, 0]):
        app.selectbox(key=f"data_label_order_{number}").set_value(label)
    app.run()
    finished(button(app, "Import with this order").click().run())
    assert catalog.get_info("mine").fingerprint == synthetic_faces(70, 0, 0).fingerprint


def test_cancelling_the_question_changes_nothing(fer_home: Path, open_page: OpenPage) -> None:
    app = import_files(open_page(PAGE), {"affectnet.zip": numbered()})
    button(app, "Close").click().run()
    assert not app.warning and catalog.list_datasets() == []


def test_a_zip_with_votes_is_imported_under_the_chosen_name(fer_home: Path, open_page: OpenPage) -> None:
    files = {
        "fer2013.csv": "\n".join(csv_lines(synthetic_faces())).encode(),
        "fer2013new.csv": "\n".join(votes_lines(synthetic_faces())).encode(),
    }
    app = import_files(open_page(PAGE), {"archive.zip": zip_bytes(files)}, name="fer")
    assert catalog.get_info("fer").has_votes
    assert not app.error


def test_two_files_at_once_are_the_table_and_its_votes(fer_home: Path, open_page: OpenPage) -> None:
    import_files(
        open_page(PAGE),
        {
            "fer2013.csv": "\n".join(csv_lines(synthetic_faces())).encode(),
            "fer2013new.csv": "\n".join(votes_lines(synthetic_faces())).encode(),
        },
    )
    assert catalog.get_info("fer2013").has_votes


@pytest.mark.parametrize(
    ("file", "data", "message"),
    [
        ("evil.zip", zip_bytes({**image_files(synthetic_faces()), "../evil.png": b"x"}), "leads out of it"),
        ("notes.csv", b"a,b\n1,2\n", "no column 'pixels'"),
        ("cut.zip", zip_bytes(image_files(synthetic_faces()))[:-50], "cut short"),
    ],
)
def test_a_failed_import_gives_one_sentence_and_changes_nothing(
    fer_home: Path, stored: FaceDataset, open_page: OpenPage, file: str, data: bytes, message: str
) -> None:
    before = snapshot(fer_home)
    app = import_files(open_page(PAGE), {file: data})
    assert [literal(message) in text.value for text in app.error] == [True]
    assert snapshot(fer_home) == before


def test_names_of_files_are_shown_as_they_are(fer_home: Path, open_page: OpenPage) -> None:
    name = "![x](http://example.org/a.png) <b>"
    files = {f"happy/{name}/{index}.png": png(image) for index, image in enumerate(synthetic_faces(7, 0, 0).images)}
    app = import_files(open_page(PAGE), {"faces.zip": zip_bytes({f"../{name}": b"x"})})
    assert "](" not in app.error[0].value and literal("![x]") in app.error[0].value
    listed = "\n".join(["file,label", *(f"{index}.png,happy" for index in range(7))]).encode()
    files |= {f"{name.replace('/', '')}.csv": listed}
    app = import_files(app, {"faces.zip": zip_bytes(files)}, "named")
    assert any(literal("![x]") in text.value for text in app.caption)
    assert not any("](" in text.value for text in (*app.caption, *app.success))
    assert not any("](" in caption for caption in captions_of(app))


def test_a_file_inside_data_is_named_and_any_other_path_is_refused(
    fer_home: Path, tmp_path: Path, open_page: OpenPage
) -> None:
    (fer_home / "data").mkdir()
    write_lines(fer_home / "data" / "fer2013.csv", csv_lines(synthetic_faces()))
    outside = write_lines(tmp_path / "outside.csv", csv_lines(synthetic_faces()))
    app = open_page(PAGE)
    app.segmented_control(key="data_import_source").set_value("From data/").run()
    assert any(rf"Files there: {literal('fer2013.csv')}" in text.value for text in app.caption)
    for text in ("../../outside.csv", str(outside), "/etc/passwd"):
        app.text_input(key="data_import_path").set_value(text).run()
        finished(button(app, "Import").click().run())
        assert "is not inside" in plain(app.error[0].value)
        assert catalog.list_datasets() == []
    app.text_input(key="data_import_path").set_value("fer2013.csv").run()
    finished(button(app, "Import").click().run())
    assert [info.fingerprint for info in catalog.list_datasets()] == [synthetic_faces().fingerprint]


def test_an_import_is_cancelled(
    fer_home: Path, stored: FaceDataset, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(fer_home)

    def endless(files, name, options, progress):  # type: ignore[no-untyped-def]
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            progress(0.4, "17,001 rows read")
            time.sleep(0.05)

    monkeypatch.setattr(importing, "import_uploads", endless)
    app = open_page(PAGE)
    app.file_uploader[0].set_value([("fer2013.csv", b"x", "text/csv")]).run()
    button(app, "Import").click().run()
    assert has_button(app, "Cancel") and not has_button(app, "Import")
    # Another tab sees the same.
    other = open_page(PAGE)
    assert has_button(other, "Cancel")
    finished(button(app, "Cancel").click().run())
    assert literal("Cancelled. Nothing was changed.") in [text.value for text in app.info]
    assert snapshot(fer_home) == before


def test_a_second_tabs_choice_is_kept_while_an_import_runs(
    fer_home: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, imported = threading.Event(), importing.import_uploads

    def slow(files, name, progress, *options):  # type: ignore[no-untyped-def]
        assert go_on.wait(_PATIENCE_S)
        return imported(files, name, progress, *options)

    monkeypatch.setattr(importing, "import_uploads", slow)
    first = open_page(PAGE)
    second = AppTest.from_file(str(CHECKOUT / "app.py"), default_timeout=60).run().switch_page(PAGE).run()
    for app, name in ((first, "one.csv"), (second, "two.csv")):
        app.file_uploader[0].set_value([(name, "\n".join(csv_lines(synthetic_faces())).encode(), "text/csv")]).run()
    button(first, "Import").click().run()
    # The second tab doesn't know about it and presses its button anyway.
    button(second, "Import").click().run()
    assert any("already running" in text.value for text in second.toast)
    assert any("Your files are kept" in text.value for text in second.info)
    assert button(second, "Import").disabled
    second.run()
    assert [file.name for file in second.file_uploader[0].value] == ["two.csv"]
    go_on.set()
    finished(first)
    finished(second)
    finished(button(second, "Import").click().run())
    assert [info.name for info in catalog.list_datasets()] == ["one", "two"]


def test_only_the_importing_tab_switches_to_the_new_dataset(
    fer_home: Path, stored: FaceDataset, open_page: OpenPage
) -> None:
    first, second = open_page(PAGE), open_page(PAGE)
    second.text_input(key="data_import_name").set_value("my own").run()
    import_files(first, {"fer2013.csv": "\n".join(csv_lines(synthetic_faces())).encode()})
    assert first.selectbox(key="data_dataset").value == "fer2013"
    second.run()
    assert any("Imported 'fer2013'" in text.value for text in first.success)
    # Another tab sees the new dataset, and no message about it.
    assert not second.success and "fer2013" in second.selectbox(key="data_dataset").options
    assert second.selectbox(key="data_dataset").value == "mine"
    assert second.text_input(key="data_import_name").value == "my own"
    # It switches only once.
    first.selectbox(key="data_dataset").set_value("mine").run()
    assert first.run().selectbox(key="data_dataset").value == "mine"


@pytest.mark.parametrize("n", [2, 3])
def test_files_with_the_same_name_are_reported(n: int, fer_home: Path, open_page: OpenPage) -> None:
    app = open_page(PAGE)
    table = ("fer2013.csv", "\n".join(csv_lines(synthetic_faces())).encode(), "text/csv")
    app.file_uploader[0].set_value([table] * n).run()
    finished(button(app, "Import").click().run())
    assert [f"{n} datasets" in plain(text.value) for text in app.error] == [True]


def test_synthetic_faces_are_offered_for_a_first_try(fer_home: Path, open_page: OpenPage) -> None:
    app = open_page(PAGE)
    app.segmented_control(key="data_import_source").set_value("Synthetic faces").run()
    finished(button(app, "Import synthetic faces").click().run())
    info = catalog.get_info("synthetic-faces")
    assert info.synthetic and info.n_images == 980
    assert any(
        "say nothing about real" in text.value or "says nothing about real" in text.value for text in app.caption
    )


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


def images_of(app: AppTest) -> list[str]:
    """Return the captions of the images, as they are read."""
    return [re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", caption) for caption in captions_of(app)]


def captions_of(app: AppTest) -> list[str]:
    return [image.caption for block in app.get("image") for image in block.proto.imgs]


def downloads(app: AppTest) -> set[str]:
    labels = [item.proto.label for item in app.get("download_button")]
    return {label for label in labels if label.endswith(", as CSV")}


def test_imbalance_has_a_csv_as_well(fer_home: Path, open_page: OpenPage) -> None:
    dataset = synthetic_faces(70, 0, 0)
    kept = np.flatnonzero((dataset.labels != 1) | (np.cumsum(dataset.labels == 1) <= 1))
    store(Reading(dataset.take(kept), ("x",) * len(kept)), "mine", "x")
    app = view(open_page(PAGE), "Doctor")
    app = finished(button(app, "Examine").click().run())
    assert "10.0 times as many" in app.warning[0].value
    assert downloads(app) == {"Imbalance, as CSV", "All findings, as CSV"}


def test_a_cancelled_copy_is_no_error(
    fer_home: Path, stored: FaceDataset, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*arguments, apply):  # type: ignore[no-untyped-def]
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            arguments[-1](0.4, "Storing")
            time.sleep(0.05)

    monkeypatch.setattr(doctor, "clean_copy", endless)
    app = view(open_page(PAGE), "Doctor")
    app = finished(button(app, "Examine").click().run())
    button(app, "Make the copy").click().run()
    finished(button(app, "Cancel").click().run())
    assert not app.error
    assert literal("Cancelled. Nothing was changed.") in [text.value for text in app.info]


def test_the_doctor_shows_planted_problems_and_makes_a_cleaned_copy(
    fer_home: Path, stored: FaceDataset, open_page: OpenPage
) -> None:
    before = snapshot(fer_home)
    app = view(open_page(PAGE), "Doctor")
    app = finished(button(app, "Examine 86 images").click().run())
    table = next(frame.value for frame in app.dataframe if "Finding" in frame.value)
    assert dict(zip(table["Finding"], table["Images"], strict=True)) == {
        "Exact duplicates": 2,
        "Exact duplicates across splits": 2,
        "Blank images": 1,
        "Labels the crowd rejects": 2,
    }
    assert {"All findings, as CSV", "Exact duplicates, as CSV"} <= downloads(app)
    gallery = images_of(app)
    assert len(gallery) == 2 and gallery[0].endswith("train, line 5, left out") and "test, line 86" in gallery[1]
    app.selectbox(key=next(item.key for item in app.selectbox if item.label == "Show")).set_value(
        "crowd_rejected"
    ).run()
    assert [caption.split(" · ")[1][:6] for caption in images_of(app)] == ["crowd:", "crowd:"]
    assert "Labels the crowd rejects, as CSV" in downloads(app)
    finished(button(app, "Make the copy").click().run())
    assert "Made 'mine-cleaned': 84 images kept, 2 left out." in [text.value for text in app.success]
    cleaned = catalog.open_dataset("mine-cleaned").dataset
    np.testing.assert_array_equal(cleaned.images, np.delete(stored.images, [3, 85], axis=0))
    assert {name: data for name, data in snapshot(fer_home).items() if "cleaned" not in name} == before
    button(app, "Open").click().run()
    assert app.selectbox(key="data_dataset").value == "mine-cleaned"


def test_a_copy_says_that_it_lacks_corrections_made_meanwhile_in_another_tab(
    fer_home: Path, stored: FaceDataset, open_page: OpenPage
) -> None:
    app = view(open_page(PAGE), "Doctor")
    app = finished(button(app, "Examine").click().run())
    # This page was drawn without corrections, and so without the choice to apply them.
    write_corrections(corrections_file(catalog.dataset_folder("mine")), [correct(stored, 10, None)])
    finished(button(app, "Make the copy").click().run())
    assert "Not applied: 1 correction made by hand." in catalog.get_info("mine-cleaned").changes
    assert literal("Not applied: 1 correction made by hand.") in [text.value for text in app.caption]


def test_a_copy_includes_corrections_made_meanwhile_in_another_tab(
    fer_home: Path, stored: FaceDataset, open_page: OpenPage
) -> None:
    file = corrections_file(catalog.dataset_folder("mine"))
    write_corrections(file, [correct(stored, 10, None)])
    app = view(open_page(PAGE), "Doctor")
    app = finished(button(app, "Examine").click().run())
    write_corrections(file, [correct(stored, 10, None), correct(stored, 20, None)])
    finished(button(app, "Make the copy").click().run())
    assert "Left out, discarded by hand: 2." in catalog.get_info("mine-cleaned").changes


@pytest.mark.parametrize("form", ["csv", "folders", "parquet"])
def test_an_export_imports_as_the_same_dataset(
    form: str, fer_home: Path, stored: FaceDataset, open_page: OpenPage
) -> None:
    app = view(open_page(PAGE), "Export")
    app.segmented_control(key="data_export_form").set_value(form).run()
    assert [item.proto.label for item in app.get("download_button")] == ["Export 86 images"]
    exported = export.Exported()
    made = export.make_export(catalog.get_info("mine"), form, False, exported)
    assert exported.text == f"Exported 86 images, fingerprint {stored.fingerprint}."
    app.segmented_control(key="data_view").set_value("Look").run()
    import_files(app, {packed_name(form, "mine"): made})
    assert catalog.get_info("mine-2").fingerprint == stored.fingerprint
    np.testing.assert_array_equal(catalog.open_dataset("mine-2").dataset.counts(), stored.counts())


def test_an_export_applies_corrections_or_says_that_it_does_not(
    fer_home: Path, stored: FaceDataset, open_page: OpenPage
) -> None:
    info, exported = catalog.get_info("mine"), export.Exported()
    made = [correct(stored, 10, None), correct(stored, 20, None)]
    write_corrections(corrections_file(catalog.dataset_folder("mine")), made)
    app = view(open_page(PAGE), "Export")
    assert app.checkbox(key=f"data_export_corrections_{info.created}").label == "Apply 2 corrections made by hand"
    export.make_export(info, "parquet", False, exported)
    assert "86 images" in exported.text and exported.text.endswith("Not applied: 2 corrections made by hand.")
    export.make_export(info, "parquet", True, exported)
    assert "84 images" in exported.text and exported.text.endswith("2 corrections applied.")


def test_after_an_import_the_next_steps_are_offered(fer_home: Path, open_page: OpenPage) -> None:
    app = import_files(open_page(PAGE), {"fer2013.csv": "\n".join(csv_lines(synthetic_faces())).encode()})
    assert "Next: train on it" in [item.proto.label for item in app.get("page_link")]
    app.button(key="data_next_doctor").click().run()
    assert has_button(app, "Examine 42 images")
    button(app, "Close").click().run()
    assert not app.success


def test_an_error_goes_once_another_file_is_chosen(fer_home: Path, open_page: OpenPage) -> None:
    app = import_files(open_page(PAGE), {"faces.csv": b"a,b\n1,2\n"})
    assert len(app.error) == 1
    app.file_uploader[0].set_value([("fer2013.csv", b"x", "text/csv")]).run()
    assert not app.error


def test_blank_images_are_not_the_first_to_review(fer_home: Path, tiny_model: Path, open_page: OpenPage) -> None:
    dataset = plus(synthetic_faces(14, 0, 0), np.zeros((48, 48)), 3)
    votes = unanimous(dataset)
    votes[14] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]
    store(Reading(replace(dataset, votes=votes), ("x",) * 15), "mine", "x")
    app = view(open_page(PAGE), "Relabel")
    assert [text.value for text in app.success] == ["No doubtful labels."]
    assert any("images without a face are left to the Doctor" in text.value for text in app.caption)


def test_the_most_doubtful_labels_are_reviewed_with_one_click_each(
    fer_home: Path, stored: FaceDataset, tiny_model: Path, open_page: OpenPage
) -> None:
    originals = snapshot(fer_home / "data" / "mine")
    file = corrections_file(catalog.dataset_folder("mine"))
    app = view(open_page(PAGE), "Relabel")
    # The clearest case comes first.
    assert images_of(app) == ["line 22, train"]
    assert any(f"Labelled **{EMOTIONS[stored.labels[20]]}**" in text.value for text in app.markdown)
    right = (int(stored.labels[20]) + 1) % 7
    app.button(key=f"data_label_{EMOTIONS[right]}").click().run()
    assert images_of(app) == ["line 12, train"]
    app.button(key="data_discard").click().run()
    assert [(item.index, item.now) for item in read_corrections(file)] == [(20, right), (10, None)]
    assert [text.value for text in app.success] == ["All doubtful images are reviewed."]
    app.button(key="data_undo").click().run()
    assert [(item.index, item.now) for item in read_corrections(file)] == [(20, right)]
    assert images_of(app) == ["line 12, train"]
    app.button(key="data_keep").click().run()
    assert read_corrections(file)[-1].now == stored.labels[10]
    # The data themselves are unchanged.
    assert {name: data for name, data in snapshot(fer_home / "data" / "mine").items() if name != file.name} == originals
    assert not app.exception and not app.error


def test_skipping_leaves_no_trace(fer_home: Path, stored: FaceDataset, tiny_model: Path, open_page: OpenPage) -> None:
    app = view(open_page(PAGE), "Relabel")
    app.button(key="data_skip").click().run()
    assert images_of(app) == ["line 12, train"]
    assert not corrections_file(catalog.dataset_folder("mine")).exists()


def test_without_votes_the_model_finds_doubtful_labels(fer_home: Path, tiny_model: Path, open_page: OpenPage) -> None:
    """The tiny model classifies the darkest face as angry and the brightest as neutral."""
    dataset = synthetic_faces(14, 0, 0)
    store(Reading(dataset, ("x",) * 14), "mine", "x")
    app = view(open_page(PAGE), "Relabel")
    app = finished(button(app, "Classify 14 images").click().run())
    says = np.rint(dataset.images.mean(axis=(1, 2)) * 6 / 255).astype(int)
    n_doubtful = int((says != dataset.labels).sum())
    assert 0 < n_doubtful < 14
    shown = [item.proto.text for item in app.get("progress")]
    assert shown == [f"0 of {n_doubtful} doubtful images reviewed or skipped"]


def test_without_votes_and_model_the_page_says_what_to_do(
    fer_home: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(Reading(synthetic_faces(14, 0, 0), ("x",) * 14), "mine", "x")
    monkeypatch.setattr("fer.paths.SHIPPED_BUNDLE", fer_home / "nothing here")
    app = view(open_page(PAGE), "Relabel")
    assert not app.exception and "fer2013new.csv" in app.info[0].value


def test_deleting_takes_two_clicks_and_shows_the_disk_space_it_frees(
    fer_home: Path, stored: FaceDataset, open_page: OpenPage
) -> None:
    app = open_page(PAGE)
    assert any("Delete **mine**" in text.value and "MB" in text.value for text in app.markdown)
    button(app, "Delete for good").click().run()
    assert catalog.list_datasets() == [] and not app.exception
    assert has_button(app, "Import")


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


def test_the_remains_of_a_killed_import_are_removed_when_the_app_starts(
    fer_home: Path, tiny_model: Path, open_page: OpenPage
) -> None:
    left = fer_home / "data" / ".staging" / "abandoned"
    left.mkdir(parents=True)
    (left / "images.npy").write_bytes(b"half")
    open_page("app.py")
    assert not left.exists()


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


def test_an_upload_is_freed_when_the_job_has_it(fer_home: Path, open_page: OpenPage) -> None:
    app = import_files(open_page(PAGE), {"fer2013.csv": "\n".join(csv_lines(synthetic_faces())).encode()})
    assert not app.file_uploader[0].value
    job = jobs.find(importing._key())
    assert job is not None and not hasattr(job, "_work")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image,digest,was,now\n1,0011,sad,happy\n".encode("utf-16"), "isn't a CSV in UTF-8"),
        (b"image,digest,was,now\n9999,0011,sad,happy\n", "don't belong to these images"),
        (b"image,digest,was,now\n3,0011223344556677,sad,discard\n", "don't belong to these images"),
    ],
)
def test_corrections_edited_by_hand_give_a_sentence(
    fer_home: Path, stored: FaceDataset, tiny_model: Path, open_page: OpenPage, content: bytes, message: str
) -> None:
    corrections_file(catalog.dataset_folder("mine")).write_bytes(content)
    app = view(open_page(PAGE), "Relabel")
    assert not app.exception and [message in plain(text.value) for text in app.error] == [True]
    # The rest of the page is shown.
    app = view(app, "Look")
    assert not app.exception and not app.error
