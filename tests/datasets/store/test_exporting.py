"""Exports write completely or not at all; tests/datasets/test_round_trips.py imports them again."""

from dataclasses import replace
from pathlib import Path

import pytest

from fer.datasets.readings import Reading
from fer.datasets.store.exporting import FORMS, export
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


def test_a_group_whose_name_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    reading = replace(Reading(synthetic_faces(1, 0, 0), ("x",)), groups=("../../out",))
    with pytest.raises(DatasetError, match="can't be a folder"):
        export(reading, "folders", tmp_path / "faces")
    assert list(tmp_path.iterdir()) == []
