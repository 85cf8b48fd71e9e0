"""Join the parts of a batch to one CSV file, as `fer analyze` writes it, in constant memory."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import IO, Any, Final

from fer.batch.output import Output
from fer.batch.parts import SCHEMAS, part_batches
from fer.provenance import PROVENANCE_COLUMNS, Provenance
from fer.text import spreadsheet_safe

_ROWS: Final = 10_000
_NAMES: Final = ("file", "annotated", "model")


def write_csv(output: Output, kind: str, tasks: Iterable[str], about: Provenance, stream: IO[bytes]) -> None:
    """Write the rows of parts as UTF-8 CSV, safe to open in a spreadsheet, with what made them in the last columns.

    Args:
        output: where the parts are.
        kind: 'faces' or 'files'.
        tasks: their names, in the order of the rows.
        about: what made the results.
        stream: where to write.

    Raises:
        BatchError: a part can't be read.
        OSError: the stream can't be written.
    """
    for piece in csv_pieces(output, kind, tasks, about):
        stream.write(piece)


def csv_pieces(output: Output, kind: str, tasks: Iterable[str], about: Provenance) -> Iterator[bytes]:
    """Yield what `write_csv` writes, in pieces.

    Raises:
        BatchError: a part can't be read.
    """
    names = SCHEMAS[kind].names
    last = [_safe(name, value) for name, value in about.columns().items()]
    yield f"{','.join((*names, *PROVENANCE_COLUMNS))}\n".encode()
    for task in tasks:
        for batch in part_batches(output, kind, task, _ROWS):
            text = io.StringIO(newline="")
            # Quoted, so that a semicolon in a name starts no new cell in a spreadsheet that splits there.
            writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
            columns = [[_safe(name, value) for value in batch.column(name).to_pylist()] for name in names]
            writer.writerows((*row, *last) for row in zip(*columns, strict=True))
            yield text.getvalue().encode()


def _safe(name: str, value: Any) -> Any:
    if value is None or value != value:
        return None
    if isinstance(value, float):
        return round(value, 6)
    return spreadsheet_safe(value) if name in _NAMES else value
