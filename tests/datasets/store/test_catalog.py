"""The catalog lists, names, opens and deletes stored datasets."""

from pathlib import Path

import pytest

from fer.datasets.store import catalog
from fer.datasets.store.importing import import_path
from fer.datasets.store.loading import load_dataset
from fer.errors import DatasetError
from tests.support.forms import snapshot, synthetic_faces, votes_lines, write_lines


def test_several_datasets_are_stored_together(table: Path, fer_home: Path) -> None:
    names = [import_path(table).name for _ in range(3)]
    assert names == ["fer2013", "fer2013-2", "fer2013-3"]
    assert [info.name for info in catalog.list_datasets()] == names
    before = snapshot(catalog.dataset_folder("fer2013"))
    catalog.delete_dataset("fer2013-2")
    assert [info.name for info in catalog.list_datasets()] == ["fer2013", "fer2013-3"]
    assert snapshot(catalog.dataset_folder("fer2013")) == before
    assert catalog.disk_bytes("fer2013") == sum(map(len, before.values()))


@pytest.mark.parametrize("name", ["fer2013", "../out", "a/b", ".hidden", "", "x" * 80, "synthetic", "test"])
def test_a_taken_or_impossible_name_is_refused(table: Path, fer_home: Path, name: str) -> None:
    import_path(table)
    before = snapshot(fer_home)
    with pytest.raises(DatasetError, match="name"):
        catalog.check_new_name(name)
    if name:
        with pytest.raises(DatasetError):
            import_path(table, name=name)
    assert snapshot(fer_home) == before


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "images.npy").write_bytes(b"x"), "damaged"),
        (lambda folder: (folder / "labels.npy").unlink(), "damaged"),
        (lambda folder: (folder / "dataset.json").write_text("{}"), "isn't a dataset of this version"),
    ],
)
def test_a_damaged_dataset_is_described_in_one_sentence(table: Path, fer_home: Path, damage, message: str) -> None:
    name = import_path(table).name
    damage(catalog.dataset_folder(name))
    with pytest.raises(DatasetError, match=message):
        catalog.open_dataset(name)


def test_votes_cannot_be_added_to_a_stored_dataset(table: Path, fer_home: Path, tmp_path: Path) -> None:

    name = import_path(table).name
    votes = write_lines(tmp_path / "votes.csv", votes_lines(synthetic_faces()))
    with pytest.raises(DatasetError, match="import its source again with the votes"):
        load_dataset(name, votes=votes)


@pytest.mark.parametrize("name", ["yours", "my faces"])
def test_a_dataset_whose_folder_was_renamed_has_its_new_name(table: Path, fer_home: Path, name: str) -> None:
    import_path(table, name="mine")
    (fer_home / "data" / "mine").rename(fer_home / "data" / name)
    assert [info.name for info in catalog.list_datasets()] == [name]
    assert catalog.get_info(name).name == name and catalog.disk_bytes(name) > 0
    assert catalog.open_dataset(name).dataset.name == name
    with pytest.raises(DatasetError, match="no dataset 'mine'"):
        catalog.get_info("mine")
    catalog.delete_dataset(name)
    assert catalog.list_datasets() == []


def test_a_dataset_with_the_old_name_of_its_facts_is_read(table: Path, fer_home: Path) -> None:
    info = import_path(table)
    folder = catalog.dataset_folder(info.name)
    (folder / "dataset.json").rename(folder / "set.json")
    assert catalog.list_datasets() == [info]
    assert catalog.open_dataset(info.name).dataset.fingerprint == info.fingerprint


@pytest.mark.parametrize("name", ["../home", "", ".", "..", ".staging", "a/b", "x" * 300, "a\0b"])
def test_a_name_that_no_dataset_has_is_refused(table: Path, fer_home: Path, name: str) -> None:
    import_path(table)
    with pytest.raises(DatasetError, match="choose one of: fer2013"):
        catalog.dataset_folder(name)
