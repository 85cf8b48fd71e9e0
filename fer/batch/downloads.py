"""The results of a batch as files that a browser saves, made piece by piece while they are sent."""

import io
import os
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from fer.batch.joining import csv_pieces
from fer.batch.output import ANNOTATED, FACES, FILES, MANIFEST, Output, open_output, part_name, read_manifest
from fer.batch.parts import totals_of
from fer.errors import BatchError
from fer.provenance import Provenance
from fer.storage.schema import fitting
from fer.storage.values import ValuesError
from fer.text import MB

_PIECE_BYTES: Final = MB


class _Taken(io.RawIOBase):
    """What was written since the last look; a zip file is written to it from beginning to end."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


def finished(output: Output) -> Iterator[str]:
    """Yield the tasks whose parts are valid, by name, also while others are written.

    Raises:
        BatchError: the folder can't be read.
    """
    try:
        tasks = sorted(output.tasks_with(FILES) & output.tasks_with(FACES))
    except OSError as error:
        raise BatchError(f"{output.where} can't be read ({error.strerror or error}); check the disk.") from error
    return (task for task in tasks if totals_of(output, task) is not None)


def parts_zip(results: Path) -> Iterator[bytes]:
    """Yield a zip with the manifest and the parts of all finished tasks.

    Raises:
        BatchError: the results can't be read.
    """
    tasks = finished(open_output(str(results)))
    names = (part_name(kind, task) for task in tasks for kind in (FACES, FILES))
    yield from _zipped((name, results / name) for name in (MANIFEST, *names))


def annotated_zip(results: Path) -> Iterator[bytes]:
    """Yield a zip with the annotated copies.

    Raises:
        BatchError: the results can't be read.
    """
    files = (Path(folder, name) for folder, _, names in os.walk(results / ANNOTATED) for name in sorted(names))
    yield from _zipped((file.relative_to(results).as_posix(), file) for file in files if not file.name.startswith("."))


def csv_of(results: Path, kind: str) -> Iterator[bytes]:
    """Yield the rows of all finished tasks as `fer batch --csv` writes them.

    Args:
        results: the folder of results.
        kind: 'faces' or 'files'.

    Raises:
        BatchError: the results can't be read.
    """
    output = open_output(str(results))
    yield from csv_pieces(output, kind, finished(output), _about(output))


def _about(output: Output) -> Provenance:
    try:
        return fitting(read_manifest(output)["about"], Provenance)
    except (KeyError, ValuesError) as error:
        raise BatchError(f"{output.where} has no readable {MANIFEST}. Press Resume: it is written again.") from error


def _zipped(files: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    taken = _Taken()
    try:
        # Stored: parquet, JPEG and MP4 are compressed already.
        with zipfile.ZipFile(taken, "w", zipfile.ZIP_STORED) as archive:
            for name, path in files:
                with path.open("rb") as source, archive.open(name, "w", force_zip64=True) as target:
                    while piece := source.read(_PIECE_BYTES):
                        target.write(piece)
                        yield taken.take()
        yield taken.take()
    except OSError as error:
        raise BatchError(f"The results can't be read ({error.strerror or error}); check the disk.") from error
