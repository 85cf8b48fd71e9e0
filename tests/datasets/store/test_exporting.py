"""An exported dataset imports as the same dataset again."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer.datasets.faces import FaceDataset
from fer.datasets.readers.sources import read_path
from fer.datasets.readings import Reading
from fer.datasets.store.exporting import FORMS, export
from fer.errors import DatasetError, FerError
from tests.support.forms import synthetic_faces

NAMES = {"csv": "faces.csv", "folders": "faces", "parquet": "faces.parquet"}
GROUPS = st.sampled_from(["", "S01", "S02/session 3", "Ärzte"])


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    n_images = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    dataset = FaceDataset(
        name="small",
        images=rng.integers(0, 256, (n_images, 48, 48)).astype(np.uint8),
        labels=np.array(draw(st.lists(st.integers(0, 6), min_size=n_images, max_size=n_images)), np.int64),
        splits=np.array(draw(st.lists(st.integers(0, 2), min_size=n_images, max_size=n_images)), np.uint8),
    )
    groups = draw(st.lists(GROUPS, min_size=n_images, max_size=n_images))
    return Reading(dataset, ("x",) * n_images, groups=tuple(groups) if any(groups) else ())


def rows(reading: Reading) -> list[tuple[bytes, int, int, str]]:
    dataset, groups = reading.dataset, reading.groups or ("",) * len(reading.dataset)
    return sorted(
        (image.tobytes(), int(label), int(split), group)
        for image, label, split, group in zip(dataset.images, dataset.labels, dataset.splits, groups, strict=True)
    )


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=15, deadline=None)
@given(reading=readings())
def test_labels_splits_pixels_and_groups_come_back(form: str, reading: Reading) -> None:
    with TemporaryDirectory() as folder:
        target = Path(folder) / NAMES[form]
        export(reading, form, target)
        back = read_path(target)
    assert not back.rejected
    assert back.dataset.fingerprint == reading.dataset.fingerprint
    assert rows(back) == rows(reading)


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
