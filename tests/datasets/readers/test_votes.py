"""FER+ votes: joined by row, and only where `Usage` agrees."""

import io
from pathlib import Path

import numpy as np
import pytest

from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.sources import Uploads, read_path, sort_uploads
from fer.datasets.readers.votes import read_votes
from fer.datasets.store.loading import load_dataset
from fer.errors import DatasetError
from tests.support.forms import (
    csv_lines,
    icml_lines,
    image_files,
    synthetic_faces,
    unanimous,
    votes_lines,
    write_files,
    write_lines,
)


@pytest.fixture
def votes() -> np.ndarray:
    """Return votes that differ in every row."""
    rows = np.zeros((42, 10), np.uint8)
    rows[:, 0] = np.arange(42)
    rows[:, 5] = 3
    return rows


@pytest.mark.parametrize("lines", [csv_lines, icml_lines])
def test_votes_next_to_the_table_are_found_and_joined_by_row(tmp_path: Path, votes: np.ndarray, lines) -> None:
    dataset = synthetic_faces()
    source = write_lines(tmp_path / "fer2013.csv", lines(dataset))
    write_lines(tmp_path / "fer2013new.csv", votes_lines(dataset, votes))
    np.testing.assert_array_equal(load_dataset(source).votes, votes)
    np.testing.assert_array_equal(load_dataset(tmp_path).votes, votes)


@pytest.mark.parametrize("name", ["FER2013new.csv", "fer2013new (1).csv"])
def test_votes_with_a_similar_name_are_found_too(tmp_path: Path, votes: np.ndarray, name: str) -> None:
    dataset = synthetic_faces()
    source = write_lines(tmp_path / "fer2013.csv", csv_lines(dataset))
    write_lines(tmp_path / name, votes_lines(dataset, votes))
    np.testing.assert_array_equal(load_dataset(source).votes, votes)
    np.testing.assert_array_equal(load_dataset(tmp_path).votes, votes)
    write_lines(tmp_path / "fer2013new (2).csv", votes_lines(dataset))
    for path in (source, tmp_path):
        with pytest.raises(DatasetError, match="several FER\\+ files"):
            load_dataset(path)
    assert load_dataset(tmp_path, votes=tmp_path / name).votes is not None
    # The exact name is preferred.
    write_lines(tmp_path / "fer2013new.csv", votes_lines(dataset, votes))
    np.testing.assert_array_equal(load_dataset(source).votes, votes)


def test_votes_are_joined_from_any_file_that_is_named(tmp_path: Path, votes: np.ndarray) -> None:
    dataset = synthetic_faces()
    source = write_lines(tmp_path / "fer2013.csv", csv_lines(dataset))
    assert load_dataset(source).votes is None
    named = write_lines(tmp_path / "crowd.txt", votes_lines(dataset, votes))
    np.testing.assert_array_equal(load_dataset(source, votes=named).votes, votes)


def test_votes_stay_with_their_rows_when_others_are_rejected(tmp_path: Path, votes: np.ndarray) -> None:
    dataset = synthetic_faces()
    lines = csv_lines(dataset)
    lines[5] = "7" + lines[5][1:]
    lines[20] = lines[20].replace("Training", "Nonsense")
    lines.insert(8, "")
    source = write_lines(tmp_path / "fer2013.csv", lines)
    write_lines(tmp_path / "fer2013new.csv", votes_lines(dataset, votes))
    np.testing.assert_array_equal(load_dataset(source).votes, np.delete(votes, [4, 19], axis=0))


def test_votes_whose_usage_differs_in_one_row_are_refused(tmp_path: Path) -> None:
    dataset = synthetic_faces()
    source = write_lines(tmp_path / "fer2013.csv", csv_lines(dataset))
    lines = votes_lines(dataset)
    lines[30] = lines[30].replace("PublicTest", "PrivateTest")
    write_lines(tmp_path / "fer2013new.csv", lines)
    with pytest.raises(DatasetError, match=r"row 30 it says PrivateTest, and the data say PublicTest"):
        load_dataset(source)


def test_votes_with_another_number_of_rows_are_refused(tmp_path: Path) -> None:
    dataset = synthetic_faces()
    source = write_lines(tmp_path / "fer2013.csv", csv_lines(dataset))
    write_lines(tmp_path / "fer2013new.csv", votes_lines(dataset)[:-1])
    with pytest.raises(DatasetError, match=r"41 rows and fer2013\.csv has 42"):
        load_dataset(source)


def test_votes_for_a_table_without_usage_are_refused(tmp_path: Path) -> None:
    """Kaggle's folder has train.csv next to fer2013.csv, and the votes belong only to the latter."""
    dataset = synthetic_faces()
    source = write_lines(tmp_path / "train.csv", [line.rsplit(",", 1)[0] for line in csv_lines(dataset)])
    named = write_lines(tmp_path / "fer2013new.csv", votes_lines(dataset))
    assert load_dataset(source).votes is None
    with pytest.raises(DatasetError, match="no column Usage"):
        load_dataset(source, votes=named)


def test_no_votes_are_searched_next_to_a_table_without_usage(tmp_path: Path) -> None:
    dataset = synthetic_faces()
    write_lines(tmp_path / "train.csv", [line.rsplit(",", 1)[0] for line in csv_lines(dataset)])
    for number in (1, 2):
        write_lines(tmp_path / f"fer2013new ({number}).csv", votes_lines(dataset))
    assert load_dataset(tmp_path).votes is None


def test_a_table_of_faces_named_like_votes_is_not_read_as_votes(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "fer2013new_clean.csv", csv_lines(synthetic_faces()))
    assert load_dataset(source).fingerprint == load_dataset(tmp_path).fingerprint == synthetic_faces().fingerprint
    assert sort_uploads({source.name: io.BytesIO(source.read_bytes())}) == Uploads(source.name)


def test_votes_for_folders_are_refused(tmp_path: Path) -> None:
    dataset = synthetic_faces()
    root = write_files(tmp_path / "faces", image_files(dataset))
    named = write_lines(tmp_path / "fer2013new.csv", votes_lines(dataset))
    assert load_dataset(root).votes is None
    with pytest.raises(DatasetError, match="joined by row"):
        load_dataset(root, votes=named)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [lines[0].replace(",NF", ",other"), *lines[1:]], "no column nf"),
        (lambda lines: ["emotion,pixels,Usage"], "isn't a FER\\+ file"),
        (lambda lines: [], "isn't a FER\\+ file"),
        (lambda lines: [*lines[:4], lines[4].replace(",10", ",ten"), *lines[5:]], "line 5"),
        (lambda lines: [*lines[:4], lines[4].replace(",10", ",300"), *lines[5:]], "line 5"),
        (lambda lines: [*lines[:4], "Training,fer1.png,1", *lines[5:]], "line 5"),
        (lambda lines: [*lines[:4], lines[4].replace("Training", "Nobody"), *lines[5:]], "line 5"),
    ],
)
def test_a_damaged_votes_file_is_refused_with_its_line(change, message: str) -> None:
    lines = change(votes_lines(synthetic_faces()))
    with pytest.raises(DatasetError, match=message):
        read_votes(io.BytesIO("\n".join(lines).encode()))


def test_a_missing_votes_file_is_named(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "fer2013.csv", csv_lines(synthetic_faces()))
    with pytest.raises(DatasetError, match=r"nowhere\.csv can't be read"):
        load_dataset(source, votes=tmp_path / "nowhere.csv")


def test_a_byte_order_mark_and_semicolons_are_accepted() -> None:
    dataset = synthetic_faces()
    text = "\r\n".join(line.replace(",", ";") for line in votes_lines(dataset))
    found = read_votes(io.BytesIO(b"\xef\xbb\xbf" + text.encode()))
    np.testing.assert_array_equal(found.votes, unanimous(dataset))
    np.testing.assert_array_equal(found.usages, dataset.splits)


@pytest.mark.parametrize("before", [True, False])
def test_reading_votes_can_be_cancelled_and_never_goes_backwards(tmp_path: Path, before: bool) -> None:
    dataset = synthetic_faces()
    source = write_lines(tmp_path / "fer2013.csv", csv_lines(dataset))
    named = write_lines(tmp_path / "fer2013new.csv", [*votes_lines(dataset), "\n" * (3 * 2**20)])
    seen: list[float] = []
    read_path(source, ReadOptions(named if before else None), lambda share, text: seen.append(share))
    assert len(seen) >= 5 and seen == sorted(seen)
