"""Image folders in the layouts and formats that people have, and files in them that aren't faces."""

import io
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from fer.datasets.readers import folders
from fer.datasets.readers.folders import decode_face
from fer.datasets.readers.layouts import find_layout
from fer.datasets.readers.sources import read_path
from fer.datasets.readings import Reading
from fer.datasets.store import catalog
from fer.datasets.store.importing import import_path
from fer.datasets.store.loading import load_dataset
from fer.emotions import EMOTIONS
from fer.errors import DatasetError
from tests.support.forms import csv_lines, encoded, image_files, png, synthetic_faces, write_files, write_lines
from tests.support.odd_files import link_or_skip

OTHER_NAMES = ("anger", "disgusted", "fearful", "happiness", "sadness", "surprised", "Neutral")

PREFIXED = tuple(f"{number}_{name}" for number, name in enumerate(EMOTIONS))


@pytest.mark.parametrize("classes", [EMOTIONS, OTHER_NAMES, PREFIXED])
@pytest.mark.parametrize("prefix", ["", "archive/", "src/data/"])
def test_folders_and_table_are_the_same_dataset(tmp_path: Path, classes: Sequence[str], prefix: str) -> None:
    dataset = synthetic_faces()
    table = load_dataset(write_lines(tmp_path / "fer2013.csv", csv_lines(dataset)))
    root = write_files(tmp_path / "faces", image_files(dataset, classes, prefix))
    found = load_dataset(root)
    assert found.fingerprint == table.fingerprint
    np.testing.assert_array_equal(found.counts(), table.counts())


@pytest.mark.parametrize(
    ("train", "validation", "test"), [("train", "val", "test"), ("Training", "PublicTest", "PrivateTest")]
)
def test_splits_have_several_names(tmp_path: Path, train: str, validation: str, test: str) -> None:
    dataset = synthetic_faces(7, 14, 21)
    renamed = {
        path.replace("train/", f"{train}/").replace("validation/", f"{validation}/").replace("test/", f"{test}/"): data
        for path, data in image_files(dataset).items()
    }
    assert read_path(write_files(tmp_path / "faces", renamed)).dataset.counts().sum(axis=1).tolist() == [7, 14, 21]


def test_the_desktop_scripts_layout_is_read_next_to_its_source_code(tmp_path: Path) -> None:
    dataset = synthetic_faces(14, 0, 7)
    files = {**image_files(dataset, prefix="data/"), "src/emotions.py": b"print()", "README.md": b"# Emotions"}
    found = load_dataset(write_files(tmp_path / "checkout", files), with_validation=False)
    assert found.counts().sum(axis=1).tolist() == [14, 0, 7]
    assert found.fingerprint == dataset.fingerprint


@pytest.mark.parametrize(("name", "split"), [("faces", "train"), ("test", "test"), ("val", "validation")])
def test_class_folders_without_splits_form_one_split(tmp_path: Path, name: str, split: str) -> None:
    dataset = synthetic_faces(14, 0, 0)
    files = {path.removeprefix("train/"): data for path, data in image_files(dataset).items()}
    found = read_path(write_files(tmp_path / name, files)).dataset
    assert found.split_names() == (split,)
    assert found.fingerprint == dataset.fingerprint


def test_two_datasets_in_one_folder_are_refused(tmp_path: Path) -> None:
    files = image_files(synthetic_faces(7, 0, 0), prefix="old/") | image_files(synthetic_faces(7, 0, 0), prefix="new/")
    with pytest.raises(DatasetError, match=r"more than one dataset of image folders \(new, old\); import one"):
        read_path(write_files(tmp_path / "both", files))


def test_a_folder_without_faces_is_refused(tmp_path: Path) -> None:
    root = write_files(tmp_path / "photos", {"2024/cat.png": png(np.zeros((48, 48), np.uint8)), "notes.txt": b""})
    with pytest.raises(DatasetError, match="holds images, and nothing that says their classes"):
        read_path(root)


def test_files_of_the_operating_system_are_ignored(tmp_path: Path) -> None:
    dataset = synthetic_faces(14, 0, 0)
    litter = {
        "__MACOSX/train/happy/._00000.png": b"\0\5\26\7",
        "train/.DS_Store": b"x",
        "train/happy/.DS_Store": b"x",
        "train/happy/Thumbs.db": b"x",
    }
    reading = read_path(write_files(tmp_path / "faces", {**image_files(dataset), **litter}))
    assert not reading.rejected
    assert len(reading.dataset) == 14


def grey(size: tuple[int, int], form: str, mode: str = "L") -> bytes:
    ramp = np.linspace(0, 255, size[0] * size[1]).reshape(size[1], size[0]).astype(np.uint8)
    return encoded(Image.fromarray(ramp).convert(mode), form)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM"])
@pytest.mark.parametrize(("size", "mode"), [((48, 48), "L"), ((200, 160), "RGB"), ((20, 31), "L"), ((48, 48), "RGB")])
def test_any_format_and_size_becomes_a_face(form: str, size: tuple[int, int], mode: str) -> None:
    face = decode_face(grey(size, form, mode))
    assert face.shape == (48, 48) and face.dtype == np.uint8
    # Dark above and bright below, as in the original.
    assert face[:4].mean() < 30 and face[-4:].mean() > 225


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF"])
def test_a_face_of_48_pixels_is_unchanged(form: str) -> None:
    image = synthetic_faces(1, 0, 0).images[0]
    np.testing.assert_array_equal(decode_face(encoded(Image.fromarray(image), form)), image)
    np.testing.assert_array_equal(decode_face(encoded(Image.fromarray(image).convert("RGB"), form)), image)


def truncated_jpeg() -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    data = encoded(Image.fromarray(noise), "JPEG")
    return data[: len(data) // 2]


def gigantic_png() -> bytes:
    stream = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(stream, "PNG")
    return stream.getvalue()


DAMAGED = {
    "empty.png": (lambda: b"", "empty"),
    "text.png": (lambda: b"Just text.", "a readable image"),
    "drawing.svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><circle r='9'/></svg>", "SVG files"),
    "half.jpg": (truncated_jpeg, "damaged|cut short"),
    "large.png": (gigantic_png, "million pixels"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_an_unusable_file_is_rejected_with_the_reason(tmp_path: Path, name: str) -> None:
    make, reason = DAMAGED[name]
    dataset = synthetic_faces(28, 0, 0)
    files = {**image_files(dataset), f"train/happy/{name}": make()}
    reading = read_path(write_files(tmp_path / "faces", files))
    (rejection,) = reading.rejected
    assert rejection.where == f"train/happy/{name}"
    assert any(part in rejection.reason for part in reason.split("|")), rejection.reason
    assert reading.n_read == 29
    assert reading.dataset.fingerprint == dataset.fingerprint


def test_each_file_in_a_folder_of_no_class_is_rejected(tmp_path: Path) -> None:
    files = {**image_files(synthetic_faces(28, 0, 0)), "train/bored/a.png": png(synthetic_faces(1, 0, 0).images[0])}
    reading: Reading = read_path(write_files(tmp_path / "faces", files))
    assert [(item.where, item.reason) for item in reading.rejected] == [
        ("train/bored/a.png", "its folder names no class")
    ]


def test_a_folder_next_to_the_splits_is_rejected_and_not_ignored(tmp_path: Path) -> None:
    strays = ["happy/x.png", "train2/happy/a.png"]
    files = {**image_files(synthetic_faces(28, 0, 0)), **dict.fromkeys([*strays, "docs/a.png", "happy.png"], b"x")}
    reading: Reading = read_path(write_files(tmp_path / "faces", files))
    assert [(item.where, item.reason) for item in reading.rejected] == [
        (name, "its folder names no split") for name in strays
    ]
    assert reading.n_read == 30
    assert reading.notes == ("Not imported, because their folders name neither a split nor a class: 2 images.",)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside = write_files(tmp_path / "outside", {"secret.png": png(synthetic_faces(1, 0, 0).images[0])})
    root = write_files(tmp_path / "faces", image_files(synthetic_faces(14, 0, 0)))
    link_or_skip(root / "train" / "happy" / "link.png", outside / "secret.png")
    link_or_skip(root / "train" / "happy" / "more", outside)
    assert len(read_path(root).dataset) == 14


def test_a_layout_tells_which_files_belong_to_it() -> None:
    layout = find_layout([PurePosixPath("a/train/happy/x.png")], "zip")
    assert layout is not None
    assert layout.covers(PurePosixPath("a/train/sad/y.png"))
    assert layout.covers(PurePosixPath("a/train/contempt/y.png"))
    # In a split but in no class, so it is rejected.
    assert layout.covers(PurePosixPath("a/train/y.png"))
    assert layout.problem(PurePosixPath("a/train/y.png")) == "its folder names no class"
    assert not layout.covers(PurePosixPath("b/train/sad/y.png"))
    assert not layout.covers(PurePosixPath("a/docs/y.png"))
    assert layout.covers(PurePosixPath("a/sad/y.png"))
    assert layout.split_of(PurePosixPath("a/sad/y.png")) is None
    # Of a class, but outside the splits.
    assert layout.covers(PurePosixPath("a/more/sad/y.png"))
    assert layout.split_of(PurePosixPath("a/more/sad/y.png")) is None


@pytest.mark.parametrize("kept", [True, False])
def test_a_name_that_is_not_utf8_is_stored_and_shown(tmp_path: Path, fer_home: Path, kept: bool) -> None:
    root = write_files(tmp_path / "faces", image_files(synthetic_faces(28, 0, 0)))
    face = png(synthetic_faces(1, 0, 0, seed=5).images[0]) if kept else b"no picture"
    (root / "train" / "happy" / os.fsdecode(b"caf\xe9.png")).write_bytes(face)
    name = import_path(root).name
    readable = "train/happy/caf\\udce9.png"
    assert (readable in catalog.open_dataset(name).origins) is kept
    rejected = (catalog.dataset_folder(name) / "rejected.csv").read_text("utf-8")
    assert (readable in rejected) is not kept


def test_a_folder_whose_name_is_not_utf8_is_imported(tmp_path: Path, fer_home: Path) -> None:
    root = write_files(tmp_path / os.fsdecode(b"visages d\xe9"), image_files(synthetic_faces()))
    info = import_path(root)
    assert info.name == "visages-d" and info.source.encode("utf-8").endswith(b"\\udce9")


def test_a_defect_in_one_file_does_not_end_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails_on_text(data: bytes) -> np.ndarray:
        if data == b"Just text.":
            raise ZeroDivisionError
        return decode_face(data)

    dataset = synthetic_faces(28, 0, 0)
    folder = write_files(tmp_path / "faces", {**image_files(dataset), "train/happy/text.png": b"Just text."})
    monkeypatch.setattr(folders, "decode_face", fails_on_text)
    reading = read_path(folder)
    assert reading.n_read == 29 and len(reading.rejected) == 1
    assert "unexpectedly (ZeroDivisionError)" in reading.rejected[0].reason
