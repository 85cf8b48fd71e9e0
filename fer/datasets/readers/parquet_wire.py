"""What the process that decodes a parquet file and its parent say to each other.

A message is a kind, a JSON object and data. The child has no file: it asks for bytes, and the parent answers with their
number and the bytes themselves.
"""

import json
import struct
from typing import IO, Any, Final

from fer.text import MB

# Bytes are wanted {offset, length}; what the file says of its size {n_rows, n_bytes}; a batch follows
# {n_rows, n_bytes}; a row, with its image {label, split, group, form}; the end; why the child gave up {reason, detail}.
WANTED, INFO, BATCH, ROW, DONE, FAILED = b"W", b"I", b"B", b"R", b"D", b"F"
# Reasons to give up: a column is missing, whose name is the detail; the file is damaged; it takes too much memory.
MISSING, DAMAGED, MEMORY = "missing", "damaged", "memory"
# The kind, the bytes of the JSON object, and the bytes of data.
HEADER: Final = struct.Struct("<cIQ")
ANSWER: Final = struct.Struct("<Q")
# What the child may take in addition to its libraries.
MAX_MEMORY: Final = 350 * MB
# Of one piece of the file: columns are read in small pieces, and the directory at its end has some kilobytes.
MAX_PIECE: Final = 32 * MB
# A row's JSON has some hundred bytes.
MAX_JSON: Final = 100_000
# Characters of a label, split or group, and of an error.
MAX_CELL: Final = 200
MAX_DETAIL: Final = 120


def send(stream: IO[bytes], kind: bytes, values: dict[str, Any], data: bytes = b"") -> None:
    """Write one message."""
    text = json.dumps(values).encode()
    stream.write(HEADER.pack(kind, len(text), len(data)) + text)
    stream.write(data)
