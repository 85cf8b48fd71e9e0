"""The doctor, cleaned copies and exports on the Data page."""

import time
from pathlib import Path

import numpy as np
import pytest

from fer.datasets.faces import FaceDataset
from fer.datasets.readings import Reading
from fer.datasets.store import catalog
from fer.datasets.store.corrections import correct, corrections_file, write_corrections
from fer.datasets.store.exporting import packed_name
from fer.datasets.store.importing import store
from fer.text import literal
from fer.ui.data import doctor, export
from tests.support.data_page import (
    PAGE,
    PATIENCE_S,
    OpenPage,
    button,
    downloads,
    finished,
    images_of,
    import_files,
    view,
)
from tests.support.forms import (
    snapshot,
    synthetic_faces,
)


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
        deadline = time.monotonic() + PATIENCE_S
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
