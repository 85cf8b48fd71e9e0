"""Export a dataset as CSV, image folders or parquet, in forms that import as the same dataset again."""

import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Final

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fer.datasets.faces import SPLITS
from fer.datasets.readers.budget import leads_out
from fer.datasets.readers.names import class_named
from fer.datasets.readers.split_names import split_named, split_of_file
from fer.datasets.readers.trees import is_system_file
from fer.datasets.readings import Progress, Reading, silent
from fer.emotions import EMOTIONS
from fer.errors import DatasetError, shortened
from fer.storage.files import PART, rename, replacing, sync_folder

FORMS: Final = ("csv", "folders", "parquet")
_USAGES: Final = ("Training", "PublicTest", "PrivateTest")
# The text of each grey level: looked up twice as fast as made.
_LEVELS: Final = tuple(map(str, range(256)))
_ROWS_AT_A_TIME: Final = 1000
_REPORT_EVERY: Final = 200


def export(reading: Reading, form: str, target: Path, progress: Progress = silent) -> None:
    """Write a dataset to a new file or folder.

    Votes are not exported. Persons and sessions are: as a column `group`, or as folders below the class.

    Args:
        reading: the dataset.
        form: one of `FORMS`.
        target: the file, or for 'folders' the folder; it must not exist.
        progress: called as the work proceeds; an exception it raises ends the export, and leaves nothing behind.

    Raises:
        DatasetError: the target exists, can't be written, or its name contradicts the splits.
    """
    _check_name(reading, form, target.name)
    if target.exists():
        raise DatasetError(f"{target} already exists; give another name.")
    try:
        if form == "folders":
            _write_folders(reading, target, progress)
        else:
            write: Callable[[IO[bytes], Reading, Progress], None] = _write_csv if form == "csv" else _write_parquet
            with replacing(target) as stream:
                write(stream, reading, progress)
    except OSError as error:
        raise DatasetError(
            f"{target} can't be written ({error.strerror or error}); check the folder and the space on the disk."
        ) from error


def _check_name(reading: Reading, form: str, name: str) -> None:
    split = None if form == "folders" else split_of_file(name)
    others = set(reading.dataset.split_names()) - {None if split is None else SPLITS[split]}
    if split is not None and others:
        raise DatasetError(
            f"{name} would be read as {SPLITS[split]}, and the dataset has {', '.join(sorted(others))}; give the file "
            f"another name."
        )


def export_name(name: str) -> str:
    """Return what an export of a dataset is called: its name, unless that contains a split, as in 'my-test'.

    Imported again, a file 'my-test.csv' would contradict the rows of other splits in it.
    """
    joined = re.sub(r"\W|_", "", name).lower()
    return next((chosen for chosen in (name, joined) if split_of_file(chosen) is None), "faces")


def packed_name(form: str, name: str) -> str:
    """Return the name of the file that `packed` makes of a dataset."""
    name = export_name(name)
    return {"csv": f"{name}.csv.zip", "folders": f"{name}.zip", "parquet": f"{name}.parquet"}[form]


def packed(reading: Reading, form: str, name: str, progress: Progress = silent) -> bytes:
    """Return an export as the bytes of one file, for a download.

    A CSV and folders are packed in a zip, which imports as it is.

    Raises:
        DatasetError: a group can't be a folder.
    """
    stream = io.BytesIO()
    if form == "parquet":
        _write_parquet(stream, reading, progress)
        return stream.getvalue()
    if form == "csv":
        with (
            zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
            # Of an unknown size, which may be beyond what a plain zip holds.
            archive.open(f"{export_name(name)}.csv", "w", force_zip64=True) as file,
        ):
            _write_csv(file, reading, progress)
        return stream.getvalue()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, data in _image_files(reading, progress):
            archive.writestr(path.as_posix(), data)
    return stream.getvalue()


def _write_csv(stream: IO[bytes], reading: Reading, progress: Progress) -> None:
    groups = reading.groups
    stream.write(b"emotion,pixels,Usage" + (b",group\n" if groups else b"\n"))
    dataset = reading.dataset
    for index, (image, label, split) in enumerate(zip(dataset.images, dataset.labels, dataset.splits, strict=True)):
        _report(progress, index, len(dataset))
        pixels = " ".join(map(_LEVELS.__getitem__, image.tobytes()))
        line = f"{label},{pixels},{_USAGES[split]}"
        if groups:
            line += ',"{}"'.format(groups[index].replace('"', '""'))
        stream.write(f"{line}\n".encode())


def _write_parquet(stream: IO[bytes], reading: Reading, progress: Progress) -> None:
    """Write the layout of Hugging Face: images as PNG, class names in the schema."""
    fields = [
        pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        pa.field("label", pa.int64()),
        pa.field("split", pa.string()),
        pa.field("group", pa.string()),
    ]
    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(EMOTIONS), "_type": "ClassLabel"},
        "split": {"dtype": "string", "_type": "Value"},
        "group": {"dtype": "string", "_type": "Value"},
    }
    schema = pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})
    dataset, groups = reading.dataset, reading.groups or ("",) * len(reading.dataset)
    with pq.ParquetWriter(stream, schema) as writer:
        for start in range(0, len(dataset), _ROWS_AT_A_TIME):
            _report(progress, start, len(dataset))
            rows = range(start, min(start + _ROWS_AT_A_TIME, len(dataset)))
            columns = {
                "image": [{"bytes": _png(dataset.images[row]), "path": f"{row:06d}.png"} for row in rows],
                "label": [int(dataset.labels[row]) for row in rows],
                "split": [SPLITS[dataset.splits[row]] for row in rows],
                "group": [groups[row] for row in rows],
            }
            writer.write_table(pa.table(columns, schema=schema))


def _write_folders(reading: Reading, target: Path, progress: Progress) -> None:
    part = target.with_name(f".{target.name}{PART}")
    shutil.rmtree(part, ignore_errors=True)
    try:
        for path, data in _image_files(reading, progress):
            (part / path.parent).mkdir(parents=True, exist_ok=True)
            (part / path).write_bytes(data)
        rename(part, target)
        sync_folder(target.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _image_files(reading: Reading, progress: Progress) -> Iterator[tuple[Path, bytes]]:
    """Yield the path and the PNG bytes of each image: 'train/happy/000003.png', with the group below the class."""
    dataset = reading.dataset
    for index, (image, label, split) in enumerate(zip(dataset.images, dataset.labels, dataset.splits, strict=True)):
        _report(progress, index, len(dataset))
        group = reading.groups[index] if reading.groups else ""
        yield Path(SPLITS[split], EMOTIONS[label]) / _safe(group) / f"{index:06d}.png", _png(image)


def _safe(group: str) -> Path:
    """Return a group as a path below its class; a name that would be no group, or another one, is refused."""
    path = PurePosixPath(group)
    is_folder = not (leads_out(group) or is_system_file(path) or "\\" in group)
    means_more = any(class_named(part) is not None or split_named(part) is not None for part in path.parts)
    if not is_folder or means_more or (group and path.as_posix() != group):
        raise DatasetError(f"The group '{shortened(group, 40)}' can't be a folder; export to csv or parquet.")
    return Path(path)


def _png(image: np.ndarray) -> bytes:
    done, data = cv2.imencode(".png", np.asarray(image))
    if not done:
        raise OSError("PNG encoding failed")
    return data.tobytes()


def _report(progress: Progress, index: int, n_images: int) -> None:
    if index % _REPORT_EVERY == 0:
        progress(index / n_images, f"{index:,} of {n_images:,} images written")
