"""The process that decodes a parquet file: `python -m fer.datasets.readers.parquet_child MOST_IMAGE_BYTES`.

A compressed page, or a value that a dictionary repeats, takes a few bytes in the file and any number in memory. Over
some damaged files, pyarrow ends its process.
"""

import io
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fer.datasets.readers.columns import GROUP_COLUMNS, IMAGE_COLUMNS, LABEL_COLUMNS, SPLIT_COLUMNS, find_column
from fer.datasets.readers.parquet_wire import (
    ANSWER,
    BATCH,
    DAMAGED,
    DONE,
    FAILED,
    INFO,
    MAX_CELL,
    MAX_DETAIL,
    MAX_MEMORY,
    MEMORY,
    MISSING,
    ROW,
    WANTED,
    send,
)
from fer.storage.children import limit_memory

_BUFFER_BYTES: Final = 2**18
# Of a batch, whose rows are decoded together; a file may say less of itself than is true.
_BATCH_BYTES: Final = 2**22
_MOST_ROWS_AT_A_TIME: Final = 32


def main() -> None:
    """Decode the file that the parent reads, and send its rows."""
    output = sys.stdout.buffer
    # One thread, and no pool that keeps what was freed: the limit is for what is in use.
    pa.set_memory_pool(pa.system_memory_pool())
    pa.set_cpu_count(1)
    limit_memory(MAX_MEMORY)
    try:
        _send_rows(_ParentsFile(sys.stdin.buffer, output), output, int(sys.argv[1]))
    except MemoryError:
        send(output, FAILED, {"reason": MEMORY, "detail": ""})
    except _MissingColumnError as error:
        send(output, FAILED, {"reason": MISSING, "detail": str(error)})
    except (pa.ArrowException, OSError, ValueError) as error:
        detail = (str(error).splitlines() or [type(error).__name__])[0]
        # The reader of the footer says so in words.
        reason = MEMORY if "bad_alloc" in detail else DAMAGED
        send(output, FAILED, {"reason": reason, "detail": detail[:MAX_DETAIL]})
    output.flush()


class _MissingColumnError(Exception):
    """There is no column of images or of labels; the message is its name."""


class _ParentsFile(io.RawIOBase):
    """The file, read by asking the parent."""

    def __init__(self, answers: IO[bytes], questions: IO[bytes]) -> None:
        self._answers, self._questions = answers, questions
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._place}
        self._place = offset + (self._ask(0, -1) if whence == os.SEEK_END else starts[whence])
        return self._place

    def read(self, size: int = -1) -> bytes:
        n_bytes = self._ask(self._place, max(size, 0))
        data = self._answers.read(n_bytes)
        self._place += len(data)
        return data

    def _ask(self, offset: int, length: int) -> int:
        """Ask for bytes, and return how many there are; with a length of -1, return the length of the file."""
        send(self._questions, WANTED, {"offset": offset, "length": length})
        self._questions.flush()
        (n_bytes,) = ANSWER.unpack(self._answers.read(ANSWER.size))
        return int(n_bytes)


def _send_rows(file: _ParentsFile, output: IO[bytes], most_image_bytes: int) -> None:
    # Buffered, a column is read page by page instead of whole.
    source = pq.ParquetFile(file, buffer_size=_BUFFER_BYTES)
    columns = Columns.of(source.schema_arrow)
    metadata = source.metadata
    n_bytes = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    send(output, INFO, {"n_rows": metadata.num_rows, "n_bytes": n_bytes})
    n_at_a_time = min(max(_BATCH_BYTES * metadata.num_rows // max(n_bytes, 1), 1), _MOST_ROWS_AT_A_TIME)
    for batch in source.iter_batches(n_at_a_time, columns=columns.wanted(), use_threads=False):
        send(output, BATCH, {"n_rows": batch.num_rows, "n_bytes": batch.nbytes})
        for row in range(batch.num_rows):
            about, data = columns.row(batch, row)
            if len(data) > most_image_bytes:
                about, data = {**about, "problem": "its image has too many bytes"}, b""
            send(output, ROW, about, data)
    send(output, DONE, {})


@dataclass(frozen=True)
class Columns:
    """The names of the columns, and the class names of the labels if the schema has them."""

    image: str
    label: str
    split: str | None
    group: str | None
    classes: tuple[str, ...] | None

    @classmethod
    def of(cls, schema: pa.Schema) -> "Columns":
        """Find the columns in a schema."""
        names = [str(column) for column in schema.names]
        found = [find_column(names, wanted) for wanted in (IMAGE_COLUMNS, LABEL_COLUMNS, SPLIT_COLUMNS, GROUP_COLUMNS)]
        image, label, split, group = (None if place is None else names[place] for place in found)
        if image is None or label is None:
            raise _MissingColumnError("image" if image is None else "label")
        return cls(image, label, split, group, _class_names(schema, label))

    def wanted(self) -> list[str]:
        """Return the columns to read."""
        return [name for name in (self.image, self.label, self.split, self.group) if name is not None]

    def row(self, batch: pa.RecordBatch, row: int) -> tuple[dict[str, Any], bytes]:
        """Return what is said of a row, and the bytes of its image: those of a file, of text, or of pixels."""
        values = {name: batch.column(name)[row].as_py() for name in self.wanted()}
        about = {
            "label": self._label_text(values[self.label]),
            "split": None if self.split is None else _cell(values[self.split]),
            "group": "" if self.group is None else _cell(values[self.group]),
        }
        shown, data = _image(values[self.image])
        return {**about, **shown}, data

    def _label_text(self, label: Any) -> str:
        """Return the name of a class if the schema has it, else what the cell holds."""
        if self.classes is not None and isinstance(label, int) and 0 <= label < len(self.classes):
            return self.classes[label]
        return _cell(label)


def _cell(value: Any) -> str:
    if isinstance(value, bytes):
        value = value[:MAX_CELL].decode("utf-8", "replace")
    return str(value)[:MAX_CELL] if isinstance(value, str | int | float) else ""


def _image(value: Any) -> tuple[dict[str, Any], bytes]:
    """Return the form of an image, and its bytes."""
    data = value.get("bytes") if isinstance(value, dict) else value
    if isinstance(data, bytes):
        return {"form": "file"}, data
    if isinstance(data, str):
        return {"form": "text"}, data.encode()
    if isinstance(data, Sequence):
        return _pixels(data)
    return {"form": "", "problem": "it has no image"}, b""


def _pixels(values: Sequence[Any]) -> tuple[dict[str, Any], bytes]:
    """Return an image that is a list of numbers, or lists of them, as bytes of pixels."""
    try:
        pixels = np.asarray(values)
    except ValueError:
        pixels = np.empty(0)
    if pixels.dtype.kind not in "iu" or not pixels.size or pixels.min() < 0 or pixels.max() > 255:
        return {"form": "", "problem": "its pixels aren't whole numbers from 0 to 255"}, b""
    return {"form": "pixels", "shape": list(pixels.shape)}, pixels.astype(np.uint8).tobytes()


def _class_names(schema: pa.Schema, label: str) -> tuple[str, ...] | None:
    """Return the class names that Hugging Face keeps in the schema, or None."""
    try:
        info = json.loads((schema.metadata or {})[b"huggingface"])
        names = info["info"]["features"][label]["names"]
        # Older files number the names in an object.
        names = [names[key] for key in sorted(names, key=int)] if isinstance(names, dict) else names
        return tuple(str(name)[:MAX_CELL] for name in names)
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


if __name__ == "__main__":
    main()
