"""A split counts wherever it is given: in any folder, the name of a file, an archive, an array or a column."""

import io
import re
from collections.abc import Callable

import numpy as np
import pytest

from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.sources import read_uploads
from fer.datasets.readings import Reading
from fer.emotions import EMOTIONS
from fer.errors import DatasetError
from tests.support.forms import csv_lines, npz_bytes, parquet_bytes, png, synthetic_faces, tar_bytes, zip_bytes

DATASET = synthetic_faces(14, 7, 7)
FACES = list(zip(DATASET.images, DATASET.labels, DATASET.splits, strict=True))
TEST_ONLY = synthetic_faces(7, 0, 0)
TABLE = "\n".join(line.rsplit(",", 1)[0] for line in csv_lines(TEST_ONLY)).encode()
WORDS = np.array([EMOTIONS[label] for label in TEST_ONLY.labels])
ARRAYS = npz_bytes(images=TEST_ONLY.images, labels=WORDS)


def read(name: str, data: bytes) -> Reading:
    return read_uploads({name: io.BytesIO(data)}, ReadOptions())


def tree(path: Callable[[str, int], str], names: tuple[str, ...] = ("train", "val", "test")) -> dict[str, bytes]:
    files = {}
    for index, (image, label, split) in enumerate(FACES):
        files[f"{path(names[split], label)}/{index}.png"] = png(image)
    return files


FOLDERS = {
    "a part of the name": tree(lambda s, y: f"fer_{s}/{EMOTIONS[y]}"),
    "in capitals": tree(lambda s, y: f"data/{s}/{EMOTIONS[y]}", ("FER2013Train", "FER2013Valid", "FER2013Test")),
    "with a year": tree(lambda s, y: f"{s}_2013/{EMOTIONS[y]}/p1"),
    "below the class": tree(lambda s, y: f"{EMOTIONS[y]}/ck_{s}"),
    "with the class": tree(lambda s, y: f"{s}_{EMOTIONS[y]}"),
    "after the class": tree(lambda s, y: f"x/{EMOTIONS[y]}-{s}"),
    "some whole, some in part": tree(lambda s, y: f"{s}/{EMOTIONS[y]}", ("train", "validation", "fer_test")),
    "above a person": tree(lambda s, y: f"{s}/S{y:03d}/{EMOTIONS[y]}"),
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_split_in_the_name_of_a_folder_counts(kind: str) -> None:
    reading = read("faces.zip", zip_bytes(FOLDERS[kind]))
    assert not reading.rejected and reading.dataset.fingerprint == DATASET.fingerprint
    assert reading.dataset.counts().sum(axis=1).tolist() == [14, 7, 7]


def class_folders(prefix: str) -> bytes:
    faces = enumerate(zip(TEST_ONLY.images, WORDS, strict=True))
    return zip_bytes({f"{prefix}/{word}/{index}.png": png(image) for index, (image, word) in faces})


def listed(images: str, label_file: str) -> bytes:
    rows = ["file,label", *(f"{index}.png,{word}" for index, word in enumerate(WORDS))]
    files = {f"{images}/{index}.png": png(image) for index, image in enumerate(TEST_ONLY.images)}
    return zip_bytes({**files, label_file: "\n".join(rows).encode()})


ALL_TEST = {
    "a folder above all": ("a.zip", class_folders("fer_test/images")),
    "an archive of folders": ("fer_test.zip", class_folders("faces")),
    "a folder of a table": ("a.zip", zip_bytes({"test/faces.csv": TABLE})),
    "an archive of a table": ("test.tar", tar_bytes({"faces.csv": TABLE})),
    "an archive in an archive": ("a.zip", zip_bytes({"test.zip": zip_bytes({"faces.csv": TABLE})})),
    "a folder of arrays": ("a.zip", zip_bytes({"test/faces.npz": ARRAYS})),
    "an archive of arrays": ("testing.zip", zip_bytes({"faces.npz": ARRAYS})),
    "an archive of parquet": ("test.zip", zip_bytes({"faces.parquet": parquet_bytes(TEST_ONLY, list(EMOTIONS))})),
    "the folder of a label file": ("a.zip", listed("images", "test_set/list.csv")),
    "the images of a label file": ("a.zip", listed("fer_test", "list.csv")),
    "an array": ("a.npz", npz_bytes(images=TEST_ONLY.images, labels=WORDS, Usage=np.array(["PrivateTest"] * 7))),
}


@pytest.mark.parametrize("kind", ALL_TEST)
def test_what_lies_in_test_is_never_train(kind: str) -> None:
    reading = read(*ALL_TEST[kind])
    assert reading.dataset.fingerprint == TEST_ONLY.fingerprint
    assert reading.dataset.split_names() == ("test",)


def test_arrays_of_each_split_in_one_archive_are_one_dataset() -> None:
    files = {}
    for split, name in enumerate(("train", "val", "test")):
        chosen = DATASET.splits == split
        words = np.array([EMOTIONS[label] for label in DATASET.labels[chosen]])
        files[f"{name}.npz"] = npz_bytes(images=DATASET.images[chosen], labels=words)
    reading = read("a.zip", zip_bytes(files))
    assert reading.dataset.fingerprint == DATASET.fingerprint
    assert reading.dataset.counts().sum(axis=1).tolist() == [14, 7, 7]
    with pytest.raises(DatasetError, match="more than one table of faces"):
        read("a.zip", zip_bytes({**files, "more.npz": ARRAYS}))


def test_a_table_whose_folder_contradicts_its_name_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"test/train\.csv contradicts itself: its name and folders say test and tr"):
        read("a.zip", zip_bytes({"test/train.csv": TABLE}))
    rows = "\n".join(csv_lines(TEST_ONLY)).encode()
    with pytest.raises(DatasetError, match="contradicts itself"):
        read("a.zip", zip_bytes({"test/faces.csv": rows}))
    # What a whole archive is called says less than a column does.
    assert read("test.zip", zip_bytes({"faces.csv": rows})).dataset.split_names() == ("train",)


def test_persons_above_the_classes_are_groups() -> None:
    files = {f"CK/S{i % 4:03d}/{EMOTIONS[y]}/{i}.png": png(image) for i, (image, y, _) in enumerate(FACES)}
    reading = read("a.zip", zip_bytes(files))
    assert not reading.rejected and reading.dataset.fingerprint == DATASET.fingerprint
    assert set(reading.groups) == {"S000", "S001", "S002", "S003"}
    assert reading.notes == ("Folders above the classes, such as S000, are kept as each image's group.",)
    versions = {path.replace("S00", "v"): data for path, data in files.items()}
    with pytest.raises(DatasetError, match="more than one dataset"):
        read("a.zip", zip_bytes(versions))
    named = {path.replace("S00", "ann" if "S000" in path else "ben").replace("CK/", ""): d for path, d in files.items()}
    with pytest.raises(DatasetError, match=r"more than one dataset of image folders .* If they are persons, move them"):
        read("a.zip", zip_bytes({re.sub(r"^(ann|ben)\d", r"\1", path): data for path, data in named.items()}))
