"""The images that label files name: found, missing, named twice, in contradicting splits."""

import io
import tarfile
from pathlib import Path

import pytest

from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.sources import read_path, read_uploads
from fer.datasets.store.importing import import_path
from fer.errors import DatasetError
from tests.support.builders import portrait_bgr
from tests.support.forms import SPLIT_NAMES, png, synthetic_faces, write_files, zip_bytes
from tests.support.label_files import (
    DATASET,
    GENERIC,
    IMAGES,
    NAMES,
    SPLITS,
    WORDS,
    ferplus,
    lines,
    same,
)
from tests.support.odd_files import link_or_skip


def test_what_a_row_or_image_lacks_is_listed_and_counted(tmp_path: Path, fer_home: Path) -> None:
    rows = [*GENERIC.decode().splitlines(), "gone.png,happy,train", "../00001.png,happy,train", "/etc/x.png,sad,test"]
    files = {"labels.csv": lines(*rows), **IMAGES, "more.png": IMAGES[NAMES[0]], "other.png": IMAGES[NAMES[1]]}
    # More rows, so that fewer than a tenth are wrong.
    again = synthetic_faces(14, 0, 0, seed=3)
    extra = {f"b{index}.png": png(image) for index, image in enumerate(again.images)}
    files["labels.csv"] += lines("", *(f"{name},neutral,train" for name in extra))
    info = import_path(write_files(tmp_path / "faces", {**files, **extra}), "mine")
    assert (info.n_images, info.n_rejected) == (len(DATASET) + 14, 3)
    assert "Not imported, because no label file names them: 2 images." in info.changes
    rejected = (fer_home / "data" / "mine" / "rejected.csv").read_text("utf-8")
    assert '"labels.csv, line 30",its image gone.png isn\'t there' in rejected
    assert rejected.count("its path leads out of the folder") == 2


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(IMAGES[NAMES[0]])
    root = write_files(tmp_path / "faces", {"labels.csv": lines("file,label", "a.png,happy"), "b.png": b"x"})
    link_or_skip(root / "a.png", tmp_path / "secret.png")
    with pytest.raises(DatasetError, match=r"None of the images that labels.csv lists is in faces"):
        read_path(root)


@pytest.mark.parametrize("kind", ["link", "path out"])
def test_an_archive_with_links_or_paths_out_is_refused(kind: str) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("a.png" if kind == "link" else "../a.png")
        member.type, member.linkname = (tarfile.SYMTYPE, "/etc/passwd") if kind == "link" else (tarfile.REGTYPE, "")
        archive.addfile(member)
    with pytest.raises(DatasetError, match="a link" if kind == "link" else "leads out of it"):
        read_uploads({"faces.tar": stream, "labels.csv": io.BytesIO(lines("file,label", "a.png,happy"))})


def test_two_rows_for_one_image_are_not_both_read(tmp_path: Path) -> None:
    table = lines(GENERIC.decode(), f"{NAMES[0]},{WORDS[1]},train")
    reading = read_path(write_files(tmp_path / "faces", {"labels.csv": table, **IMAGES}))
    assert [item.reason for item in reading.rejected] == ["labels.csv, line 2 names the same image"]
    assert reading.dataset.fingerprint == DATASET.fingerprint


def test_the_nearest_of_several_images_of_a_name_is_meant(tmp_path: Path) -> None:
    files = {f"{split}/happy/a.png": IMAGES[NAMES[place]] for place, split in enumerate(SPLIT_NAMES)}
    persons = {f"{name}/a.png": IMAGES[NAMES[place]] for place, name in enumerate(("ann", "ben", "cleo"))}
    table = lines("file,label", "a.png,happy", "CLEO/A.png,happy")
    reading = read_path(write_files(tmp_path / "faces", {**persons, "ben/list.csv": table}))
    assert [png(image) for image in reading.dataset.images] == [IMAGES[NAMES[1]], IMAGES[NAMES[2]]]
    named = lines("file,label,split", "a,happy,validation", "happy/a.png,happy,test")
    reading = read_path(write_files(tmp_path / "more", {**files, "lists/list.csv": named}))
    assert reading.dataset.splits.tolist() == [1, 2]
    with pytest.raises(DatasetError, match="line 2: 3 images have its name"):
        read_path(write_files(tmp_path / "unclear", {**files, "list.csv": lines("file,label", "a.png,happy")}))


def test_thousands_of_images_of_one_name_take_no_long_search() -> None:
    files = {f"{number}/a.png": b"" for number in range(5000)}
    rows = [f"{number}/a.png,happy" for number in range(5000)]
    files["labels.csv"] = lines("file,label", *rows, *["a.png,happy"] * 5000)
    # Ten thousand rows times five thousand images would take minutes.
    with pytest.raises(DatasetError, match="10,000 of 10,000 images can't be read"):
        read_uploads({"faces.zip": io.BytesIO(zip_bytes(files))})


def test_splits_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    files = {"train.csv": lines("file,label", "test/a.png,happy"), "test/a.png": IMAGES[NAMES[0]]}
    with pytest.raises(DatasetError, match=r"line 2 says train, and test/a.png lies in test; correct one of them"):
        read_path(write_files(tmp_path / "faces", files))
    files = {"train.csv": lines("file,label,split", "a.png,happy,test"), "a.png": IMAGES[NAMES[0]]}
    with pytest.raises(DatasetError, match="contradicts itself"):
        read_path(write_files(tmp_path / "more", files))


def test_labels_that_differ_from_the_folders_are_told(tmp_path: Path) -> None:
    files = {f"happy/{name}": data for name, data in IMAGES.items()}
    reading = read_path(write_files(tmp_path / "faces", {**files, "labels.csv": GENERIC}))
    same(reading)
    assert "24 labels differ from the folder that the image lies in." in reading.notes


def test_a_table_of_other_things_next_to_folders_is_not_taken_for_labels(tmp_path: Path) -> None:
    files = {f"{split}/{word}/{n}": IMAGES[n] for n, word, split in zip(NAMES, WORDS, SPLITS, strict=True)}
    log = lines("file,label", "holiday.jpg,happy", "beach.jpg,sad")
    same(read_path(write_files(tmp_path / "faces", {**files, "old.csv": log})))


def test_votes_without_a_majority_and_other_classes_are_left_out(tmp_path: Path) -> None:
    votes = ["5,5,0,0,0,0,0,0,0,0", "0,0,0,0,0,0,0,8,2,0", "0,0,0,0,0,0,0,0,9,1", "0,0,0,0,0,0,0,0,0,10"]
    rows = [f'x{index}.png,"(0, 0, 48, 48)",{text}' for index, text in enumerate(votes)]
    files = ferplus()
    files["FER2013Train/label.csv"] += lines("", *rows)
    files |= {f"FER2013Train/x{index}.png": IMAGES[NAMES[0]] for index in range(4)}
    reading = read_path(write_files(tmp_path / "faces", files))
    same(reading)
    assert [item.reason for item in reading.left_out] == [
        "no class has more than half of its votes",
        "contempt isn't one of the seven classes",
        "uncertain isn't one of the seven classes",
        "no face isn't one of the seven classes",
    ]


def test_faces_are_cut_out_of_listed_photos() -> None:
    photo = png(portrait_bgr()[..., ::-1])
    files = {"labels.csv": lines("file,label", "a.png,happy", "b.png,sad"), "a.png": photo, "b.png": IMAGES[NAMES[0]]}
    stream = io.BytesIO(zip_bytes(files))
    reading = read_uploads({"photos.zip": stream}, ReadOptions(photos=True))
    assert len(reading.dataset) + len(reading.left_out) == 2
    assert reading.origins[0] == "labels.csv, line 2"
