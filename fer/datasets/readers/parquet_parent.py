"""Read the rows of a parquet file from the process that decodes it, which is ended when it takes too much."""

import contextlib
import io
import json
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Any, Final, Self

import psutil

from fer.datasets.readers.parquet_wire import (
    ANSWER,
    BATCH,
    DONE,
    FAILED,
    HEADER,
    INFO,
    MAX_JSON,
    MAX_MEMORY,
    MAX_PIECE,
    MEMORY,
    MISSING,
    ROW,
    WANTED,
)
from fer.errors import DatasetError
from fer.storage.children import end_child, start_child
from fer.text import MB
from fer.vision.images import MAX_BYTES

_POLL_SECONDS: Final = 0.05
# Seconds without a message. A batch takes a few milliseconds.
_SILENT_SECONDS: Final = 60.0
# The libraries take 100 MB.
_MAX_RESIDENT: Final = MAX_MEMORY + 120 * MB
Message = tuple[bytes, dict[str, Any], bytes]


class ParquetRows:
    """Decode one file in a child process, in a with block.

    Args:
        file: the bytes; it can seek.
        name: the file's name, for messages.

    Attributes:
        n_packed: bytes of the file.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        self.n_packed = file.seek(0, io.SEEK_END)
        self._waits_since: float | None = None
        self._ended_for = ""

    def __enter__(self) -> Self:
        self._child = start_child("fer.datasets.readers.parquet_child", str(MAX_BYTES))
        assert self._child.stdin is not None and self._child.stdout is not None
        self._questions, self._answers = io.BufferedReader(self._child.stdout, MB), self._child.stdin  # type: ignore[type-var]
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._watcher.join()
        end_child(self._child)
        self._questions.close()

    def messages(self) -> Iterator[Message]:
        """Yield an INFO, then for each batch a BATCH and its ROWs.

        Raises:
            DatasetError: the file is damaged, lacks a column, or takes too much memory or time.
        """
        while True:
            kind, values, data = self._next()
            if kind == WANTED:
                self._answer(values["offset"], values["length"])
            elif kind == DONE:
                return
            elif kind == FAILED:
                raise self._error(values["reason"], values["detail"])
            else:
                yield kind, values, data

    def _next(self) -> Message:
        self._waits_since = time.monotonic()
        header = self._questions.read(HEADER.size)
        if len(header) == HEADER.size:
            kind, n_json, n_data = HEADER.unpack(header)
            # Nothing is trusted, as the child handles a stranger's file.
            if n_json <= MAX_JSON and n_data <= MAX_BYTES and kind in (WANTED, INFO, BATCH, ROW, DONE, FAILED):
                text, data = self._questions.read(n_json), self._questions.read(n_data)
                if len(text) == n_json and len(data) == n_data:
                    self._waits_since = None
                    return kind, json.loads(text), data
        raise self._error(self._ended_for, "the decoder stopped unexpectedly")

    def _answer(self, offset: int, length: int) -> None:
        if length > MAX_PIECE:
            raise self._error(MEMORY, "")
        if length < 0:
            answer = ANSWER.pack(self.n_packed)
        else:
            self._file.seek(offset)
            data = self._file.read(length)
            answer = ANSWER.pack(len(data)) + data
        rest = memoryview(answer)
        # A child that has ended is noticed when it is read from.
        with contextlib.suppress(OSError):
            while rest:
                rest = rest[self._answers.write(rest) :]

    def _error(self, reason: str, detail: str) -> DatasetError:
        if reason == MISSING:
            return DatasetError(
                f"{self._name} has no column '{detail}'; expected the columns image and label of a parquet file."
            )
        if reason == MEMORY:
            return DatasetError(
                f"{self._name} takes more than {MAX_MEMORY // MB} MB of memory to decode, as no table of faces does; "
                "save it again in smaller row groups, or as images in folders."
            )
        return DatasetError(f"{self._name} is a damaged parquet file ({detail}); download it again.")

    def _watch(self) -> None:
        """End the child when it takes too much memory, where the system itself doesn't limit it, or too long."""
        watched = psutil.Process(self._child.pid)
        while not self._closing.wait(_POLL_SECONDS):
            since = self._waits_since
            with contextlib.suppress(psutil.Error):
                if watched.memory_info().rss > _MAX_RESIDENT:
                    self._ended_for = MEMORY
            is_late = since is not None and time.monotonic() - since > _SILENT_SECONDS
            if self._ended_for or is_late:
                self._child.kill()
                return
