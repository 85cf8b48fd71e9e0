"""Read parquet files in the layout of Hugging Face: a column of images, one of labels, class names in the schema."""

from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from fer.arrays import SIDE
from fer.datasets.readers import budget as limits
from fer.datasets.readers.budget import Budget, check_ratio, too_large
from fer.datasets.readers.collecting import TRAIN, Collector, Row, RowError, split_problem
from fer.datasets.readers.folders import FaceReader, as_face, decode_face
from fer.datasets.readers.orders import LabelOrder
from fer.datasets.readers.parquet_parent import ParquetRows
from fer.datasets.readers.parquet_wire import BATCH, INFO
from fer.datasets.readers.split_names import split_of_path
from fer.datasets.readers.tables import parse_pixels
from fer.datasets.readings import MAX_IMAGES, Progress, Reading, silent
from fer.errors import DatasetError

_ROWS_BETWEEN_REPORTS: Final = 64
Face = npt.NDArray[np.uint8]


def read_parquet(
    file: IO[bytes],
    path: PurePosixPath,
    progress: Progress = silent,
    order: LabelOrder | None = None,
    to_face: FaceReader | None = None,
    default: int = TRAIN,
) -> Reading:
    """Read a parquet file, and keep what can be read.

    Args:
        file: the bytes; it can seek.
        path: the file's path; its name or a folder may name the split.
        progress: called every 64 rows.
        to_face: cuts the face out of an image; None takes images as faces.
        order: the class of each number, if neither the schema nor the labels name the classes.
        default: the split if nothing gives one.

    Raises:
        LabelOrderError: labels are numbers, and the order isn't known.
        DatasetError: it is damaged, lacks a column, or has too many rows or bytes.
    """
    found = Collector(path.name, order, split_of_path(path), default)
    with ParquetRows(file, path.name) as rows:
        _collect(rows, found, progress, to_face or decode_face)
    return found.reading("parquet")


def _collect(rows: ParquetRows, found: Collector, progress: Progress, to_face: FaceReader) -> None:
    budget, n_rows, number, n_bytes = Budget(found.name), 0, 0, 0
    for kind, values, data in rows.messages():
        if kind == INFO:
            n_rows = values["n_rows"]
            _check_size(n_rows, values["n_bytes"], rows.n_packed, found.name)
        elif kind == BATCH:
            budget.take(values["n_bytes"])
            # With its face, as one tiny image for all rows would fill the memory too.
            n_bytes += values["n_bytes"] + values["n_rows"] * SIDE * SIDE
            check_ratio(n_bytes, rows.n_packed, f"{found.name} is")
        else:
            if number % _ROWS_BETWEEN_REPORTS == 0:
                progress(number / max(n_rows, 1), f"{number:,} of {n_rows:,} rows read")
            number += 1
            found.add(_row(values, data, number, found, to_face))


def _row(values: dict[str, Any], data: bytes, number: int, found: Collector, to_face: FaceReader) -> Row:
    where = f"row {number:,}"
    text = values["split"]
    split = found.split_in(text, where)
    problem = values.get("problem", "") or (split_problem(text) if text is not None and split is None else "")
    # As Hugging Face numbers the images of a test split whose labels are secret.
    unusable = "without a label" if values["label"] == "-1" else ""
    face = partial(_face, values, data, to_face)
    return Row(where, values["label"], split, face, values["group"], problem, unusable)


def _face(values: dict[str, Any], data: bytes, to_face: FaceReader) -> Face:
    if values["form"] == "file":
        return to_face(data)
    return parse_pixels(data.decode()) if values["form"] == "text" else _face_of_pixels(data, values["shape"])


def _face_of_pixels(data: bytes, shape: list[int]) -> Face:
    if len(data) == SIDE * SIDE:
        return np.frombuffer(data, np.uint8).reshape(SIDE, SIDE)
    if len(shape) < 2:
        raise RowError(f"{len(data):,} pixel values, expected {SIDE * SIDE:,}")
    try:
        return as_face(np.frombuffer(data, np.uint8).reshape(shape))
    except ValueError as error:
        raise RowError(f"its pixels have the shape {tuple(shape)}") from error


def _check_size(n_rows: int, n_bytes: int, n_packed: int, name: str) -> None:
    """Refuse a file by what it says of itself, before any row is decoded."""
    if n_rows > MAX_IMAGES:
        raise DatasetError(f"{name} has more than {MAX_IMAGES:,} rows; split it, and import the parts.")
    if n_bytes > limits.MAX_TOTAL_BYTES:
        raise too_large(name)
    check_ratio(n_bytes, n_packed, f"{name} is")
