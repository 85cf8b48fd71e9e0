"""Boxes of faces in the forms of object detection: COCO, Pascal VOC and Darknet, with their lists of splits."""

import io
import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import cv2
import pytest

from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.orders import LabelOrderError
from fer.datasets.readers.sources import read_path, read_uploads
from fer.datasets.readings import Reading
from fer.emotions import EMOTIONS
from fer.errors import DatasetError
from fer.vision.crops import crop_faces
from tests.support.builders import portrait_bgr
from tests.support.forms import SPLIT_NAMES, image_files, png, synthetic_faces, write_files, zip_bytes

DATASET = synthetic_faces(14, 7, 7)
FACES = list(zip(DATASET.images, DATASET.labels, DATASET.splits, strict=True))
PHOTO = cv2.imencode(".png", portrait_bgr())[1].tobytes()
HEIGHT, WIDTH = portrait_bgr().shape[:2]
BOXES = {"happy": (40, 30, 100), "sad": (90, 60, 80), "fear": (10, 10, 60)}
Box = tuple[str, int, int, int, int]
Files = dict[str, bytes]


def read(files: Files, labels: str | None = None) -> Reading:
    return read_uploads({"faces.zip": io.BytesIO(zip_bytes(files))}, ReadOptions.of(labels=labels))


def lines(*rows: str) -> bytes:
    return "\n".join(rows).encode()


def coco_json(images: dict[str, list[Box]]) -> bytes:
    """Return COCO's JSON with an outline and fields of others, by image name its boxes: class, left, top, size."""
    boxes = [(place, box) for place, found in enumerate(images.values()) for box in found]
    return json.dumps(
        {
            "info": {"year": 2026},
            "images": [{"id": i, "file_name": name, "height": 48} for i, name in enumerate(images)],
            "annotations": [
                {"id": n, "image_id": i, "category_id": EMOTIONS.index(w), "bbox": box, "segmentation": [[1, 2, 3]]}
                for n, (i, (w, *box)) in enumerate(boxes)
            ],
            "categories": [{"id": i, "name": name, "supercategory": "faces"} for i, name in enumerate(EMOTIONS)],
        }
    ).encode()


def voc_xml(boxes: list[Box]) -> bytes:
    objects = "".join(
        f"<object><name>{w}</name><bndbox><xmin>{x}</xmin><ymin>{y}</ymin><xmax>{x + width}</xmax>"
        f"<ymax>{y + height}</ymax></bndbox></object>"
        for w, x, y, width, height in boxes
    )
    return f"<!-- made by hand --><annotation><filename>any.jpg</filename>{objects}</annotation>".encode()


def whole(label: int) -> list[Box]:
    return [(EMOTIONS[label], 0, 0, 48, 48)]


def coco() -> Files:
    files: Files = {}
    for split, folder in enumerate(("train", "valid", "test")):
        own = {f"{i}.rf.9.png": (image, y) for i, (image, y, s) in enumerate(FACES) if s == split}
        files[f"{folder}/_annotations.coco.json"] = coco_json({name: whole(y) for name, (_, y) in own.items()})
        files |= {f"{folder}/{name}": png(image) for name, (image, _) in own.items()}
    return files


def coco_of_its_authors() -> Files:
    files: Files = {}
    for split, name in enumerate(("train2017", "val2017", "test2017")):
        own = {f"{i:012d}.png": (image, y) for i, (image, y, s) in enumerate(FACES) if s == split}
        files[f"annotations/instances_{name}.json"] = coco_json({image: whole(y) for image, (_, y) in own.items()})
        files |= {f"{name}/{file}": png(image) for file, (image, _) in own.items()}
    return files


def voc() -> Files:
    files = {f"VOC2012/JPEGImages/{i:06d}.png": png(image) for i, (image, _, _) in enumerate(FACES)}
    files |= {f"VOC2012/Annotations/{i:06d}.xml": voc_xml(whole(y)) for i, (_, y, _) in enumerate(FACES)}
    lists = {name: [f"{i:06d}" for i, (*_, s) in enumerate(FACES) if s == n] for n, name in enumerate(SPLIT_NAMES)}
    lists["val"] = lists.pop("validation")
    lists["trainval"] = lists["train"] + lists["val"]
    files |= {f"VOC2012/ImageSets/Main/{name}.txt": lines(*found) for name, found in lists.items()}
    return {**files, "VOC2012/ImageSets/Main/happy_train.txt": lines("000000  1", "000001 -1")}


def voc_next_to_the_images() -> Files:
    files: Files = {}
    for i, (image, y, s) in enumerate(FACES):
        files |= {f"{SPLIT_NAMES[s]}/{i}.png": png(image), f"{SPLIT_NAMES[s]}/{i}.xml": voc_xml(whole(y))}
    return files


def darknet(names: bytes | None = lines(*EMOTIONS)) -> Files:
    files = {f"data/obj/{i}.png": png(image) for i, (image, _, _) in enumerate(FACES)}
    files |= {f"data/obj/{i}.txt": f"{y} 0.5 0.5 1 1\n".encode() for i, (_, y, _) in enumerate(FACES)}
    for split, name in enumerate(("train", "valid", "test")):
        files[f"data/{name}.txt"] = lines(
            *(f"/home/me/data/obj/{i}.png" for i, (*_, s) in enumerate(FACES) if s == split)
        )
    return files if names is None else {**files, "data/obj.names": names, "data/obj.data": b"classes = 7"}


@pytest.mark.parametrize("form", [coco, coco_of_its_authors, voc, voc_next_to_the_images, darknet])
@pytest.mark.parametrize("packed", [True, False])
def test_each_form_is_the_same_dataset_with_its_splits(form: Callable[[], Files], packed: bool, tmp_path: Path) -> None:
    reading = read(form()) if packed else read_path(write_files(tmp_path / "faces", form()))
    assert not reading.rejected and not reading.left_out
    assert reading.dataset.fingerprint == DATASET.fingerprint
    assert reading.dataset.counts().sum(axis=1).tolist() == [14, 7, 7]


def test_each_box_of_a_photo_is_a_face() -> None:
    boxes: list[Box] = [(word, x, y, side, side) for word, (x, y, side) in BOXES.items()]
    expected = {
        word: crop_faces(portrait_bgr(), [(x, y, side, side)], 1.0)[0, ..., 0].tobytes()
        for word, (x, y, side) in BOXES.items()
    }
    rows = [
        f"{EMOTIONS.index(w)} {(x + side / 2) / WIDTH} {(y + side / 2) / HEIGHT} {side / WIDTH} {side / HEIGHT}"
        for w, (x, y, side) in BOXES.items()
    ]
    for files in (
        {"labels.json": coco_json({"a.png": boxes, "empty.png": []})},
        {"Annotations/a.xml": voc_xml(boxes), "Annotations/empty.xml": voc_xml([])},
        {"a.txt": lines(*rows), "empty.txt": b"", "classes.txt": lines(*EMOTIONS)},
    ):
        reading = read({**files, "a.png": PHOTO, "empty.png": PHOTO})
        assert not reading.rejected and [item.reason for item in reading.left_out] == ["without a labelled face"]
        dataset = reading.dataset
        found = {EMOTIONS[y]: image.tobytes() for image, y in zip(dataset.images, dataset.labels, strict=True)}
        assert found == expected


def test_a_number_beyond_the_list_of_names_costs_its_own_face() -> None:
    files = darknet()
    files["data/obj/0.txt"] = b"7 0.5 0.5 1 1"
    (rejected,) = read(files).rejected
    assert rejected.reason == "class 7 isn't in the list of 7 names"


def test_darknets_numbers_without_names_are_asked_about() -> None:
    with pytest.raises(LabelOrderError):
        read(darknet(names=None))
    assert read(darknet(names=None), "fer2013").dataset.fingerprint == DATASET.fingerprint


BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]>'
    b"<annotation><object><name>&b;</name></object></annotation>"
)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"<annotation><object>",
        BOMB,
        BOMB.decode().encode("utf-16"),
        b"\xff\xfe\x00",
        b"<annotation><object><name>happy</name></object></annotation>",
    ],
)
def test_a_damaged_annotation_costs_only_its_own_face(damage: bytes) -> None:
    files = voc()
    files["VOC2012/Annotations/000000.xml"] = damage
    (rejected,) = read(files).rejected
    assert rejected.where.startswith("VOC2012/Annotations/000000.xml")
    assert rejected.reason == "its annotation can't be read"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"image_id": 999}, "the file names no such image"),
        ({"category_id": [3]}, "the file names no such class"),
        ({"bbox": [0, 0, None, 48]}, "its box isn't four numbers"),
        ({"bbox": [0, 0, 10**400, 48]}, "its box isn't four numbers"),
        ({"bbox": None}, "its box isn't four numbers"),
        ({"bbox": [900, 0, 48, 48]}, "its box lies outside the image"),
        ({"bbox": [0, 0, 1e300, 1e300]}, "its box lies outside the image"),
    ],
)
def test_a_wrong_value_of_coco_costs_only_its_own_face(changed: dict[str, object], reason: str) -> None:
    files = coco()
    values = json.loads(files["train/_annotations.coco.json"])
    values["annotations"].append({"image_id": 0, "category_id": 3, "bbox": [0, 0, 9, 9], **changed})
    files["train/_annotations.coco.json"] = json.dumps(values).encode()
    reading = read(files)
    assert [item.reason for item in reading.rejected] == [reason]
    assert reading.dataset.fingerprint == DATASET.fingerprint


def test_a_crowd_is_left_out() -> None:
    files = coco()
    values = json.loads(files["train/_annotations.coco.json"])
    values["annotations"].append({"image_id": 0, "category_id": 3, "bbox": [0, 0, 9, 9], "iscrowd": 1})
    files["train/_annotations.coco.json"] = json.dumps(values).encode()
    reading = read(files)
    assert [item.reason for item in reading.left_out] == ["a crowd and no single face"]
    assert reading.dataset.fingerprint == DATASET.fingerprint


@pytest.mark.parametrize("content", [b"{", b"[1, 2]", b'{"images": 5}', b"\xff\xfe\x00", b"[" * 100_000])
def test_other_json_next_to_images_is_named(content: bytes) -> None:
    with pytest.raises(DatasetError, match=r"labels.json isn't read"):
        read({"labels.json": content, "a.png": PHOTO})


def test_an_image_in_the_lists_of_two_splits_is_refused() -> None:
    files = voc()
    files["VOC2012/ImageSets/Main/test.txt"] += b"\n000000"
    with pytest.raises(
        DatasetError, match=r"000000.png is in test.txt, for test, and in train.txt, for train; remove it"
    ):
        read(files)


def test_an_image_that_no_list_names_is_left_out_and_listed() -> None:
    files = voc()
    del files["VOC2012/ImageSets/Main/test.txt"]
    reading = read(files)
    assert reading.dataset.counts().sum(axis=1).tolist() == [14, 7, 0]
    assert {item.reason for item in reading.left_out} == {"no list of a split names its image"}
    assert len(reading.left_out) == 7
    assert "The splits are those in train.txt and val.txt." in reading.notes


def test_a_list_that_contradicts_the_folder_is_refused() -> None:
    files = voc_next_to_the_images()
    with pytest.raises(DatasetError, match=r"is in the list for test, and its label file or folder says train"):
        read({**files, "test.txt": lines("train/0.png")})


@pytest.mark.parametrize(("suffix", "text"), [(".txt", b"a woman smiles"), (".xml", b"<photo><by>me</by></photo>")])
def test_a_caption_next_to_an_image_is_no_annotation(suffix: str, text: bytes) -> None:
    files = image_files(DATASET)
    caption = str(PurePosixPath(next(iter(files))).with_suffix(suffix))
    reading = read({**files, caption: text})
    assert reading.form == "image folders" and reading.dataset.fingerprint == DATASET.fingerprint
    assert [item.where for item in reading.rejected] == [caption]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_coco_in_any_unicode(encoding: str, tmp_path: Path) -> None:
    coco = coco_json({"photo.png": [("happy", 40, 30, 100, 100)]}).decode().encode(encoding)
    write_files(tmp_path, {"photo.png": PHOTO, "annotations.json": coco})
    for given in (tmp_path, tmp_path / "annotations.json"):
        reading = read_path(given)
        assert [EMOTIONS[label] for label in reading.dataset.labels] == ["happy"]
    uploaded = {"photos.zip": io.BytesIO(zip_bytes({"photo.png": PHOTO})), "annotations.json": io.BytesIO(coco)}
    assert len(read_uploads(uploaded).dataset) == 1


@pytest.mark.parametrize("place", ["annotations.json", "annotations/instances_train.json", "Labels/train.csv"])
def test_a_label_file_that_is_given_alone_finds_its_images(place: str, tmp_path: Path) -> None:
    data = (
        lines("file,label", "photo.png,happy")
        if place.endswith("csv")
        else coco_json({"photo.png": [("happy", 40, 30, 100, 100), ("sad", 90, 60, 80, 80)]})
    )
    write_files(tmp_path, {"images/photo.png": PHOTO, place: data})
    labels = read_path(tmp_path / place).dataset.labels
    assert [EMOTIONS[label] for label in labels] == (["happy"] if place.endswith("csv") else ["happy", "sad"])


@pytest.mark.parametrize("name", ["annotations.json", "labels.csv"])
def test_a_label_file_alone_without_its_images_says_where_to_put_them(name: str, tmp_path: Path) -> None:
    data = lines("file,label", "a.png,happy") if name == "labels.csv" else coco_json({"a.png": [("happy", 1, 1, 9, 9)]})
    write_files(tmp_path, {name: data, "other.png": PHOTO})
    with pytest.raises(DatasetError) as caught:
        read_path(tmp_path / name)
    assert str(caught.value) == (
        f"None of the images that {name} lists is in {tmp_path}; put the images next to it, or import the folder that "
        f"holds both."
    )
    with pytest.raises(DatasetError, match=f"{name} lists images; add a zip or tar of the images that it names."):
        read_uploads({name: io.BytesIO(data)})


@pytest.mark.parametrize("data", [b'{\n "images": [', b'{\n "a": 1\n}', '{\n "a": 1\n}'.encode("utf-16"), b"[]", b"{"])
def test_other_json_says_what_to_save_instead(data: bytes, tmp_path: Path) -> None:
    write_files(tmp_path, {"labels.json": data})
    for read_it in (
        lambda: read_path(tmp_path / "labels.json"),
        lambda: read_uploads({"labels.json": io.BytesIO(data)}),
    ):
        with pytest.raises(
            DatasetError, match="is a JSON file, and neither COCO's nor JSON lines; save it as a CSV or as one of these"
        ):
            read_it()


def test_json_lines_that_are_called_json_name_images(tmp_path: Path) -> None:
    write_files(tmp_path, {"labels.json": b'{"file": "photo.png", "label": "happy"}\n', "photo.png": PHOTO})
    assert len(read_path(tmp_path / "labels.json").dataset) == 1


@pytest.mark.parametrize("name", ["face.xml", "data.yaml", "obj.names"])
def test_a_part_of_a_dataset_alone_says_what_to_import(name: str, tmp_path: Path) -> None:
    write_files(tmp_path, {name: b"names: [happy, sad]"})
    with pytest.raises(DatasetError, match=f"{name} is a part of a dataset; import the folder or archive that holds"):
        read_path(tmp_path / name)


@pytest.mark.parametrize("name", ["labels.json", "faces.zip", "faces.npz", "faces.parquet", "faces.tar"])
def test_an_empty_file_is_called_empty(name: str) -> None:
    with pytest.raises(DatasetError, match=f"{name} is empty; copy or download it again."):
        read_uploads({name: io.BytesIO(b"")})
