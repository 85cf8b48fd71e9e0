"""An import is complete or leaves nothing."""

import csv
import errno
import io
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from fer.datasets.store import catalog, staging, storage
from fer.datasets.store.importing import import_path, import_uploads, inside_data
from fer.datasets.store.loading import load_dataset
from fer.datasets.store.staging import staged
from fer.errors import DatasetError, FerError
from tests.support.forms import (
    csv_lines,
    image_files,
    packed_table,
    snapshot,
    synthetic_faces,
    votes_lines,
    write_files,
    write_lines,
    zip_bytes,
)
from tests.support.odd_files import link_or_skip


class CancelledError(FerError):
    """What the page raises when a user presses Cancel."""


def test_rows_read_are_kept_and_rejected(tmp_path: Path, fer_home: Path) -> None:
    lines = csv_lines(synthetic_faces())
    lines[3] = "7" + lines[3][1:]
    lines[9] = lines[9].replace("Training", "=1+1")
    info = import_path(write_lines(tmp_path / "my faces.csv", lines))
    assert (info.name, info.form, info.n_read, info.n_images, info.n_rejected) == ("my-faces", "CSV", 42, 40, 2)
    with (catalog.dataset_folder("my-faces") / "rejected.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["where"] for row in rows] == ["line 4", "line 10"]
    assert rows[0]["reason"] == "label '7' is not the name or number of a class; try --labels ckplus"


def test_a_file_name_that_is_a_formula_is_made_harmless(tmp_path: Path, fer_home: Path) -> None:
    files = {**image_files(synthetic_faces(28, 0, 0)), "train/happy/a.png": b"no picture"}
    root = write_files(tmp_path / "faces", files)
    (root / "train" / "happy" / "a.png").rename(root / "train" / "happy" / "=cmd.png")
    name = import_path(root).name
    assert "train/happy/=cmd.png" in (catalog.dataset_folder(name) / "rejected.csv").read_text()
    storage.write_rejections(tmp_path / "r.csv", [storage.Rejection("=HYPERLINK(1)", "why")])
    assert "'=HYPERLINK(1)" in (tmp_path / "r.csv").read_text()


def test_a_stored_dataset_is_read_back(tmp_path: Path, fer_home: Path) -> None:
    dataset = synthetic_faces()
    write_lines(tmp_path / "fer2013new.csv", votes_lines(dataset))
    info = import_path(write_lines(tmp_path / "fer2013.csv", csv_lines(dataset)), name="mine")
    assert info.has_votes and info.by_split() == {"train": 28, "validation": 7, "test": 7}
    for in_memory in (True, False):
        reading = catalog.open_dataset("mine", in_memory=in_memory)
        np.testing.assert_array_equal(reading.dataset.images, dataset.images)
        np.testing.assert_array_equal(reading.dataset.labels, dataset.labels)
        np.testing.assert_array_equal(reading.dataset.splits, dataset.splits)
        assert reading.dataset.votes is not None and reading.dataset.votes.sum() == 420
        assert reading.origins[:2] == ("line 2", "line 3")
    assert catalog.get_info("mine") == info
    assert info.fingerprint == dataset.fingerprint


def test_a_class_without_images_is_named(tmp_path: Path, fer_home: Path) -> None:
    lines = [line for line in csv_lines(synthetic_faces()) if not line.startswith(("1,", "4,"))]
    info = import_path(write_lines(tmp_path / "five.csv", lines))
    assert info.changes[0].startswith("No image of disgust, sad: the dataset can be viewed and evaluated")
    with pytest.raises(DatasetError, match="no image of disgust, sad, and training needs all seven"):
        load_dataset("five")


def test_progress_ascends_to_the_end(table: Path, fer_home: Path) -> None:
    seen: list[float] = []
    import_path(table, progress=lambda share, text: seen.append(share))
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) >= 3


@pytest.mark.parametrize("when", ["lines read", "Storing", "Stored"])
def test_a_cancelled_import_leaves_everything_as_it_was(table: Path, fer_home: Path, when: str) -> None:
    import_path(table, name="old")
    before = snapshot(fer_home)

    def cancel(share: float, text: str) -> None:
        if when in text:
            raise CancelledError("Cancelled.")

    with pytest.raises(CancelledError):
        import_path(table, name="new", progress=cancel)
    assert snapshot(fer_home) == before
    assert [info.name for info in catalog.list_datasets()] == ["old"]


def test_an_upload_is_stored_with_its_name(fer_home: Path) -> None:
    files = {"FER 2013 (1).zip": io.BytesIO(zip_bytes(image_files(synthetic_faces())))}
    info = import_uploads(files)
    assert (info.name, info.source, info.form) == ("FER-2013-1", "FER 2013 (1).zip", "image folders")
    # Streamlit owns the upload, and shows it again.
    assert not files["FER 2013 (1).zip"].closed


def test_a_full_disk_leaves_the_old_data_byte_for_byte(
    table: Path, fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_path(table, name="old")
    before = snapshot(fer_home)
    save = np.save

    def full(file: io.BufferedWriter, array: np.ndarray, **options: bool) -> None:
        if Path(file.name).name == "splits.npy":
            file.write(b"half of it")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(file, array, **options)

    monkeypatch.setattr(storage.np, "save", full)
    with pytest.raises(DatasetError, match=r"the disk is full.* nothing was changed") as caught:
        import_path(table, name="new")
    assert "\n" not in str(caught.value)
    assert snapshot(fer_home) == before


def test_a_disk_that_fills_while_an_archive_is_unpacked_leaves_the_old_data(
    tmp_path: Path, table: Path, fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_path(table, name="old")
    before = snapshot(fer_home)

    def full(file: object, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "write", full)
    with pytest.raises(DatasetError, match=r"can't be unpacked, because the disk with .* is full"):
        import_path(packed_table(tmp_path, table), name="new")
    assert snapshot(fer_home) == before


def test_a_disk_that_is_too_small_is_reported_before_the_work(
    table: Path, fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = staging.shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(staging.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DatasetError, match="the disk is full"):
        import_path(table)


def test_a_dataset_that_appeared_meanwhile_is_not_overwritten(fer_home: Path) -> None:
    target = fer_home / "data" / "mine"
    with pytest.raises(DatasetError, match="already"), staged(target) as folder:
        (folder / "new").touch()
        target.mkdir(parents=True)
        (target / "theirs").touch()
    assert [path.name for path in target.iterdir()] == ["theirs"]
    assert not list((fer_home / "data" / ".staging").iterdir())


def test_only_paths_inside_data_are_accepted(fer_home: Path, tmp_path: Path) -> None:
    data = fer_home / "data"
    data.mkdir()
    table = write_lines(data / "fer2013.csv", csv_lines(synthetic_faces()))
    write_lines(tmp_path / "outside.csv", csv_lines(synthetic_faces()))
    link_or_skip(data / "link.csv", tmp_path / "outside.csv")
    assert inside_data("fer2013.csv") == table
    assert inside_data(" ./fer2013.csv ") == table
    assert inside_data(str(table)) == table
    for text in ("../../outside.csv", str(tmp_path / "outside.csv"), "link.csv", "/etc/passwd", "", "   "):
        with pytest.raises(DatasetError, match="is not inside"):
            inside_data(text)
    with pytest.raises(DatasetError, match=r"There is no 'nothing\.csv'"):
        inside_data("nothing.csv")
    for text in ("x" * 300, "a\0b", "x/" * 3000):
        with pytest.raises(DatasetError, match="can't be a path"):
            inside_data(text)
