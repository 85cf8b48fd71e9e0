"""Boxes of plain faces, as labelImg and face detectors write them, next to something that says the classes."""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

import pytest

from fer.datasets.readers.finding import labelled_images
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.orders import LabelOrderError
from fer.datasets.readers.sources import read_uploads
from fer.datasets.readers.trees import FolderTree
from fer.datasets.readings import Reading
from fer.emotions import EMOTIONS
from fer.errors import DatasetError
from tests.support.forms import image_files, synthetic_faces, write_files, zip_bytes

DATASET = synthetic_faces(14, 7, 7)
Files = dict[str, bytes]
FOLDERS = image_files(DATASET)
DARKNET = b"0 0.5 0.5 0.3 0.3\n"
CORNERS = "<xmin>9</xmin><ymin>9</ymin><xmax>30</xmax><ymax>30</ymax>"
CSV = "\n".join(["filename,xmin,ymin,xmax,ymax,class", *(f"{name},9,9,30,30,face" for name in FOLDERS)]).encode()


def read(files: Files, labels: str | None = None) -> Reading:
    return read_uploads({"faces.zip": io.BytesIO(zip_bytes(files))}, ReadOptions.of(labels=labels))


def next_to_each(suffix: str, data: bytes) -> Files:
    return {str(PurePosixPath(name).with_suffix(suffix)): data for name in FOLDERS}


def xml(word: str = "face") -> bytes:
    return f"<annotation><object><name>{word}</name><bndbox>{CORNERS}</bndbox></object></annotation>".encode()


def coco(word: str = "face", names: Sequence[str] = tuple(FOLDERS), *, has_boxes: bool = True) -> bytes:
    return json.dumps(
        {
            "images": [{"id": number, "file_name": name} for number, name in enumerate(names)],
            "annotations": [
                {"id": number, "image_id": number, "category_id": 1, "bbox": [9, 9, 21, 21]}
                for number in range(len(names) if has_boxes else 0)
            ],
            "categories": [{"id": 0, "name": "faces-of-people"}, {"id": 1, "name": word}],
        }
    ).encode()


def labelimg() -> Files:
    return FOLDERS | next_to_each(".xml", xml())


def voc() -> Files:
    pairs = ((PurePosixPath(name), data) for name, data in FOLDERS.items())
    files = {f"JPEGImages/{path}": data for path, data in pairs}
    return files | {f"Annotations/{name}": data for name, data in next_to_each(".xml", xml()).items()}


def darknet() -> Files:
    return FOLDERS | next_to_each(".txt", DARKNET)


def darknet_with_names() -> Files:
    lists = {f"{PurePosixPath(name).parent}/classes.txt": b"face\n" for name in FOLDERS}
    return darknet() | lists


def darknet_of_two_kinds() -> Files:
    files = darknet()
    files[next(name for name in files if name.endswith(".txt"))] = b"1 0.5 0.5 0.3 0.3"
    return files


def yolo() -> Files:
    files = {f"images/{name}": data for name, data in FOLDERS.items()}
    return files | {f"labels/{name}": data for name, data in next_to_each(".txt", DARKNET).items()}


def coco_of_faces() -> Files:
    return FOLDERS | {"train/_annotations.coco.json": coco()}


def coco_of_unknown_persons() -> Files:
    return FOLDERS | {"train/happy/boxes.json": coco("unknown")}


def coco_with_a_number() -> Files:
    return FOLDERS | {"boxes.json": coco("0")}


def table() -> Files:
    return FOLDERS | {"train/happy/boxes.csv": CSV}


@pytest.mark.parametrize(
    "form",
    [
        labelimg,
        voc,
        darknet,
        darknet_with_names,
        darknet_of_two_kinds,
        yolo,
        coco_of_faces,
        coco_of_unknown_persons,
        coco_with_a_number,
        table,
    ],
)
def test_folders_say_the_classes_of_boxes_that_say_none(form: Callable[[], Files]) -> None:
    reading = read(form())
    assert reading.form == "image folders" and not reading.rejected and not reading.left_out
    assert reading.dataset.fingerprint == DATASET.fingerprint
    assert reading.notes[-1].startswith("Not used, because they name no class: the boxes in ")


def test_the_summary_names_the_boxes_that_were_not_used() -> None:
    (note,) = read(labelimg()).notes
    first = [PurePosixPath(name).with_suffix(".xml").name for name in sorted(FOLDERS)[:5]]
    assert note == f"Not used, because they name no class: the boxes in {', '.join(first)} and 23 more."


def test_a_class_among_the_labels_makes_the_boxes_count() -> None:
    files = FOLDERS | next_to_each(".xml", xml("sad"))
    files |= {name: xml() for name in sorted(files) if name.endswith(("00000.xml", "00001.xml"))}
    reading = read(files)
    assert reading.form == "label files" and reading.dataset.labels.tolist() == [EMOTIONS.index("sad")] * 26
    assert [item.reason for item in reading.rejected] == ["label 'face' is not the name or number of a class"] * 2


def test_numbers_of_boxes_count_if_the_user_names_their_order() -> None:
    reading = read(darknet_of_two_kinds(), "fer2013")
    assert reading.form == "label files"
    assert sorted(reading.dataset.labels.tolist()) == [0] * 27 + [1]


def test_numbers_of_boxes_count_below_a_single_folder_that_could_be_a_class() -> None:
    """'content' is happy in French, and a folder of a well-known notebook service."""
    flat = {f"content/{PurePosixPath(name).name}": data for name, data in FOLDERS.items()}
    rows = {f"content/{i:05d}.txt": f"{i % 7} 0.5 0.5 1 1".encode() for i in range(len(FOLDERS))}
    with pytest.raises(LabelOrderError):
        read(flat | rows)


def test_plain_faces_without_folders_are_refused_with_their_label() -> None:
    files = {PurePosixPath(name).name: data for name, data in labelimg().items()}
    with pytest.raises(DatasetError, match=r"the first is 00000.xml, object 1: label 'face' is not the name"):
        read(files)


def test_a_table_says_the_classes_of_cocos_faces() -> None:
    rows = ["file,label", *(f"{name},{PurePosixPath(name).parent.name}" for name in FOLDERS)]
    reading = read(FOLDERS | {"labels.csv": "\n".join(rows).encode(), "boxes.json": coco()})
    assert reading.form == "label files" and not reading.rejected
    assert reading.dataset.fingerprint == DATASET.fingerprint
    assert reading.notes[0] == "The labels are those in labels.csv."
    assert reading.notes[-1] == "Not used, because they name no class: the boxes in boxes.json."


def test_cocos_file_of_a_split_without_labels_belongs_to_the_others() -> None:
    trained = [name for name in FOLDERS if name.startswith("train")]
    others = [name for name in FOLDERS if name not in trained]
    reading = read(FOLDERS | {"a.json": coco("happy", trained), "b.json": coco("face", others, has_boxes=False)})
    assert len(reading.dataset) == len(trained) and not reading.rejected
    assert [item.reason for item in reading.left_out] == ["without a labelled face"] * len(others)


@pytest.mark.parametrize("form", [labelimg, darknet, coco_of_faces])
def test_the_images_looked_at_are_those_of_the_folders(form: Callable[[], Files], tmp_path: Path) -> None:
    tree = FolderTree(write_files(tmp_path / "faces", form() | {"cover.png": b""}))
    assert [str(entry.path) for entry in labelled_images(tree)] == sorted(FOLDERS)
