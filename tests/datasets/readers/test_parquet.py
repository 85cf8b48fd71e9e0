"""Parquet files: the forms in which they hold an image and a label, and the memory that decoding one may take."""

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer.datasets.readers import parquet
from fer.datasets.readers.sources import read_uploads
from fer.datasets.readings import Reading
from fer.emotions import EMOTIONS
from fer.errors import DatasetError
from tests.support.forms import parquet_bytes, png, synthetic_faces, tar_bytes, zip_bytes

DATASET = synthetic_faces(14, 7, 7)
WORDS = [EMOTIONS[label] for label in DATASET.labels]
FILES = [png(image) for image in DATASET.images]


def table_bytes(columns: dict[str, Any], compression: str = "zstd", **options: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, compression=compression, **options)
    return stream.getvalue()


def read(data: bytes, name: str = "a.parquet") -> Reading:
    return read_uploads({name: io.BytesIO(data)})


IMAGES: dict[str, Any] = {
    "files in a struct, as Hugging Face writes them": [{"bytes": data, "path": "a.png"} for data in FILES],
    "files": FILES,
    "a list of pixels": [image.ravel().tolist() for image in DATASET.images],
    "rows of pixels": [image.tolist() for image in DATASET.images],
    "rows of grey pixels of one channel": [image[..., None].tolist() for image in DATASET.images],
    "rows of pixels in three colours": [np.repeat(image[..., None], 3, axis=2).tolist() for image in DATASET.images],
    "text of pixels": [" ".join(map(str, image.ravel())) for image in DATASET.images],
}


@pytest.mark.parametrize("form", IMAGES)
def test_an_image_is_read_in_each_form(form: str) -> None:
    reading = read(table_bytes({"image": IMAGES[form], "label": WORDS}))
    np.testing.assert_array_equal(reading.dataset.images, DATASET.images)
    np.testing.assert_array_equal(reading.dataset.labels, DATASET.labels)


def test_a_class_of_the_schema_that_is_not_of_the_seven_is_left_out() -> None:
    names = ["contempt", *EMOTIONS[1:], "angry"]
    reading = read(parquet_bytes(DATASET, names))
    assert len(reading.left_out) == np.count_nonzero(DATASET.labels == 0) > 0
    assert len(reading.dataset) + len(reading.left_out) == len(DATASET) and not reading.rejected


@pytest.mark.parametrize("pack", [zip_bytes, tar_bytes])
def test_shards_of_several_splits_are_one_dataset(pack: Any) -> None:
    shards = {
        f"data/{split}-0000{shard}-of-00002.parquet": table_bytes(
            {"image": FILES[start : start + 7], "label": WORDS[start : start + 7]}
        )
        for split, shard, start in [("train", 0, 0), ("train", 1, 7), ("validation", 0, 14), ("test", 0, 21)]
    }
    reading = read(pack(shards), "faces.bin")
    assert reading.dataset.fingerprint == DATASET.fingerprint
    np.testing.assert_array_equal(np.bincount(reading.dataset.splits), [14, 7, 7])


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ([0.5] * 2304, "its pixels aren't whole numbers"),
        ([256] * 2304, "its pixels aren't whole numbers"),
        ([1, 2, 3], "3 pixel values, expected 2,304"),
        ([], "its pixels aren't whole numbers"),
        ("1 2 3", "3 pixel values"),
        (7, "it has no image"),
        ({"path": "a.png"}, "it has no image"),
        ({"bytes": None, "path": "a.png"}, "it has no image"),
    ],
)
def test_what_is_no_image_is_named(image: Any, reason: str) -> None:
    with pytest.raises(DatasetError, match=f"the first is row 1: {reason}"):
        read(table_bytes({"image": [image], "label": ["happy"]}))


BIG = 60 * 10**6


def repeated(value: bytes | str, n_rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * n_rows, pa.int32()), pa.array([value]))


BOMBS: dict[str, Any] = {
    "an image that a dictionary repeats": lambda: table_bytes(
        {"image": repeated(bytes(3 * BIG), 50), "label": ["happy"] * 50}, dictionary_pagesize_limit=2**31 - 1
    ),
    "a page that is compressed": lambda: table_bytes(
        {"image": [bytes(BIG)] * 6, "label": ["happy"] * 6}, use_dictionary=False
    ),
    "a label that a dictionary repeats": lambda: table_bytes(
        {"image": FILES[:1] * 50, "label": repeated("h" * BIG, 50)}, dictionary_pagesize_limit=2**31 - 1
    ),
    "a list of equal numbers": lambda: table_bytes(
        {
            "image": pa.ListArray.from_arrays(pa.array([0, BIG], pa.int32()), pa.array(np.zeros(BIG, np.int64))),
            "label": ["happy"],
        }
    ),
    "text of megabytes about the schema": lambda: (
        lambda s: (
            pq.write_table(
                pa.table({"image": FILES[:2], "label": ["sad"] * 2}).replace_schema_metadata(
                    {"huggingface": "[" * BIG}
                ),
                s,
            ),
            s.getvalue(),
        )[1]
    )(io.BytesIO()),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_file_that_fills_the_memory_is_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What a file says of its size may be false, and then nothing refuses it beforehand.
    monkeypatch.setattr(parquet, "_check_size", lambda *about: None)
    with pytest.raises(DatasetError, match="takes more than 350 MB of memory to decode"):
        read(BOMBS[kind]())


def test_one_tiny_image_for_all_rows_is_refused() -> None:
    data = table_bytes({"image": repeated(FILES[0], 100_000), "label": repeated("happy", 100_000)})
    with pytest.raises(DatasetError, match=r"is packed .* times"):
        read(data)


def test_rows_without_anything_are_not_all_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer.datasets.readers.collecting.MAX_REJECTED", 100)
    with pytest.raises(DatasetError, match="more than 100 images can't be read; the first is row 1: it has no image"):
        read(table_bytes({"image": pa.nulls(200, pa.binary()), "label": ["happy"] * 200}))
