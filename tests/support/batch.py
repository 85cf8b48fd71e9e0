"""A stand-in for the analysis of a batch, which workers import, and batches of small files for it."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from fer.batch.attempt import Analyse, Sink, Work
from fer.batch.inputs import Input
from fer.batch.output import FILES, Output
from fer.batch.parts import FACE_COLUMNS, FileResult
from fer.batch.settings import Inputs, Settings
from fer.provenance import Provenance

if TYPE_CHECKING:
    from fer.batch.running import Request

SETTINGS = Settings("a" * 16, "yunet")
ABOUT = Provenance("stand-in", SETTINGS.model_hash, "yunet", 0.4, 1.1, date="2026-11-29T12:00:00+00:00")
PATIENCE_SECONDS = 60


def stand_in(settings: Settings, output: Output, about: Provenance) -> Analyse:
    """Return an analysis that looks at a file's name only.

    'poison' ends the process, 'wait' waits until there is a file 'go' in its folder, 'bad' fails, 'two' has two faces,
    every other file one.
    """
    return look_at_name


def look_at_name(one: Input, add: Sink) -> FileResult:
    name = Path(one.path).name
    if "poison" in name:
        os.kill(os.getpid(), signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "wait" in name and not Path(one.path).with_name("go").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    if "bad" in name:
        return FileResult(error="It is bad.")
    n_faces = 2 if "two" in name else 1
    add(face(one.path, number) for number in range(1, n_faces + 1))
    return FileResult(n_faces, "d" * 64, 40, 30)


def face(file: str, number: int) -> tuple[Any, ...]:
    """Return a row of the part of faces."""
    values: dict[str, Any] = dict.fromkeys(FACE_COLUMNS)
    values |= {"file": file, "face": number, "emotion": "happy", "label": "happy", "confidence": 0.5, "sure": True}
    return tuple(values.values())


def made(folder: Path, *names: str) -> list[Input]:
    """Write small files and return them as inputs."""
    folder.mkdir(parents=True, exist_ok=True)
    return [made_one(folder / name) for name in names]


def made_one(file: Path) -> Input:
    file.write_bytes(b"x")
    status = file.stat()
    return Input(str(file), status.st_size, str(status.st_mtime_ns), status.st_mtime)


def request_for(folder: Path, out: Path | str, **values: Any) -> "Request":
    """Return a batch of a folder with the stand-in."""
    # Late: workers import this module, and need less.
    from fer.batch.running import Request

    return Request(Inputs((str(folder),)), str(out), SETTINGS, ABOUT, make=stand_in, **values)


def work_for(out: Path | str, settings: Settings = SETTINGS) -> Work:
    """Return what the tasks of such a batch have in common."""
    return Work(settings, str(out), ABOUT, stand_in)


def rows(out: Path, kind: str) -> list[dict[str, Any]]:
    """Return the rows that a reader of a folder gets, sorted by file."""
    found = [row for part in sorted((out / kind).glob("*.parquet")) for row in pq.ParquetFile(part).read().to_pylist()]
    return sorted(found, key=lambda row: (row["file"], row.get("face") or 0))


def names(out: Path, kind: str = FILES) -> Iterator[str]:
    """Yield the names of the files in these rows."""
    return (Path(row["file"]).name for row in rows(out, kind))
