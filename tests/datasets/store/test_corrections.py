import errno
import os
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from fer.datasets.readings import Reading
from fer.datasets.store import corrections
from fer.datasets.store.corrections import (
    apply_corrections,
    correct,
    correct_reading,
    corrections_file,
    latest,
    read_corrections,
    reviewed_images,
    write_corrections,
)
from fer.datasets.store.importing import store
from fer.errors import DatasetError
from fer.paths import data_dir
from tests.support.forms import snapshot, synthetic_faces


def test_corrections_relabel_confirm_and_discard() -> None:
    dataset = synthetic_faces()
    made = [
        correct(dataset, 4, (int(dataset.labels[4]) + 1) % 7),
        correct(dataset, 9, None),
        correct(dataset, 11, int(dataset.labels[11])),
    ]
    corrected = apply_corrections(dataset, made)
    expected = dataset.labels.copy()
    expected[4] = (expected[4] + 1) % 7
    np.testing.assert_array_equal(corrected.labels, np.delete(expected, 9))
    np.testing.assert_array_equal(corrected.images, np.delete(dataset.images, 9, axis=0))
    np.testing.assert_array_equal(corrected.splits, np.delete(dataset.splits, 9))
    # The original dataset is unchanged.
    assert dataset.fingerprint == synthetic_faces().fingerprint


def test_the_last_correction_of_an_image_counts() -> None:
    dataset = synthetic_faces()
    made = [correct(dataset, 4, None), correct(dataset, 4, 6)]
    assert latest(made)[4].now == 6
    corrected = apply_corrections(dataset, made)
    assert len(corrected) == 42 and corrected.labels[4] == 6


def test_corrections_are_read_back_and_undoing_all_removes_the_file(tmp_path: Path) -> None:
    dataset = synthetic_faces()
    path = tmp_path / "corrections.csv"
    made = [correct(dataset, 4, 3), correct(dataset, 9, None)]
    write_corrections(path, made)
    assert read_corrections(path) == made
    assert path.read_text().splitlines()[0] == "image,digest,was,now"
    assert path.read_text().splitlines()[2].endswith(",discard")
    assert len(list(tmp_path.iterdir())) == 1
    write_corrections(path, made[:-1])
    assert read_corrections(path) == made[:-1]
    write_corrections(path, [])
    assert not path.exists() and read_corrections(path) == []


def test_corrections_of_other_images_are_refused() -> None:
    dataset = synthetic_faces()
    made = [correct(dataset, 4, 3)]
    with pytest.raises(DatasetError, match="don't belong to these images"):
        apply_corrections(dataset.take(np.arange(1, 42)), made)
    with pytest.raises(DatasetError, match="don't belong to these images"):
        apply_corrections(dataset.take(np.arange(3)), made)


@pytest.mark.parametrize("row", ["4,abc,happy,merry", "four,abc,happy,sad", "4,abc,7,sad", "4,abc", "4,abc,happy,"])
def test_an_invalid_row_is_named_by_its_line(tmp_path: Path, row: str) -> None:
    path = tmp_path / "corrections.csv"
    path.write_text(f"image,digest,was,now\n1,0011,sad,happy\n{row}\n")
    with pytest.raises(DatasetError, match="line 3"):
        read_corrections(path)


def test_corrections_are_a_separate_file_and_never_change_the_data(fer_home: Path, tmp_path: Path) -> None:
    dataset = synthetic_faces()
    store(Reading(dataset, ("x",) * 42), "mine", "x")
    folder = data_dir() / "mine"
    before = snapshot(folder)
    assert corrections_file(folder) == folder / "corrections.csv"
    write_corrections(corrections_file(folder), [correct(dataset, 4, 3)])
    after = snapshot(folder)
    assert after.pop("corrections.csv") and after == before
    (tmp_path / "faces").mkdir()
    assert corrections_file(tmp_path / "faces") == tmp_path / "faces.corrections.csv"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image,digest,was,now\n1,0011,sad,happy\n".encode("utf-16"), "isn't a CSV in UTF-8"),
        (b"image,digest,was,now\n1,0011,sad,\xff\n", "isn't a CSV in UTF-8"),
        (b"image,digest,was,now\n1,0011,sad," + b"x" * 200_000 + b"\n", "isn't a CSV"),
        (b"image;digest;was;now\n1;0011;sad;happy\n", "line 2"),
    ],
)
def test_a_file_edited_by_hand_gives_a_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "corrections.csv"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        read_corrections(path)


def test_a_full_disk_keeps_the_old_corrections_and_leaves_no_partial_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "corrections.csv"
    made = [correct(synthetic_faces(), 4, 3)]
    write_corrections(path, made)

    class Full:
        def __init__(self, file: IO[str]) -> None:
            file.write("image,dig")

        def writerow(self, row: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(corrections.csv, "writer", Full)
    with pytest.raises(DatasetError, match=r"No space left on device.*wasn't saved"):
        write_corrections(path, [*made, correct(synthetic_faces(), 5, 3)])
    assert [item.name for item in tmp_path.iterdir()] == ["corrections.csv"]
    assert read_corrections(path) == made


def test_a_correction_that_was_replaced_is_validated_too() -> None:
    dataset = synthetic_faces()
    foreign = correct(synthetic_faces(seed=9), 4, 2)
    with pytest.raises(DatasetError, match="image 4"):
        reviewed_images(dataset, [foreign, correct(dataset, 4, 3)])


def test_a_corrected_reading_keeps_where_each_face_came_from() -> None:
    dataset = synthetic_faces()
    reading = Reading(dataset, tuple(map(str, range(42))))
    corrected = correct_reading(reading, [correct(dataset, 4, None), correct(dataset, 5, 6)])
    assert corrected.origins == tuple(str(index) for index in range(42) if index != 4)
    assert corrected.dataset.labels[corrected.origins.index("5")] == 6
