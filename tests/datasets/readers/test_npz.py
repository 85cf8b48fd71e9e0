"""Npz files: the names, shapes and types that people's arrays have, and how they are read."""

import io
import re

import numpy as np
import pytest

from fer.datasets.faces import SPLITS
from fer.datasets.readers import npz
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.orders import parse_order
from fer.datasets.readers.sources import read_uploads
from fer.datasets.readings import Reading
from fer.errors import DatasetError
from tests.support.forms import npz_bytes, synthetic_faces

DATASET = synthetic_faces(14, 7, 7)
IMAGES, LABELS = DATASET.images, DATASET.labels


def read(**arrays: np.ndarray) -> Reading:
    options = ReadOptions(order=parse_order("fer2013"))
    return read_uploads({"a.npz": io.BytesIO(npz_bytes(**arrays))}, options)


@pytest.mark.parametrize("names", ["x_{}|y_{}", "{}_images|{}_labels", "X_{}|Y_{}"])
def test_a_pair_of_arrays_per_split_is_read(names: str) -> None:
    arrays: dict[str, np.ndarray] = {}
    images, labels = names.split("|")
    for place, split in enumerate(("train", "val", "test")):
        arrays[images.format(split)] = IMAGES[DATASET.splits == place]
        arrays[labels.format(split)] = LABELS[DATASET.splits == place]
    reading = read(**arrays)
    assert reading.dataset.fingerprint == DATASET.fingerprint
    np.testing.assert_array_equal(np.bincount(reading.dataset.splits), np.bincount(DATASET.splits))
    assert reading.origins[0].endswith(", image 0")


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (IMAGES.reshape(-1, 2304), LABELS),
        (IMAGES.astype(np.int64), LABELS.astype(np.float32)),
        (IMAGES[..., None], LABELS[:, None]),
        (np.repeat(IMAGES[..., None], 3, axis=-1), LABELS.astype(np.uint8)),
        (np.asfortranarray(IMAGES), LABELS),
    ],
)
def test_other_shapes_and_types_are_the_same_dataset(images: np.ndarray, labels: np.ndarray) -> None:
    assert read(images=images, labels=labels).dataset.fingerprint == DATASET.fingerprint


def test_numbers_that_are_no_pixels_are_rejected() -> None:
    images = IMAGES.astype(np.int16)
    images[3, 5, 5], images[4, 5, 5] = 256, -1
    reading = read(images=images, labels=LABELS)
    assert [item.where for item in reading.rejected] == ["image 3", "image 4"]
    assert reading.rejected[0].reason == "its pixels aren't whole numbers from 0 to 255"


def test_arrays_of_other_names_are_named() -> None:
    with pytest.raises(DatasetError, match=re.escape("holds the arrays arr_0, arr_1; expected images and labels")):
        read(arr_0=IMAGES, arr_1=LABELS)


def test_a_split_in_names_that_contradicts_the_files_name_is_refused() -> None:
    data = npz_bytes(x_train=IMAGES, y_train=LABELS)
    with pytest.raises(DatasetError, match="contradicts itself: its name says test"):
        read_uploads({"test.npz": io.BytesIO(data)}, ReadOptions(order=parse_order("fer2013")))
    assert SPLITS[2] == "test"


def test_what_must_be_read_whole_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "_MAX_WHOLE_BYTES", 1000)
    with pytest.raises(DatasetError, match="images is stored in Fortran order; save it again"):
        read(images=np.asfortranarray(IMAGES), labels=LABELS)
    with pytest.raises(DatasetError, match="labels has more than"):
        read(images=IMAGES, labels=np.array(["h" * 500] * len(IMAGES)))
    assert read(images=IMAGES, labels=LABELS).dataset.fingerprint == DATASET.fingerprint


def test_an_array_that_ends_early_is_refused() -> None:
    stream = io.BytesIO()
    np.save(stream, IMAGES)
    file = io.BytesIO(stream.getvalue()[:-100])
    array = npz._StoredArray("images", "a.npz", file, *npz._read_header(file))
    with pytest.raises(DatasetError, match="cut short"):
        list(array.items())
