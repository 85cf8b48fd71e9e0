"""Label files: tables that name images and their classes."""

import io
import tarfile
from pathlib import Path

import pytest

from fer.datasets.readers.label_files import find_label_columns
from fer.datasets.readers.lines import first_row
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.orders import LabelOrderError
from fer.datasets.readers.sources import read_path, read_uploads
from tests.support.forms import unanimous, write_files, zip_bytes
from tests.support.label_files import (
    DATASET,
    GENERIC,
    IMAGES,
    NAMES,
    NUMBERS,
    SPLITS,
    WORDS,
    affectnet,
    ferplus,
    lines,
    rafdb,
    same,
)

FORMS = {
    "AffectNet": (affectnet, "affectnet"),
    "FER+": (ferplus, None),
    "generic": (lambda: {"labels.csv": GENERIC, **{f"images/{name}": data for name, data in IMAGES.items()}}, None),
    "next to the images": (lambda: {"labels.csv": GENERIC, **IMAGES}, None),
    "without suffixes": (
        lambda: {
            "faces.tsv": lines(
                "image_id\temotion\tset",
                *(f"{name[:-4]}\t{word}\t{split}" for name, word, split in zip(NAMES, WORDS, SPLITS, strict=True)),
            ),
            **IMAGES,
        },
        None,
    ),
    "a header of a spreadsheet": (
        lambda: {
            "labels.csv": b"\xef\xbb\xbfsep=;\r\n" + GENERIC.replace(b",", b";").replace(b"\n", b"\r\n"),
            **IMAGES,
        },
        None,
    ),
    "paths of Windows from the root": (
        lambda: {
            "lists/labels.csv": lines(
                "path,class,usage",
                *(f"pictures\\{name},{word},{split}" for name, word, split in zip(NAMES, WORDS, SPLITS, strict=True)),
            ),
            **{f"pictures/{name}": data for name, data in IMAGES.items()},
        },
        None,
    ),
    "splits by the images' folders": (
        lambda: {
            "labels.txt": lines(
                *(f"{split}/{name}, {word}" for name, word, split in zip(NAMES, WORDS, SPLITS, strict=True))
            ),
            **{f"{split}/{name}": IMAGES[name] for name, split in zip(NAMES, SPLITS, strict=True)},
        },
        None,
    ),
}


@pytest.mark.parametrize("packed", ["folder", "zip", "tar.gz"])
@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_the_same_dataset(form: str, packed: str, tmp_path: Path) -> None:
    files, order = FORMS[form][0](), FORMS[form][1]
    options = ReadOptions.of(labels=order)
    if packed == "folder":
        reading = read_path(write_files(tmp_path / "faces", files), options)
    elif packed == "zip":
        reading = read_uploads({"faces.zip": io.BytesIO(zip_bytes(files))}, options)
    else:
        write_files(tmp_path / "faces", files)
        with tarfile.open(tmp_path / "faces.tar.gz", "w:gz") as archive:
            archive.add(tmp_path / "faces", "faces")
        reading = read_path(tmp_path / "faces.tar.gz", options)
    same(reading)
    assert reading.form == "label files"
    if form == "FER+":
        assert set(map(tuple, reading.dataset.votes)) == set(map(tuple, unanimous(DATASET)))


def test_raf_db_takes_the_aligned_faces_and_the_splits_of_the_names(tmp_path: Path) -> None:
    reading = read_path(write_files(tmp_path / "RAF", rafdb()), ReadOptions.of(labels="rafdb"))
    assert reading.dataset.fingerprint == DATASET.fingerprint
    assert reading.dataset.counts().sum(axis=1).tolist() == [21, 0, 7]


def test_a_label_file_itself_is_imported_with_the_images_next_to_it(tmp_path: Path) -> None:
    write_files(tmp_path / "faces", {"labels.csv": GENERIC, **IMAGES})
    same(read_path(tmp_path / "faces" / "labels.csv"))


def test_an_archive_next_to_the_label_file_is_opened(tmp_path: Path) -> None:
    files = {"labels.csv": GENERIC, "images.zip": zip_bytes(IMAGES)}
    same(read_path(write_files(tmp_path / "faces", files)))
    same(read_uploads({name: io.BytesIO(data) for name, data in files.items()}))


def test_numbers_are_asked_about_with_sample_faces(tmp_path: Path) -> None:
    root = write_files(tmp_path / "faces", affectnet())
    with pytest.raises(LabelOrderError, match="--labels affectnet") as caught:
        read_path(root)
    place = NUMBERS["affectnet"][3]
    happy = {image.tobytes() for image in DATASET.images[DATASET.labels == 3]}
    assert {image.tobytes() for image in caught.value.samples[place]} <= happy
    assert caught.value.numbers == tuple(range(7))


@pytest.mark.parametrize(
    ("first", "found"),
    [
        ("file,label", True),
        ("Image name;Emotion", True),
        ("emotion,pixels,Usage", False),
        ("file,size", False),
        ("a.png happy", True),
        ("a b.png 5", True),
        ("a.png,train,angry", True),
        ("a.png,bored", False),
        ("happy,a.png", True),
        ("", False),
    ],
)
def test_a_label_file_is_recognised_by_its_first_line(first: str, found: bool) -> None:
    assert (find_label_columns(first_row(io.BytesIO(first.encode()))) is not None) is found
