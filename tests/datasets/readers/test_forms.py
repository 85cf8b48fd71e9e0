"""The forms that people have labelled faces in: words, numbers, splits, encodings and archives."""

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer.datasets.faces import FaceDataset
from fer.datasets.readers.names import OTHER_CLASSES
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.orders import PRESETS, LabelOrderError, parse_order
from fer.datasets.readers.sources import read_path, read_uploads
from fer.datasets.readings import Reading
from fer.datasets.store.importing import import_uploads
from fer.emotions import EMOTIONS
from fer.errors import DatasetError
from fer.vision.crops import crop_faces
from fer.vision.detection import create_detector
from tests.support.builders import portrait_bgr
from tests.support.forms import (
    csv_lines,
    image_files,
    npz_bytes,
    parquet_bytes,
    png,
    synthetic_faces,
    tar_bytes,
    write_files,
    write_lines,
    zip_bytes,
)

DATASET = synthetic_faces(14, 7, 7)
TABLE = "\n".join(csv_lines(DATASET)).encode()
NUMBERS = tuple("0123456")


def read(name: str, data: bytes, labels: str | None = None) -> Reading:
    return read_uploads({name: io.BytesIO(data)}, ReadOptions.of(labels=labels))


def same(reading: Reading, dataset: FaceDataset = DATASET) -> None:
    assert not reading.rejected
    assert reading.dataset.fingerprint == dataset.fingerprint
    np.testing.assert_array_equal(reading.dataset.counts(), dataset.counts())


FORMS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "tar": ("a.tar", lambda: tar_bytes({"fer2013/fer2013.csv": TABLE, "fer2013/README": b"x"})),
    "tar.gz": ("fer2013.tar.gz", lambda: gzip.compress(tar_bytes({"fer2013/fer2013.csv": TABLE}))),
    "tgz of folders": ("faces.tgz", lambda: gzip.compress(tar_bytes(image_files(DATASET)))),
    "tar.xz": ("faces.tar.xz", lambda: lzma.compress(tar_bytes(image_files(DATASET)))),
    "csv.gz": ("fer2013.csv.gz", lambda: gzip.compress(TABLE)),
    "csv.bz2": ("fer2013.csv.bz2", lambda: bz2.compress(TABLE)),
    "a tar called csv": ("fer2013.csv", lambda: tar_bytes({"fer2013/fer2013.csv": TABLE})),
    "a zip called csv": ("fer2013.csv", lambda: zip_bytes({"fer2013.csv": TABLE})),
    "tar.gz in a zip": (
        "a.zip",
        lambda: zip_bytes({"fer2013.tar.gz": gzip.compress(tar_bytes({"fer2013.csv": TABLE}))}),
    ),
    "csv.gz in a zip": ("a.zip", lambda: zip_bytes({"fer2013.csv.gz": gzip.compress(TABLE)})),
    "UTF-16": ("fer2013.csv", lambda: TABLE.decode().encode("utf-16")),
    "UTF-16 without a mark": ("fer2013.csv", lambda: TABLE.decode().encode("utf-16-le")),
    "old line ends": ("fer2013.csv", lambda: TABLE.replace(b"\n", b"\r")),
    "sep=;": ("fer2013.csv", lambda: b"sep=;\n" + TABLE.replace(b",", b";")),
    "parquet": (
        "faces.parquet",
        lambda: parquet_bytes(DATASET, list(EMOTIONS), split=[("train", "dev", "test")[s] for s in DATASET.splits]),
    ),
    "npz": (
        "faces.npz",
        lambda: npz_bytes(
            images=DATASET.images,
            labels=np.array(EMOTIONS)[DATASET.labels],
            splits=np.array(["train", "val", "test"])[DATASET.splits],
        ),
    ),
    "class above split": (
        "a.zip",
        lambda: zip_bytes(
            {"/".join([p.split("/")[1], p.split("/")[0], p.split("/")[2]]): d for p, d in image_files(DATASET).items()}
        ),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_dataset(form: str, tmp_path: Path) -> None:
    name, make = FORMS[form]
    data = make()
    same(read(name, data))
    (tmp_path / name).write_bytes(data)
    same(read_path(tmp_path / name))


def test_archives_alone_in_a_folder_are_opened(tmp_path: Path) -> None:
    same(
        read_path(
            write_files(tmp_path / "kaggle", {"fer2013.tar.gz": gzip.compress(tar_bytes({"fer2013.csv": TABLE}))})
        )
    )
    # Half unpacked: the tar has the name of its content.
    half = write_files(tmp_path / "half", {"fer2013.csv": tar_bytes({"fer2013.csv": TABLE})})
    same(read_path(half))
    # Next to what was unpacked from it, the archive isn't read again.
    both = {"fer2013.tar.gz": gzip.compress(tar_bytes({"fer2013.csv": TABLE})), "fer2013.csv": TABLE}
    same(read_path(write_files(tmp_path / "both", both)))


def test_a_table_may_have_class_names_and_a_split_column(tmp_path: Path) -> None:
    lines = ["label;split;pixels"]
    for image, label, split in zip(DATASET.images, DATASET.labels, DATASET.splits, strict=True):
        word = ("Wut", "Ekel", "Angst", "Freude", "Trauer", "Überraschung", "neutral")[label]
        lines.append(f"{word};{('train', 'val', 'test')[split]};{' '.join(map(str, image.ravel()))}")
    path = tmp_path / "gesichter.csv"
    path.write_bytes("\n".join(lines).encode("cp1252"))
    same(read_path(path))


def tables(names: tuple[str, ...]) -> dict[str, bytes]:
    lines = [line.rsplit(",", 1)[0] for line in csv_lines(DATASET)]
    parts = {name: [lines[0]] for name in names}
    for line, split in zip(lines[1:], DATASET.splits, strict=True):
        parts[names[split]].append(line)
    return {name: "\n".join(rows).encode() for name, rows in parts.items()}


def test_a_table_per_split_is_one_dataset() -> None:
    reading = read("three.zip", zip_bytes(tables(("train.csv", "val.csv", "test.csv"))))
    same(reading)
    assert reading.origins[0].startswith("test.csv, line ")


def test_tables_without_distinct_splits_are_refused() -> None:
    with pytest.raises(DatasetError, match="more than one table of faces"):
        read("three.zip", zip_bytes(tables(("a.csv", "b.csv", "test.csv"))))


def test_a_single_test_table_is_the_test_split(tmp_path: Path) -> None:
    lines = [line.rsplit(",", 1)[0] for line in csv_lines(DATASET)]
    assert read_path(write_lines(tmp_path / "test.csv", lines)).dataset.split_names() == ("test",)
    assert read_path(write_lines(tmp_path / "my_val.csv", lines)).dataset.split_names() == ("validation",)


def test_contradicting_splits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"test\.csv contradicts itself: its name says test, and line 2"):
        read_path(write_lines(tmp_path / "test.csv", csv_lines(synthetic_faces(7, 0, 0))))
    face = png(DATASET.images[0])
    with pytest.raises(DatasetError, match=r"contradicts itself: train/happy/test/1\.png lies in train and test"):
        read("a.zip", zip_bytes({"train/happy/test/1.png": face, "train/sad/1.png": face}))
    data = parquet_bytes(DATASET, list(EMOTIONS), split=["train"] * len(DATASET))
    with pytest.raises(DatasetError, match="contradicts itself: its name says test, and row 1"):
        read("test-0.parquet", data)


def test_numbered_folders_need_a_label_order_and_show_samples() -> None:
    data = zip_bytes(image_files(synthetic_faces(70, 0, 0), NUMBERS))
    with pytest.raises(LabelOrderError, match="--labels affectnet") as caught:
        read("faces.zip", data)
    assert caught.value.numbers == (0, 1, 2, 3, 4, 5, 6)
    assert all(len(faces) == 6 and faces[0].shape == (48, 48) for faces in caught.value.samples.values())
    same(read("faces.zip", data, "fer2013"), synthetic_faces(70, 0, 0))
    by_affectnet = read("faces.zip", data, "affectnet").dataset
    wanted = [EMOTIONS.index(name) for name in ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry")]
    order = np.argsort(synthetic_faces(70, 0, 0).labels, kind="stable")
    np.testing.assert_array_equal(by_affectnet.labels, np.array(wanted)[synthetic_faces(70, 0, 0).labels[order]])


def test_numbers_outside_fer2013_need_a_label_order() -> None:
    lines = ["label,pixels", *(line.rsplit(",", 1)[0] for line in csv_lines(DATASET)[1:])]
    unnamed = {
        "faces.csv": "\n".join(lines).encode(),
        "faces.parquet": parquet_bytes(DATASET),
        "faces.npz": npz_bytes(images=DATASET.images, labels=DATASET.labels),
    }
    for name, data in unnamed.items():
        with pytest.raises(LabelOrderError, match=f"{name} has numbers for classes") as caught:
            read(name, data)
        assert len(caught.value.samples[3]) == 4
        assert read(name, data, "fer2013").dataset.fingerprint == DATASET.fingerprint


@pytest.mark.parametrize("key", PRESETS)
def test_each_preset_has_every_class(key: str) -> None:
    named = PRESETS[key].named()
    assert set(named.values()) - set(OTHER_CLASSES) == set(EMOTIONS)
    assert min(named) == (1 if key == "rafdb" else 0)


def test_a_label_order_is_parsed_and_a_wrong_one_refused() -> None:
    assert parse_order(" AffectNet ").named()[6] == "angry"
    assert parse_order("0=neutral, 1=Freude,2=contempt").named() == {0: "neutral", 1: "happy", 2: "contempt"}
    for text in ("imagenet", "0=happy,0=sad", "0=bored", "x=happy", "", "0=happy,"):
        with pytest.raises(DatasetError, match="label order"):
            parse_order(text)


def test_contempt_is_left_out_and_counted_but_not_as_unreadable() -> None:
    face = png(DATASET.images[0])
    files = {**image_files(DATASET), **{f"train/contempt/{n}.png": face for n in range(9)}}
    reading = read("eight.zip", zip_bytes(files))
    same(reading)
    assert len(reading.left_out) == 9 and reading.n_read == 37
    rows = [line.replace(line[0], "7", 1) for line in csv_lines(DATASET)[1:4]]
    reading = read("ck.csv", "\n".join([*csv_lines(DATASET), *rows]).encode(), "ckplus")
    same(reading)
    assert [item.where for item in reading.left_out] == ["line 30", "line 31", "line 32"]


def test_person_folders_below_a_class_are_groups(tmp_path: Path) -> None:
    files = {
        p.replace("happy/", "happy/S01/3/").replace("sad/", "sad/S02/"): d for p, d in image_files(DATASET).items()
    }
    reading = read_path(write_files(tmp_path / "faces", files))
    same(reading)
    assert set(reading.groups) == {"", "S01/3", "S02"}
    assert {EMOTIONS[label] for label, group in zip(reading.dataset.labels, reading.groups, strict=True) if group} == {
        "happy",
        "sad",
    }


def test_file_names_give_the_split_if_no_folder_does() -> None:
    files = {}
    for path, data in image_files(DATASET).items():
        split, name, file = path.split("/")
        files[f"{name}/{ {'train': 'Training', 'validation': 'PublicTest', 'test': 'PrivateTest'}[split] }_{file}"] = (
            data
        )
    same(read("a.zip", zip_bytes(files)))
    # A folder takes precedence: a well-known copy of FER-2013 has both test splits in one folder.
    inside = read("a.zip", zip_bytes({f"test/{path}": data for path, data in files.items()}))
    assert inside.dataset.split_names() == ("test",)


def test_an_unknown_folder_next_to_the_classes_is_not_dropped_silently() -> None:
    plain = {path.removeprefix("train/"): data for path, data in image_files(synthetic_faces(14, 0, 0)).items()}
    reading = read("a.zip", zip_bytes({**plain, "unknown/1.png": png(DATASET.images[0])}))
    assert [item.where for item in reading.rejected] == ["unknown/1.png"]


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_damage_anywhere_is_tolerated_or_refused(data: st.DataObject) -> None:
    name, make = FORMS[data.draw(st.sampled_from(["tar", "tar.gz", "parquet", "npz", "csv.bz2"]))]
    damaged = bytearray(make())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert read(name, bytes(damaged)).n_read <= len(DATASET) + 5
    except DatasetError as error:
        assert "\n" not in str(error)


def photo_zip() -> bytes:
    """Make a zip of photos: portraits in each class, a wall, and two people next to each other."""
    portrait = portrait_bgr()
    files = {
        f"train/{name}/me.png": cv2.imencode(".png", np.roll(portrait, 3 * place, axis=1))[1].tobytes()
        for place, name in enumerate(EMOTIONS)
    }
    wall, pair = np.full_like(portrait, 90), np.hstack([portrait, portrait])
    files["train/happy/wall.png"] = cv2.imencode(".png", wall)[1].tobytes()
    files["train/happy/pair.png"] = cv2.imencode(".png", pair)[1].tobytes()
    return zip_bytes(files)


def test_faces_are_cut_out_of_whole_photos_as_everywhere(fer_home: Path) -> None:
    stream = io.BytesIO(photo_zip())
    reading = read_uploads({"photos.zip": stream}, ReadOptions(photos=True))
    assert {item.where: item.reason for item in reading.left_out} == {
        "train/happy/pair.png": "2 faces found",
        "train/happy/wall.png": "no face found",
    }
    detector = create_detector("yunet")
    found = detector.detect(portrait_bgr())
    expected = crop_faces(portrait_bgr(), np.round(found.boxes_xywh), detector.crop_scale, found.rolls)[0, ..., 0]
    place = reading.origins.index("train/angry/me.png")
    np.testing.assert_array_equal(reading.dataset.images[place], expected)
    info = import_uploads({"photos.zip": stream}, options=ReadOptions(photos=True))
    assert (info.n_images, info.n_left_out, info.n_rejected) == (7, 2, 0)
    assert set(info.changes) == {"Left out, several faces found: 1 image.", "Left out, no face found: 1 image."}
    # Without the option, the images are taken for faces.
    assert len(read_uploads({"photos.zip": stream}).dataset) == 9


def test_photos_in_a_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds a table of faces and no photos; import it without --photos"):
        read_path(write_lines(tmp_path / "fer2013.csv", csv_lines(DATASET)), ReadOptions(photos=True))
