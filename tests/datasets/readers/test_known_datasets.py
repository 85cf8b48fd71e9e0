"""Datasets of others in their own form: JAFFE, KDEF, RaFD, Roboflow, YOLO, ExpW and CK+."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer.datasets.faces import FaceDataset
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.orders import PRESETS, LabelOrderError
from fer.datasets.readers.sources import read_path, read_uploads
from fer.datasets.readings import Reading
from fer.emotions import EMOTIONS
from fer.errors import DatasetError
from fer.vision.crops import crop_faces
from tests.support.builders import portrait_bgr
from tests.support.forms import SPLIT_NAMES, png, synthetic_faces, write_files, zip_bytes

DATASET = synthetic_faces(14, 7, 7)
FACES = list(zip(DATASET.images, DATASET.labels, DATASET.splits, strict=True))
ALL_TRAIN = [28, 0, 0]
SPLIT = [14, 7, 7]
CODES = ("AN", "DI", "FE", "HA", "SA", "SU", "NE")
KDEF_CODES = ("AN", "DI", "AF", "HA", "SA", "SU", "NE")
RAFD_WORDS = ("angry", "disgusted", "fearful", "happy", "sad", "surprised", "neutral")


def read(files: dict[str, bytes], labels: str | None = None, name: str = "faces.zip") -> Reading:
    return read_uploads({name: io.BytesIO(zip_bytes(files))}, ReadOptions.of(labels=labels))


def same(reading: Reading, counts: list[int], dataset: FaceDataset = DATASET) -> None:
    assert not reading.rejected
    assert reading.dataset.fingerprint == dataset.fingerprint
    assert reading.dataset.counts().sum(axis=1).tolist() == counts


def lines(*rows: str) -> bytes:
    return "\n".join(rows).encode()


def jaffe() -> dict[str, bytes]:
    return {f"jaffe/K{'AB'[i % 2]}.{CODES[y]}{i % 3}.{i}.tiff": png(image) for i, (image, y, _) in enumerate(FACES)}


def kdef() -> dict[str, bytes]:
    files = {}
    for i, (image, y, _) in enumerate(FACES):
        person = f"{'AB'[i % 2]}F{i // 7 + 1:02d}"
        files[f"KDEF/{person}/{person}{KDEF_CODES[y]}{('S', 'HL')[i // 14]}.JPG"] = png(image)
    return files


def rafd() -> dict[str, bytes]:
    return {
        f"Rafd090_{i:02d}_Caucasian_female_{RAFD_WORDS[y]}_frontal.jpg": png(image)
        for i, (image, y, _) in enumerate(FACES)
    }


def words() -> dict[str, bytes]:
    return {f"{SPLIT_NAMES[s]}/{i}-{EMOTIONS[y].upper()}.png": png(image) for i, (image, y, s) in enumerate(FACES)}


def test_names_of_images_say_their_class_and_person() -> None:
    same(reading := read(jaffe()), ALL_TRAIN)
    assert set(reading.groups) == {"KA", "KB"} and reading.form == "images by name"
    assert reading.notes[0].startswith("The classes are those in the images' names, as in JAFFE: KA.")
    same(reading := read(kdef()), ALL_TRAIN)
    assert set(reading.groups) == {"F01", "F02", "F03", "F04"}  # of two sessions
    same(reading := read(rafd(), name="test.zip"), [0, 0, 28])
    assert len(set(reading.groups)) == 28
    same(reading := read(words()), SPLIT)
    assert reading.groups == ()


def test_names_that_say_a_class_by_chance_are_not_taken_for_labels() -> None:
    holiday = {f"IMG_{i}.png": png(image) for i, (image, _, _) in enumerate(FACES)}
    some = {"happy birthday.png": png(DATASET.images[0]), "sad day.png": png(DATASET.images[1])}
    with pytest.raises(DatasetError, match="nothing that says their classes is recognised; sort them into folders"):
        read({**holiday, **some})
    # A few without a class are rejected, and listed.
    (rejected,) = read({**words(), "train/group.png": png(DATASET.images[0])}).rejected
    assert (rejected.where, rejected.reason) == ("train/group.png", "its name says no class")


def roboflow() -> dict[str, bytes]:
    files = {f"{SPLIT_NAMES[s]}/{i}_jpg.rf.0a1b.jpg": png(image) for i, (image, _, s) in enumerate(FACES)}
    order = sorted(EMOTIONS)
    for split, name in enumerate(SPLIT_NAMES):
        rows = [
            f"{i}_jpg.rf.0a1b.jpg, {', '.join(str(int(word == EMOTIONS[y])) for word in order)}"
            for i, (_, y, s) in enumerate(FACES)
            if s == split
        ]
        files[f"{name}/_classes.csv"] = lines(f"filename, {', '.join(order)}", *rows)
    return files


def test_a_column_per_class_with_a_one_is_read() -> None:
    same(read(roboflow()), SPLIT)
    files = roboflow()
    files["train/_classes.csv"] += lines("", "extra.jpg, 1, 1, 0, 0, 0, 0, 0", "none.jpg, 0, 0, 0, 0, 0, 0, 0")
    files |= {f"train/{name}.jpg": png(np.full((48, 48), 9, np.uint8)) for name in ("extra", "none", "bad")}
    files["train/_classes.csv"] += lines("", "bad.jpg, 0.5, 0.5, 0, 0, 0, 0, 0")
    reading = read(files)
    assert [item.reason for item in reading.left_out] == ["several classes are marked", "no class is marked"]
    assert [item.reason for item in reading.rejected] == ["the columns of its classes aren't 0 or 1"]
    assert reading.dataset.fingerprint == DATASET.fingerprint


YOLO_ORDER = sorted([*EMOTIONS, "contempt"])


def yolo(yaml: bytes | None) -> dict[str, bytes]:
    files = {}
    for i, (image, y, s) in enumerate(FACES):
        files[f"{SPLIT_NAMES[s]}/images/test_{i}.rf.9.png"] = png(image)
        files[f"{SPLIT_NAMES[s]}/labels/test_{i}.rf.9.txt"] = f"{YOLO_ORDER.index(EMOTIONS[y])} 0.5 0.5 1 1\n".encode()
    return files if yaml is None else {**files, "data.yaml": yaml}


@pytest.mark.parametrize(
    "yaml", [f"nc: 8\nnames: {YOLO_ORDER}\n", "names:\n" + "".join(f"  {n}: {w}\n" for n, w in enumerate(YOLO_ORDER))]
)
def test_yolo_has_its_names_in_a_yaml(yaml: str) -> None:
    same(read(yolo(yaml.encode())), SPLIT)


@pytest.mark.parametrize("yaml", [None, b"names: &a [*a]", b"- " * 2000, b"names: 5", b"\xff\xfe", b"train: x"])
def test_yolo_without_names_is_asked_about(yaml: bytes | None) -> None:
    with pytest.raises(LabelOrderError) as caught:
        read(yolo(yaml))
    assert len(caught.value.numbers) == 7
    order = ",".join(f"{number}={word}" for number, word in enumerate(YOLO_ORDER))
    same(read(yolo(yaml), order), SPLIT)


def face_in(left: int, top: int, side: int) -> np.ndarray:
    return crop_faces(portrait_bgr(), [(left, top, side, side)], 1.0)[0, ..., 0]


def test_each_box_of_a_photo_is_a_face() -> None:
    photo = portrait_bgr()
    n_rows, n_columns = photo.shape[:2]
    boxes = {"happy": (40, 30, 100), "sad": (90, 60, 80), "fear": (10, 10, 60)}
    data = cv2.imencode(".png", photo)[1].tobytes()
    expected = {word: face_in(*box).tobytes() for word, box in boxes.items()}

    def words_of(reading: Reading) -> dict[str, bytes]:
        assert not reading.rejected
        assert "Each face was cut out at the box that its label file gives." in reading.notes
        dataset = reading.dataset
        return {EMOTIONS[y]: image.tobytes() for image, y in zip(dataset.images, dataset.labels, strict=True)}

    corners = [f"a.png,{n_columns},{n_rows},{w},{x},{y},{x + s},{y + s}" for w, (x, y, s) in boxes.items()]
    header = "filename,width,height,class,xmin,ymin,xmax,ymax"
    assert words_of(read({"train/a.png": data, "train/_annotations.csv": lines(header, *corners)})) == expected

    order = list(boxes)
    rows = [
        f"{order.index(w)} {(x + s / 2) / n_columns} {(y + s / 2) / n_rows} {s / n_columns} {s / n_rows}"
        for w, (x, y, s) in boxes.items()
    ]
    files = {"images/train/a.png": data, "labels/train/a.txt": lines(*rows), "data.yaml": f"names: {order}".encode()}
    assert words_of(read({**files, "images/train/b.png": data, "labels/train/b.txt": b""})) == expected

    expw = [
        f"a.png {n} {y} {x} {x + s} {y + s} 64.5 {EMOTIONS.index(w)}" for n, (w, (x, y, s)) in enumerate(boxes.items())
    ]
    files = {"image/origin/a.png": data, "label/label.lst": lines(*expw)}
    with pytest.raises(LabelOrderError):
        read(files)
    assert words_of(read(files, "fer2013")) == expected


def test_a_box_outside_its_image_costs_one_face() -> None:
    rows = [f"{i}.png,{EMOTIONS[y]},0,0,48,48" for i, (_, y, _) in enumerate(FACES)]
    rows += ["0.png,happy,90,90,120,120", "1.png,happy,nan,0,9,9"]
    files = {f"{i}.png": png(image) for i, (image, _, _) in enumerate(FACES)}
    reading = read({**files, "l.csv": lines("file,label,x1,y1,x2,y2", *rows)})
    assert [item.reason for item in reading.rejected] == ["its box lies outside the image"] * 2
    assert reading.dataset.fingerprint == DATASET.fingerprint


def test_ck_plus_has_a_file_for_the_last_image_of_a_sequence(tmp_path: Path) -> None:
    number = {label: number for number, label in PRESETS["cohnkanade"].labels.items()}
    files = {}
    for i, (image, y, _) in enumerate(FACES):
        place = f"S{i % 3:03d}/001/S{i % 3:03d}_001_{i:08d}"
        files[f"cohn-kanade-images/{place}.png"] = png(image)
        files[f"Emotion/{place}_emotion.txt"] = f"   {number[y]}.0000000e+00\n".encode()
    files["cohn-kanade-images/S000/001/S000_001_99999999.png"] = png(DATASET.images[0])
    root = write_files(tmp_path / "CK+", files)
    with pytest.raises(LabelOrderError, match="cohnkanade"):
        read_path(root)
    reading = read_path(root, ReadOptions.of(labels="cohnkanade"))
    same(reading, ALL_TRAIN)
    assert set(reading.groups) == {"S000", "S001", "S002"}
    assert "Not imported, because no label file names them: 1 image." in reading.notes


def test_a_label_file_for_each_of_many_persons_is_read() -> None:
    files: dict[str, bytes] = {}
    for i in range(100):
        image, y, _ = FACES[i % len(FACES)]
        files |= {f"p{i}/a.png": png(image), f"p{i}/labels.csv": lines("file,label", f"a.png,{EMOTIONS[y]}")}
    assert len(read(files).dataset) == 100


def test_a_class_before_its_image_is_read() -> None:
    rows = [f"{EMOTIONS[y]} pictures\\{i}.png" for i, (_, y, _) in enumerate(FACES)]
    files = {f"pictures/{i}.png": png(image) for i, (image, _, _) in enumerate(FACES)}
    same(read({**files, "list.txt": lines(*rows)}), ALL_TRAIN)
