"""Read parquet files in the layout of Hugging Face: a column of images, one of labels, class names in the schema."""

import json
from pathlib import PurePosixPath
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fer.datasets.faces import SPLITS
from fer.datasets.readers import budget as limits
from fer.datasets.readers.budget import check_ratio, too_large
from fer.datasets.readers.collecting import Collector
from fer.datasets.readers.folders import FaceReader, decode_face
from fer.datasets.readers.names import class_number, split_named, split_of_file
from fer.datasets.readers.orders import LabelOrder, LabelOrderError, SampleFaces, read_label
from fer.datasets.readers.photos import FaceCountError
from fer.datasets.readers.tables import GROUP_COLUMNS, LABEL_COLUMNS, USAGE_COLUMNS, RowError, parse_pixels
from fer.datasets.readings import MAX_IMAGES, Progress, Reading, silent
from fer.errors import DatasetError, ImageError
from fer.vision.images import MAX_BYTES

IMAGE_COLUMNS: Final = ("image", "img", "pixels")
_ROWS_AT_A_TIME: Final = 64
_TRAIN: Final = SPLITS.index("train")


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
        return _read(file, path, progress, _Rows(path, order, to_face or decode_face))
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DatasetError(f"{path.name} is a damaged parquet file ({reason[:120]}); download it again.") from error


def _read(file: IO[bytes], path: PurePosixPath, progress: Progress, rows: "_Rows") -> Reading:
    source = pq.ParquetFile(file)
    _check_size(source, path.name)
    image = _column(source.schema_arrow, IMAGE_COLUMNS, path.name, "image")
    label = _column(source.schema_arrow, (*LABEL_COLUMNS, "labels"), path.name, "label")
    split = next((name for name in source.schema_arrow.names if name.lower() in USAGE_COLUMNS), None)
    group = next((name for name in source.schema_arrow.names if name.lower() in GROUP_COLUMNS), None)
    rows.names = _class_names(source.schema_arrow, label)
    columns = [name for name in (image, label, split, group) if name is not None]
    n_rows = source.metadata.num_rows
    number = 0
    for batch in source.iter_batches(_ROWS_AT_A_TIME, columns=columns):
        progress(number / max(n_rows, 1), f"{number:,} of {n_rows:,} rows read")
        for row in batch.to_pylist():
            number += 1
            rows.read(number, row[image], row[label], row.get(split), row.get(group))
    if rows.samples.faces:
        raise LabelOrderError(path.name, rows.samples.faces)
    return rows.faces.reading(path.name, "parquet")


class _Rows:
    """Reads the rows of one file."""

    def __init__(self, path: PurePosixPath, order: LabelOrder | None, to_face: FaceReader) -> None:
        self.faces, self.samples = Collector(), SampleFaces()
        self._name, self._order, self._to_face = path.name, order, to_face
        self.names: list[str] | None = None
        folders = {found for part in path.parts[:-1] if (found := split_named(part)) is not None}
        in_name = split_of_file(path.name)
        self._split = in_name if in_name is not None else folders.pop() if len(folders) == 1 else None

    def read(self, number: int, image: Any, label: Any, split: Any, group: Any) -> None:
        """Read one row."""
        where = f"row {number:,}"
        place = self._split_of(split, number)
        text = self._text(label)
        known = read_label(text, self._order)
        try:
            if known is None and (self._order is not None or class_number(text) is None):
                raise RowError(f"label '{text[:20]}' is not the name or number of a class")
            if place is None:
                raise RowError(f"split '{str(split)[:20]}' is not train, validation or test")
            face = _face(image, self._to_face)
        except FaceCountError as error:
            self.faces.leave_out(where, place, str(error))
            return
        except (RowError, ImageError) as error:
            self.faces.reject(where, str(error), place)
            return
        if known is None:
            if self.samples.wants(number := int(float(text))):
                self.samples.add(number, face)
        elif not self.faces.is_left_out(known, where, place):
            self.faces.keep(face, known, place, where, "" if group is None else str(group))

    def _text(self, label: Any) -> str:
        if self.names is not None and isinstance(label, int) and 0 <= label < len(self.names):
            return self.names[label]
        return "" if label is None else str(label)

    def _split_of(self, split: Any, number: int) -> int | None:
        if split is None:
            return _TRAIN if self._split is None else self._split
        found = split_named(str(split))
        if found is not None and self._split is not None and found != self._split:
            raise DatasetError(
                f"{self._name} contradicts itself: its name says {SPLITS[self._split]}, and row {number:,} says "
                f"'{str(split)[:20]}'; rename the file, or correct the column."
            )
        return found


def _face(image: Any, to_face: FaceReader) -> np.ndarray:
    data = image.get("bytes") if isinstance(image, dict) else image
    if isinstance(data, str):
        return parse_pixels(data).reshape(48, 48)
    if not isinstance(data, bytes):
        raise RowError("it has no image")
    if len(data) > MAX_BYTES:
        raise RowError("its image has too many bytes")
    return to_face(data)


def _column(schema: pa.Schema, wanted: tuple[str, ...], name: str, what: str) -> str:
    for column in schema.names:
        if column.lower() in wanted:
            return str(column)
    raise DatasetError(f"{name} has no column '{what}'; expected the columns image and label of a parquet file.")


def _class_names(schema: pa.Schema, label: str) -> list[str] | None:
    """Return the class names that Hugging Face keeps in the schema, or None."""
    try:
        info = json.loads((schema.metadata or {})[b"huggingface"])
        names = info["info"]["features"][label]["names"]
        # Older files number the names in an object.
        names = [names[key] for key in sorted(names, key=int)] if isinstance(names, dict) else names
        return [str(name) for name in names]
    except (KeyError, TypeError, ValueError):
        return None


def _check_size(source: pq.ParquetFile, name: str) -> None:
    metadata = source.metadata
    if metadata.num_rows > MAX_IMAGES:
        raise DatasetError(f"{name} has more than {MAX_IMAGES:,} rows; split it, and import the parts.")
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    chunks = [group.column(index) for group in groups for index in range(group.num_columns)]
    n_bytes = sum(chunk.total_uncompressed_size for chunk in chunks)
    if n_bytes > limits.MAX_TOTAL_BYTES:
        raise too_large(name)
    check_ratio(n_bytes, sum(chunk.total_compressed_size for chunk in chunks), f"{name} is")
