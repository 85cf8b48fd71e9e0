"""Export a dataset as CSV, image folders or parquet, in forms that import as the same dataset again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fer.datasets.faces import SPLITS
from fer.datasets.readings import Progress, Reading, silent
from fer.emotions import EMOTIONS
from fer.errors import DatasetError
from fer.storage.files import PART, rename, replacing, sync_folder

FORMS: Final = ("csv", "folders", "parquet")
_USAGES: Final = ("Training", "PublicTest", "PrivateTest")
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
        DatasetError: the target exists, or can't be written.
    """
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


def _write_csv(stream: IO[bytes], reading: Reading, progress: Progress) -> None:
    groups = reading.groups
    stream.write(b"emotion,pixels,Usage" + (b",group\n" if groups else b"\n"))
    dataset = reading.dataset
    for index, (image, label, split) in enumerate(zip(dataset.images, dataset.labels, dataset.splits, strict=True)):
        _report(progress, index, len(dataset))
        line = f"{label},{' '.join(map(str, image.ravel().tolist()))},{_USAGES[split]}"
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
        dataset = reading.dataset
        for index, (image, label, split) in enumerate(zip(dataset.images, dataset.labels, dataset.splits, strict=True)):
            _report(progress, index, len(dataset))
            group = reading.groups[index] if reading.groups else ""
            folder = part / SPLITS[split] / EMOTIONS[label] / _safe(group)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{index:06d}.png").write_bytes(_png(image))
        rename(part, target)
        sync_folder(target.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _safe(group: str) -> Path:
    """Return a group as a path below its class; a name that isn't a plain folder is refused."""
    path = Path(group)
    if path.is_absolute() or ".." in path.parts or "\0" in group or any(part.startswith(".") for part in path.parts):
        raise DatasetError(f"The group '{group[:40]}' can't be a folder; export to csv or parquet.")
    return path


def _png(image: np.ndarray) -> bytes:
    done, data = cv2.imencode(".png", np.asarray(image))
    if not done:
        raise OSError("PNG encoding failed")
    return data.tobytes()


def _report(progress: Progress, index: int, n_images: int) -> None:
    if index % _REPORT_EVERY == 0:
        progress(index / n_images, f"{index:,} of {n_images:,} images written")
