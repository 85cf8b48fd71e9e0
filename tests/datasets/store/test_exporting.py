"""Exports write completely or not at all; tests/datasets/test_round_trips.py imports them again."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from fer.datasets.readers.sources import read_uploads
from fer.datasets.readings import Reading
from fer.datasets.store.exporting import FORMS, export, export_name, packed, packed_name
from fer.errors import DatasetError, FerError
from tests.support.forms import synthetic_faces

NAMES = {"csv": "faces.csv", "folders": "faces", "parquet": "faces.parquet"}


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_overwritten_and_a_cancelled_export_leaves_nothing(form: str, tmp_path: Path) -> None:
    reading = Reading(synthetic_faces(14, 0, 0), ("x",) * 14)
    export(reading, form, tmp_path / NAMES[form])
    with pytest.raises(DatasetError, match="already exists"):
        export(reading, form, tmp_path / NAMES[form])

    def cancel(share: float, text: str) -> None:
        raise FerError("Cancelled")

    (tmp_path / "new").mkdir()
    with pytest.raises(FerError, match="Cancelled"):
        export(reading, form, tmp_path / "new" / NAMES[form], cancel)
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DatasetError, match="can't be written"):
        export(reading, form, tmp_path / "file" / "inside" / "x")


# The last four would be another class or split, no group, or another group.
@pytest.mark.parametrize("group", ["../../out", "/out", "a\\..\\b", ".x", "happy", "S1/test", "__MACOSX", "a//b"])
def test_a_group_that_is_no_folder_is_refused(group: str, tmp_path: Path) -> None:
    reading = replace(Reading(synthetic_faces(1, 0, 0), ("x",)), groups=(group,))
    with pytest.raises(DatasetError, match="can't be a folder"):
        export(reading, "folders", tmp_path / "faces")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_name_that_is_a_split_does_not_contradict_the_rows(form: str, tmp_path: Path) -> None:
    assert [export_name(name) for name in ("fer", "my-test", "test", "fer2013-train")] == [
        *("fer", "mytest", "faces", "faces")
    ]
    dataset = synthetic_faces(7, 7, 7)
    reading = Reading(dataset, ("x",) * 21)
    again = read_uploads({packed_name(form, "my-test"): io.BytesIO(packed(reading, form, "my-test"))}).dataset
    assert again.fingerprint == dataset.fingerprint and again.counts().tolist() == dataset.counts().tolist()
    if form != "folders":
        with pytest.raises(DatasetError, match="would be read as test, and the dataset has train, validation; give"):
            export(reading, form, tmp_path / f"my-test.{form}")
