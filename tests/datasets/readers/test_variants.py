"""Small deviations from the usual forms, as other people's programs write them, are the same dataset."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.sources import read_path, read_uploads
from fer.datasets.readings import Reading
from fer.emotions import EMOTIONS
from fer.errors import DatasetError
from tests.support.forms import csv_lines, parquet_bytes, png, synthetic_faces, write_files, zip_bytes

DATASET = synthetic_faces(14, 7, 7)
FACES = list(zip(DATASET.images, DATASET.labels, DATASET.splits, strict=True))
SPLITS = ("train", "val", "test")
LINES = csv_lines(DATASET)
# AffectNet's number of each class.
AFFECTNET = (6, 5, 4, 1, 2, 3, 0)


def tree(name: Callable[[int, int, int], str]) -> dict[str, bytes]:
    """Return an image file per face, by its index, label and split."""
    return {name(index, label, split): png(image) for index, (image, label, split) in enumerate(FACES)}


def table(header: str, row: Callable[[np.ndarray, int, int], str]) -> bytes:
    return "\n".join([header, *(row(image.ravel(), label, split) for image, label, split in FACES)]).encode()


TABLES: dict[str, bytes] = {
    "labels with a decimal comma": "\n".join(
        line.replace(",", ",0;" if number else ";", 1).replace(",", ";").replace(";0;", ",0;")
        for number, line in enumerate(LINES)
    ).encode(),
    "pixels as a printed list": table(
        "emotion,pixels,Usage", lambda p, y, s: f'{y},"[{", ".join(map(str, p))}]",{SPLITS[s]}'
    ),
    "pixels as fractions": table(
        "emotion,pixels,Usage", lambda p, y, s: f"{y},{' '.join(f'{v}.0' for v in p)},{SPLITS[s]}"
    ),
    "pixels as a printed array": table(
        "emotion,pixels,Usage", lambda p, y, s: f"{y},[{' '.join(f'{v}.' for v in p)}],{SPLITS[s]}"
    ),
    "a column for each pixel": table(
        "Usage,emotion," + ",".join(f"pixel{n}" for n in range(2304)),
        lambda p, y, s: f"{SPLITS[s]},{y},{','.join(map(str, p))}",
    ),
    "a line end in quotes": table(
        "emotion,note,pixels,Usage", lambda p, y, s: f'{y},"a\n""b"" c","{" ".join(map(str, p))}",{SPLITS[s]}'
    ),
    "pixels as a printed picture": table(
        "emotion,pixels,Usage",
        lambda p, y, s: f'{y},"{chr(10).join(" ".join(map(str, row)) for row in p.reshape(48, 48))}",{SPLITS[s]}',
    ),
    "UTF-32": "\n".join(LINES).encode("utf-32"),
    "bars between the columns": "\n".join(LINES).replace(",", "|").encode(),
    "JSON lines": "\n".join(
        json.dumps({"emotion": EMOTIONS[y], "pixels": " ".join(map(str, image.ravel())), "split": SPLITS[s]})
        for image, y, s in FACES
    ).encode(),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_in_another_notation_is_the_same_dataset(kind: str) -> None:
    same(read_uploads({"a.csv": io.BytesIO(TABLES[kind])}))


def test_two_quotes_that_are_never_closed_cost_their_rows_alone() -> None:
    lines = [line if place not in (3, 8) else line.replace(",", ',"', 1) for place, line in enumerate(LINES)]
    reading = read_uploads({"a.csv": io.BytesIO("\n".join(lines * 2).encode())})
    assert [item.where for item in reading.rejected] == ["line 4", "line 9", "line 30", "line 33", "line 38"]
    assert len(reading.dataset) == 2 * len(DATASET) - 4


TREES: dict[str, dict[str, bytes]] = {
    "a number after the class": tree(lambda i, y, s: f"{SPLITS[s]}/{EMOTIONS[y]}_{y}/{i}.png"),
    "a copy's number": tree(lambda i, y, s: f"{SPLITS[s]}/{EMOTIONS[y].title()} (2)/{i}.png"),
    "a noun after the class": tree(lambda i, y, s: f"{SPLITS[s]}_images/{EMOTIONS[y]}_faces/{i}.png"),
    "files of systems": tree(lambda i, y, s: f"{SPLITS[s]}/{EMOTIONS[y]}/{i}.png")
    | {f"train/happy/{name}": b"x" for name in ("ehthumbs.db", "Icon\r", "Thumbs.db", ".DS_Store")},
    "metadata of Hugging Face": tree(lambda i, y, s: f"{SPLITS[s]}/{i}.png")
    | {
        f"{split}/metadata.jsonl": "\n".join(
            json.dumps({"file_name": f"{i}.png", "label": EMOTIONS[y]})
            for i, (_, y, s) in enumerate(FACES)
            if s == number
        ).encode()
        for number, split in enumerate(SPLITS)
    },
}


@pytest.mark.parametrize("kind", TREES)
def test_a_folder_with_other_names_is_the_same_dataset(kind: str, tmp_path: Path) -> None:
    same(read_path(write_files(tmp_path / "faces", TREES[kind])))
    same(read_uploads({"faces.zip": io.BytesIO(zip_bytes(TREES[kind]))}))


def same(reading: Reading) -> None:
    assert not reading.rejected and reading.dataset.fingerprint == DATASET.fingerprint
    np.testing.assert_array_equal(np.bincount(reading.dataset.splits), [14, 7, 7])


def annotated(label: Callable[[int], np.ndarray]) -> dict[str, bytes]:
    files = {}
    for index, (image, y, split) in enumerate(FACES):
        stream = io.BytesIO()
        np.save(stream, label(AFFECTNET[y]))
        folder = "train_set" if split == 0 else "val_set"
        files[f"{folder}/images/{index}.jpg"] = png(image)
        files[f"{folder}/annotations/{index}_exp.npy"] = stream.getvalue()
        files[f"{folder}/annotations/{index}_val.npy"] = b"not read"
    return files


@pytest.mark.parametrize("form", [lambda n: np.array(str(n)), lambda n: np.array(n), lambda n: np.array([float(n)])])
def test_annotations_of_affectnet_next_to_its_images_are_read(
    form: Callable[[int], np.ndarray], tmp_path: Path
) -> None:
    root = write_files(tmp_path / "affectnet", annotated(form))
    with pytest.raises(DatasetError, match="has numbers for classes"):
        read_path(root)
    reading = read_path(root, ReadOptions.of(labels="affectnet"))
    assert reading.dataset.fingerprint == DATASET.fingerprint
    np.testing.assert_array_equal(np.bincount(reading.dataset.splits), [14, 14])
    assert reading.notes[0].endswith("_exp.npy and 23 more.")


@pytest.mark.parametrize(
    "damage", [b"", b"\x80\x04", b"\x93NUMPY\x01\x00\x10\x00{'descr': '|O',}", np.zeros(3).tobytes()]
)
def test_a_damaged_annotation_costs_one_image(damage: bytes) -> None:
    files = annotated(lambda n: np.array(n))
    files["train_set/annotations/0_exp.npy"] = damage
    reading = read_uploads({"a.zip": io.BytesIO(zip_bytes(files))}, ReadOptions.of(labels="affectnet"))
    (rejected,) = reading.rejected
    assert (rejected.where, rejected.reason) == ("train_set/annotations/0_exp.npy", "its annotation can't be read")
    assert len(reading.dataset) == len(DATASET) - 1


def test_names_of_a_zip_in_utf8_without_its_flag_are_read() -> None:
    words = ["wütend", "dégoût", "ängstlich", "glücklich", "悲伤", "überrascht", "neutral"]
    data = zip_bytes(tree(lambda i, y, s: f"{SPLITS[s]}/{words[y]}/{i}.png"))
    unflagged = bytearray(data)
    for start, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(start)
        while at >= 0:
            unflagged[at + place + 1] &= ~0x08
            at = data.find(start, at + 4)
    with zipfile.ZipFile(io.BytesIO(bytes(unflagged))) as archive:
        assert "glücklich" not in " ".join(archive.namelist())
    same(read_uploads({"a.zip": io.BytesIO(bytes(unflagged))}))


def test_images_whose_label_hugging_face_hides_are_left_out() -> None:
    shown = pq.read_table(io.BytesIO(parquet_bytes(DATASET, list(EMOTIONS))))
    labels = [*DATASET.labels[:21].tolist(), *[-1] * 7]
    stream = io.BytesIO()
    pq.write_table(shown.set_column(1, "label", pa.array(labels)), stream)
    reading = read_uploads({"a.parquet": io.BytesIO(stream.getvalue())})
    assert (len(reading.dataset), len(reading.rejected)) == (21, 0)
    assert {item.reason for item in reading.left_out} == {"without a label"}


def test_what_to_do_is_said_of_images_without_classes_and_of_office() -> None:
    with pytest.raises(DatasetError, match="sort them into folders named by class, or add a CSV"):
        read_uploads({"a.zip": io.BytesIO(zip_bytes(tree(lambda i, y, s: f"jaffe/KA.AN1.{i}.png")))})
    book = {"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}
    with pytest.raises(DatasetError, match="a file of Office, which isn't read; save its table as CSV"):
        read_uploads({"a.xlsx": io.BytesIO(zip_bytes(book))})
