"""Small datasets through every form: labels, splits, pixels and groups come back."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer.datasets.faces import FaceDataset
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.orders import PRESETS
from fer.datasets.readers.sources import read_path
from fer.datasets.readings import Reading
from fer.datasets.store.exporting import FORMS, export, packed, packed_name
from fer.emotions import EMOTIONS
from tests.support.forms import SPLIT_NAMES, png, zip_bytes

GROUPS = st.sampled_from(["", "S01", "S02/session 3", "Ärzte"])
AFFECTNET = {label: number for number, label in PRESETS["affectnet"].labels.items() if number < len(EMOTIONS)}


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    """Draw a dataset of a few images that differ from each other."""
    n_images = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    dataset = FaceDataset(
        name="small",
        images=rng.integers(0, 256, (n_images, 48, 48)).astype(np.uint8),
        labels=np.array(draw(st.lists(st.integers(0, 6), min_size=n_images, max_size=n_images)), np.int64),
        splits=np.array(draw(st.lists(st.integers(0, 2), min_size=n_images, max_size=n_images)), np.uint8),
    )
    groups = draw(st.lists(GROUPS, min_size=n_images, max_size=n_images))
    return Reading(dataset, ("x",) * n_images, groups=tuple(groups) if any(groups) else ())


def groups_of(reading: Reading) -> tuple[str, ...]:
    return reading.groups or ("",) * len(reading.dataset)


def rows(reading: Reading) -> list[tuple[bytes, int, int, str]]:
    dataset = reading.dataset
    return sorted(
        (image.tobytes(), int(label), int(split), group)
        for image, label, split, group in zip(
            dataset.images, dataset.labels, dataset.splits, groups_of(reading), strict=True
        )
    )


def exported(form: str) -> Callable[[Reading], tuple[str, bytes]]:
    return lambda reading: (packed_name(form, "faces"), packed(reading, form, "faces"))


def squeezed(suffix: str, squeeze: Callable[[bytes], bytes]) -> Callable[[Reading], tuple[str, bytes]]:
    """Return a writer of a compressed CSV."""

    def write(reading: Reading) -> tuple[str, bytes]:
        with TemporaryDirectory() as folder:
            export(reading, "csv", Path(folder) / "a.csv")
            return f"faces.csv{suffix}", squeeze((Path(folder) / "a.csv").read_bytes())

    return write


def recoded(encoding: str, delimiter: str, end: str) -> Callable[[Reading], tuple[str, bytes]]:
    def write(reading: Reading) -> tuple[str, bytes]:
        _, text = squeezed("", bytes)(reading)
        return "faces.csv", text.decode().replace(",", delimiter).replace("\n", end).encode(encoding)

    return write


def tar_of_folders(reading: Reading) -> tuple[str, bytes]:
    stream = io.BytesIO()
    with TemporaryDirectory() as folder, tarfile.open(fileobj=stream, mode="w:gz") as archive:
        export(reading, "folders", Path(folder) / "faces")
        archive.add(Path(folder) / "faces", "faces")
    return "faces.tgz", stream.getvalue()


def nested(reading: Reading) -> tuple[str, bytes]:
    name, data = tar_of_folders(reading)
    return "outer.zip", zip_bytes({f"a/{name}": data})


def class_before_split(reading: Reading) -> tuple[str, bytes]:
    dataset = reading.dataset
    files = {
        f"{EMOTIONS[label]}/{SPLIT_NAMES[split]}/{group}/{index}.png": png(image)
        for index, (image, label, split, group) in enumerate(
            zip(dataset.images, dataset.labels, dataset.splits, groups_of(reading), strict=True)
        )
    }
    return "faces.zip", zip_bytes({path.replace("//", "/"): data for path, data in files.items()})


def arrays(reading: Reading) -> tuple[str, bytes]:
    dataset, stream = reading.dataset, io.BytesIO()
    np.savez(
        stream,
        images=dataset.images,
        labels=np.array([EMOTIONS[label] for label in dataset.labels]),
        splits=np.array([SPLIT_NAMES[split] for split in dataset.splits]),
        groups=np.array(groups_of(reading)),
    )
    return "faces.npz", stream.getvalue()


def label_file(reading: Reading) -> tuple[str, bytes]:
    """Write AffectNet's numbers, a row per image."""
    dataset = reading.dataset
    lines = [
        f'images/{index}.png,{AFFECTNET[int(label)]},{SPLIT_NAMES[split]},"{group}"'
        for index, (label, split, group) in enumerate(
            zip(dataset.labels, dataset.splits, groups_of(reading), strict=True)
        )
    ]
    files = {f"images/{index}.png": png(image) for index, image in enumerate(dataset.images)}
    table = "\n".join(["path,expression,subset,subject", *lines])
    return "faces.zip", zip_bytes({**files, "labels.csv": table.encode()})


WRITERS: dict[str, Callable[[Reading], tuple[str, bytes]]] = {
    **{f"{form}, packed for a download": exported(form) for form in FORMS},
    "csv.gz": squeezed(".gz", gzip.compress),
    "csv.bz2": squeezed(".bz2", bz2.compress),
    "csv.xz": squeezed(".xz", lzma.compress),
    "UTF-16, semicolons": recoded("utf-16", ";", "\r\n"),
    "tabs, old line ends": recoded("utf-8-sig", "\t", "\r"),
    "folders in a tgz": tar_of_folders,
    "folders in a tgz in a zip": nested,
    "splits below classes": class_before_split,
    "npz": arrays,
    "a label file in numbers": label_file,
}


def check(back: Reading, reading: Reading) -> None:
    assert not back.rejected and not back.left_out
    assert back.dataset.fingerprint == reading.dataset.fingerprint
    assert rows(back) == rows(reading)


@pytest.mark.parametrize("form", WRITERS)
@settings(max_examples=8, deadline=None)
@given(reading=readings())
def test_labels_splits_pixels_and_groups_come_back(form: str, reading: Reading) -> None:
    name, data = WRITERS[form](reading)
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        check(read_path(path, ReadOptions.of(labels="affectnet" if form.startswith("a label") else None)), reading)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=15, deadline=None)
@given(reading=readings())
def test_an_export_comes_back(form: str, reading: Reading) -> None:
    with TemporaryDirectory() as folder:
        target = Path(folder) / ("faces" if form == "folders" else f"faces.{form}")
        export(reading, form, target)
        check(read_path(target), reading)
