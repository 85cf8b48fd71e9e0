"""Read parquet files in the layout of Hugging Face: a column of images, one of labels, class names in the schema."""

import json
import os
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fer.arrays import SIDE
from fer.datasets.readers import budget as limits
from fer.datasets.readers.budget import Budget, check_ratio, too_large
from fer.datasets.readers.collecting import Collector, Row, RowError, split_problem
from fer.datasets.readers.columns import GROUP_COLUMNS, LABEL_COLUMNS, SPLIT_COLUMNS, find_column
from fer.datasets.readers.folders import FaceReader, decode_face
from fer.datasets.readers.names import split_named, split_of_file
from fer.datasets.readers.orders import LabelOrder
from fer.datasets.readers.tables import parse_pixels
from fer.datasets.readings import MAX_IMAGES, Progress, Reading, silent
from fer.errors import DatasetError
from fer.vision.images import MAX_BYTES

IMAGE_COLUMNS: Final = ("image", "img", "pixels")
# Few, because a value that a dictionary repeats takes a few bytes on disk, and its whole size in every row.
_ROWS_AT_A_TIME: Final = 4
_ROWS_BETWEEN_REPORTS: Final = 64


def read_parquet(
    file: IO[bytes],
    path: PurePosixPath,
    progress: Progress = silent,
    order: LabelOrder | None = None,
    to_face: FaceReader | None = None,
) -> Reading:
    """Read a parquet file, and keep what can be read.

    Args:
        file: the bytes; it can seek.
        path: the file's path; its name or a folder may name the split.
        progress: called every 64 rows.
        to_face: cuts the face out of an image; None takes images as faces.
        order: the class of each number, if neither the schema nor the labels name the classes.

    Raises:
        LabelOrderError: labels are numbers, and the order isn't known.
        DatasetError: it is damaged, lacks a column, or has too many rows or bytes.
    """
    try:
        return _read(file, path, progress, Collector(path.name, order, _split_of(path)), to_face or decode_face)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DatasetError(f"{path.name} is a damaged parquet file ({reason[:120]}); download it again.") from error


def _split_of(path: PurePosixPath) -> int | None:
    """Return the split that the name of a file gives, or that of its folder."""
    folders = {found for part in path.parts[:-1] if (found := split_named(part)) is not None}
    in_name = split_of_file(path.name)
    return in_name if in_name is not None else folders.pop() if len(folders) == 1 else None


def _read(file: IO[bytes], path: PurePosixPath, progress: Progress, found: Collector, to_face: FaceReader) -> Reading:
    n_packed = file.seek(0, os.SEEK_END)
    source = pq.ParquetFile(file)
    _check_size(source, n_packed, path.name)
    columns = _Columns.of(source.schema_arrow, path.name)
    n_rows = source.metadata.num_rows
    budget, number = Budget(path.name), 0
    for batch in source.iter_batches(_ROWS_AT_A_TIME, columns=columns.wanted()):
        if number % _ROWS_BETWEEN_REPORTS == 0:
            progress(number / max(n_rows, 1), f"{number:,} of {n_rows:,} rows read")
        for values in batch.to_pylist():
            number += 1
            budget.take(_n_bytes(values[columns.image]))
            found.add(_row(values, number, columns, found, to_face))
    return found.reading("parquet")


def _n_bytes(image: Any) -> int:
    data = image.get("bytes") if isinstance(image, dict) else image
    return len(data) if isinstance(data, bytes | str) else 0


def _row(values: dict[str, Any], number: int, columns: "_Columns", found: Collector, to_face: FaceReader) -> Row:
    where = f"row {number:,}"
    said = None if columns.split is None else values[columns.split]
    text = None if said is None else str(said)
    split = found.split_in(text, where)
    problem = split_problem(text) if text is not None and split is None else ""
    group = None if columns.group is None else values[columns.group]
    label = columns.label_text(values[columns.label])
    face = partial(_face, values[columns.image], to_face)
    return Row(where, label, split, face, "" if group is None else str(group), problem)


@dataclass(frozen=True)
class _Columns:
    """The names of the columns, and the class names of the labels if the schema has them."""

    image: str
    label: str
    split: str | None
    group: str | None
    classes: tuple[str, ...] | None

    @classmethod
    def of(cls, schema: pa.Schema, name: str) -> "_Columns":
        """Find the columns in a schema.

        Raises:
            DatasetError: there is no column of images or of labels.
        """
        names = [str(column) for column in schema.names]
        found = [find_column(names, wanted) for wanted in (IMAGE_COLUMNS, LABEL_COLUMNS, SPLIT_COLUMNS, GROUP_COLUMNS)]
        image, label, split, group = (None if place is None else names[place] for place in found)
        if image is None or label is None:
            what = "image" if image is None else "label"
            raise DatasetError(
                f"{name} has no column '{what}'; expected the columns image and label of a parquet file."
            )
        return cls(image, label, split, group, _class_names(schema, label))

    def wanted(self) -> list[str]:
        """Return the columns to read."""
        return [name for name in (self.image, self.label, self.split, self.group) if name is not None]

    def label_text(self, label: Any) -> str:
        """Return the name of a class if the schema has it, else what the cell holds."""
        if self.classes is not None and isinstance(label, int) and 0 <= label < len(self.classes):
            return self.classes[label]
        return "" if label is None else str(label)


def _face(image: Any, to_face: FaceReader) -> np.ndarray:
    data = image.get("bytes") if isinstance(image, dict) else image
    if isinstance(data, str):
        return parse_pixels(data).reshape(SIDE, SIDE)
    if not isinstance(data, bytes):
        raise RowError("it has no image")
    if len(data) > MAX_BYTES:
        raise RowError("its image has too many bytes")
    return to_face(data)


def _class_names(schema: pa.Schema, label: str) -> tuple[str, ...] | None:
    """Return the class names that Hugging Face keeps in the schema, or None."""
    try:
        info = json.loads((schema.metadata or {})[b"huggingface"])
        names = info["info"]["features"][label]["names"]
        # Older files number the names in an object.
        names = [names[key] for key in sorted(names, key=int)] if isinstance(names, dict) else names
        return tuple(str(name) for name in names)
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _check_size(source: pq.ParquetFile, n_packed: int, name: str) -> None:
    metadata = source.metadata
    if metadata.num_rows > MAX_IMAGES:
        raise DatasetError(f"{name} has more than {MAX_IMAGES:,} rows; split it, and import the parts.")
    # Not from the columns: pyarrow ends the process on a damaged description of a column, whatever Python catches.
    n_bytes = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    if n_bytes > limits.MAX_TOTAL_BYTES:
        raise too_large(name)
    check_ratio(n_bytes, n_packed, f"{name} is")
