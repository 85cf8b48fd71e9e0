import logging
from pathlib import Path

import numpy as np
import pytest

from fer.datasets.store.corrections import correct, corrections_file, write_corrections
from fer.datasets.store.importing import import_path
from fer.datasets.store.loading import load_dataset
from fer.errors import DatasetError
from tests.support.forms import csv_lines, image_files, synthetic_faces, write_files, write_lines, zip_bytes


def test_folders_zip_table_and_stored_copy_are_the_same_dataset(tmp_path: Path, fer_home: Path) -> None:
    dataset = synthetic_faces(140, 0, 14)
    table = write_lines(tmp_path / "fer2013.csv", csv_lines(dataset))
    folders = write_files(tmp_path / "faces", image_files(dataset))
    (tmp_path / "faces.zip").write_bytes(zip_bytes(image_files(dataset)))
    name = import_path(table).name
    found = [load_dataset(source) for source in (table, str(table), folders, tmp_path / "faces.zip", name)]
    assert len({item.fingerprint for item in found}) == 1
    validations = [{image.tobytes() for image in item.split("validation").images} for item in found]
    assert all(images == validations[0] for images in validations)
    assert len(validations[0]) == 14


def test_without_validation_the_splits_are_unchanged(tmp_path: Path) -> None:
    table = write_lines(tmp_path / "fer2013.csv", csv_lines(synthetic_faces(70, 0, 7)))
    assert load_dataset(table, with_validation=False).split_names() == ("train", "test")
    assert load_dataset(table).split_names() == ("train", "validation", "test")


def test_a_single_split_is_enough(tmp_path: Path) -> None:
    table = write_lines(tmp_path / "public.csv", csv_lines(synthetic_faces(0, 14, 0)))
    assert load_dataset(table).split_names() == ("validation",)


def test_unreadable_data_give_a_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = csv_lines(synthetic_faces())
    lines[4] = "8" + lines[4][1:]
    table = write_lines(tmp_path / "fer2013.csv", lines)
    with caplog.at_level(logging.WARNING):
        assert len(load_dataset(table)) == 41
    assert "1 of 42 images can't be read" in caplog.text and "line 5: label '8'" in caplog.text


def test_corrections_are_applied_on_request(tmp_path: Path, fer_home: Path) -> None:
    dataset = synthetic_faces(70, 7, 7)
    table = write_lines(tmp_path / "fer2013.csv", csv_lines(dataset))
    now = (int(dataset.labels[3]) + 1) % 7
    write_corrections(corrections_file(table), [correct(dataset, 3, now), correct(dataset, 80, None)])
    assert corrections_file(table) == tmp_path / "fer2013.corrections.csv"
    assert load_dataset(table).fingerprint == dataset.fingerprint
    corrected = load_dataset(table, corrections=True)
    assert len(corrected) == 83 and corrected.labels[3] == now
    np.testing.assert_array_equal(corrected.images[3], dataset.images[3])


def test_requesting_corrections_without_any_changes_nothing(tmp_path: Path) -> None:
    table = write_lines(tmp_path / "fer2013.csv", csv_lines(synthetic_faces()))
    assert load_dataset(table, corrections=True).fingerprint == synthetic_faces().fingerprint


@pytest.mark.parametrize("source", ["nowhere.csv", "no-such-set", "/does/not/exist", "a\0b"])
def test_missing_data_give_a_sentence(fer_home: Path, source: str) -> None:
    with pytest.raises(DatasetError, match="doesn't exist"):
        load_dataset(source)


def test_a_file_inside_data_is_found_by_its_name(fer_home: Path) -> None:
    (fer_home / "data").mkdir()
    write_lines(fer_home / "data" / "mine.csv", csv_lines(synthetic_faces()))
    assert load_dataset("mine.csv").fingerprint == synthetic_faces().fingerprint


@pytest.mark.parametrize(("source", "why"), [("x" * 300, "File name too long"), ("~nosuchuser/x", "no such user")])
def test_an_impossible_path_gives_a_sentence(source: str, why: str, fer_home: Path) -> None:
    with pytest.raises(DatasetError, match=f"can't be a path \\({why}\\)"):
        load_dataset(source)


def test_a_run_uses_the_corrections_of_an_imported_dataset(tmp_path: Path, fer_home: Path) -> None:
    """What 'with corrections' of the training form asks for."""
    dataset = synthetic_faces(70, 7, 7)
    name = import_path(write_lines(tmp_path / "fer2013.csv", csv_lines(dataset))).name
    file = corrections_file(fer_home / "data" / name)
    now = (int(dataset.labels[3]) + 1) % 7
    # The last correction counts: 5 was discarded and then confirmed.
    made = [correct(dataset, 5, None), correct(dataset, 5, int(dataset.labels[5])), correct(dataset, 3, now)]
    write_corrections(file, [*made, correct(dataset, 80, None)])
    expected = dataset.labels.copy()
    expected[3] = now
    corrected = load_dataset(name, corrections=True)
    np.testing.assert_array_equal(corrected.labels, np.delete(expected, 80))
    np.testing.assert_array_equal(corrected.images, np.delete(dataset.images, 80, axis=0))
    np.testing.assert_array_equal(corrected.splits, np.delete(dataset.splits, 80))
    assert load_dataset(name).fingerprint == dataset.fingerprint


def test_a_run_refuses_corrections_of_other_images(tmp_path: Path, fer_home: Path) -> None:
    name = import_path(write_lines(tmp_path / "fer2013.csv", csv_lines(synthetic_faces()))).name
    write_corrections(corrections_file(fer_home / "data" / name), [correct(synthetic_faces(seed=9), 4, None)])
    with pytest.raises(DatasetError, match="don't belong to these images"):
        load_dataset(name, corrections=True)
    assert len(load_dataset(name)) == 42
